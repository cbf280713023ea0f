//! `spanlake sql`: formats, sources of statements, and clear errors.

use std::io::{BufRead, BufReader, Cursor};
use std::process::Stdio;

use arrow::array::RecordBatch;
use arrow::ipc::reader::{FileReader, StreamReader};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::fixtures::Folder;

const QUERY: &str = "SELECT trace_id, span_name, start_time, duration_ns, attributes \
                     FROM spans ORDER BY trace_id, start_time";

/// Scenario: a query with every kind of column, in JSON.
/// Guarantees: one object per line; ids are text, times RFC 3339 with nine digits, maps objects.
#[test]
fn json_lines() {
    let folder = Folder::with_lake();
    let text = folder.run(["sql", "--format", "json", QUERY]).ok();
    let rows: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[0]["trace_id"], "00000000000000000000000000000001");
    assert_eq!(rows[0]["start_time"], "2026-11-10T00:00:00.001000000Z");
    assert_eq!(rows[0]["duration_ns"], 10_000_000);
    assert_eq!(rows[0]["attributes"]["http.route"], "/cart");
    let odd = folder
        .run(["sql", "--format", "json", "SELECT 'NaN'::double AS n, NULL AS x, [1, 2] AS l"])
        .ok();
    assert_eq!(odd, "{\"n\":null,\"x\":null,\"l\":[1,2]}\n");
}

/// Scenario: the same query as a table and as CSV, to a pipe.
/// Guarantees: both are plain text with every row, and nothing else on stdout.
#[test]
fn tables_and_csv() {
    let folder = Folder::with_lake();
    let sql = "SELECT span_name, count(*) AS spans FROM spans GROUP BY 1 ORDER BY 1";
    let table = folder.run(["sql", sql]).ok();
    let expected = "  span_name   | spans\n--------------+-------\n GET /cart    |     2\n \
                    SELECT cart  |     1\n SELECT fails |     1\n";
    assert_eq!(table, expected);
    let csv = folder.run(["sql", "--format", "csv", sql]).ok();
    assert_eq!(csv, "span_name,spans\nGET /cart,2\nSELECT cart,1\nSELECT fails,1\n");
    let plan = folder.run(["sql", "EXPLAIN SELECT 1"]).ok();
    assert!(plan.contains("logical_plan"), "{plan}");
}

/// Scenario: results as Parquet and Arrow, to a file and to a pipe.
/// Guarantees: they read back with all rows; the file name chooses the format.
#[test]
fn parquet_and_arrow_read_back() {
    let folder = Folder::with_lake();
    for name in ["rows.parquet", "rows.arrow", "rows.arrows"] {
        folder.run(["sql", "--out", name, QUERY]).ok();
    }
    let rows = |batches: Vec<RecordBatch>| {
        assert_eq!(batches[0].num_columns(), 5);
        batches.iter().map(RecordBatch::num_rows).sum::<usize>()
    };
    let file = std::fs::File::open(folder.path().join("rows.parquet")).expect("a file");
    let parquet = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build();
    assert_eq!(rows(parquet.expect("a reader").map(|b| b.expect("rows")).collect()), 4);
    let file = FileReader::try_new(Cursor::new(folder.read("rows.arrow")), None).expect("a file");
    assert_eq!(rows(file.map(|b| b.expect("rows")).collect()), 4);
    let piped = folder.run(["sql", "--format", "arrow", QUERY]);
    for stream in [folder.read("rows.arrows"), piped.bytes] {
        let stream = StreamReader::try_new(stream.as_slice(), None).expect("a stream");
        assert_eq!(rows(stream.map(|b| b.expect("rows")).collect()), 4);
    }
    // What was written is a table for the next query.
    let sql = "SELECT count(*) FROM t JOIN spans USING (trace_id)";
    let joined = folder.run(["sql", "--attach", "t=rows.parquet", "--format", "csv", sql]).ok();
    assert_eq!(joined, "count(*)\n8\n");
}

/// Scenario: statements from a file and from stdin, several in one text.
/// Guarantees: all run in order; if one of them is wrong, none does.
#[test]
fn statements_from_files_and_pipes() {
    let folder = Folder::with_lake();
    let text = "-- two\nSELECT 1 AS a; SELECT ';' AS b;\n";
    folder.write("two.sql", text);
    let expected = "a\n1\nb\n;\n";
    assert_eq!(folder.run(["sql", "--format", "csv", "-f", "two.sql"]).ok(), expected);
    assert_eq!(folder.run_with(["sql", "--format", "csv"], text.as_bytes()).ok(), expected);
    let run = folder.run(["sql", "SELECT 1; SELEC 2"]);
    assert_eq!(run.stdout, "", "{run:?}");
    run.fails(2);
    assert!(folder.run(["sql", "-f", "no.sql"]).fails(2).contains("no.sql"));
    assert!(folder.run(["sql", " ; "]).fails(2).contains("the statement is empty"));
    let two = folder.run(["sql", "--out", "x.csv", "SELECT 1; SELECT 2"]).fails(2);
    assert!(two.contains("one statement"), "{two}");
}

/// Scenario: names that do not exist, and SQL that does not parse.
/// Guarantees: one line that names the culprit, exit code 2.
#[test]
fn wrong_queries_say_what_is_wrong() {
    let folder = Folder::with_lake();
    for (sql, expected) in [
        ("SELECT nope FROM spans", "nope"),
        ("SELECT * FROM nope", "nope"),
        ("SELECT nope(1)", "nope"),
        ("SELEC 1", "SELEC"),
        ("SELECT count(*) FROM spans WHERE trace_id", "trace_id"),
    ] {
        let error = folder.run(["sql", sql]).fails(2);
        assert!(error.contains(expected), "{sql}: {error}");
    }
}

/// Scenario: a query that plans and then fails on the data.
/// Guarantees: exit code 1, and a file that was asked for does not appear.
#[test]
fn a_failing_query_leaves_no_file() {
    let folder = Folder::with_lake();
    let sql = "SELECT CAST(span_name AS BIGINT) FROM spans";
    let error = folder.run(["sql", "--out", "rows.parquet", sql]).fails(1);
    assert!(error.contains("GET /cart") || error.contains("SELECT"), "{error}");
    assert_eq!(folder.names(), ["lake", "traces.json"]);
}

/// Scenario: there is no lake, or something else is in its place.
/// Guarantees: one line that says how to make one, exit code 2, and nothing is created.
#[test]
fn a_lake_that_is_none() {
    let folder = Folder::new();
    let error = folder.run(["sql", "SELECT 1"]).fails(2);
    assert!(error.contains("./lake is not a lake"), "{error}");
    assert!(error.contains("spanlake import"), "{error}");
    folder.write("file", "");
    folder.run(["sql", "--lake", "file", "SELECT 1"]).fails(2);
    let empty = folder.command().env("SPANLAKE_LAKE", "").args(["sql", "SELECT 1"]).output();
    assert_eq!(empty.expect("it ran").status.code(), Some(2));
    assert_eq!(folder.names(), ["file"]);
}

/// Scenario: the reader of the output goes away after the first line, as `head -1` does.
/// Guarantees: that is no error: exit code 0 and nothing on stderr.
#[test]
fn a_closed_pipe_is_no_error() {
    let folder = Folder::with_lake();
    let sql = "SELECT a.value, b.value FROM generate_series(1, 1000) a, generate_series(1, 1000) b";
    for format in ["csv", "json", "table", "arrow", "parquet"] {
        let mut child = folder
            .command()
            .args(["sql", "--format", format, sql])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = Vec::new();
        stdout.read_until(b'\n', &mut line).expect("a line");
        drop(stdout);
        let output = child.wait_with_output().expect("the binary ends");
        assert_eq!(output.status.code(), Some(0), "{format}: {output:?}");
        assert!(output.stderr.is_empty(), "{format}: {output:?}");
    }
}
