//! `spanlake sql --attach`: traces that others stored as Parquet.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array};
use datafusion::parquet::arrow::ArrowWriter;

use crate::fixtures::{Folder, START_NS};

/// One trace as ClickHouse's `otel_traces` has it.
fn otel_traces() -> RecordBatch {
    let text = |values: [&str; 3]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let start = START_NS as i64;
    let times = TimestampNanosecondArray::from(vec![start, start + 10, start + 20]);
    let columns: [(&str, ArrayRef); 9] = [
        ("Timestamp", Arc::new(times.with_timezone("UTC"))),
        ("TraceId", text(["4bf92f3577b34da6a3ce929d0e0e4736"; 3])),
        ("SpanId", text(["00f067aa0ba902b7", "53995c3f42cd8ad8", "53995c3f42cd8ad9"])),
        ("ParentSpanId", text(["", "00f067aa0ba902b7", "53995c3f42cd8ad8"])),
        ("SpanName", text(["GET /cart", "SELECT cart", "read"])),
        ("SpanKind", text(["Server", "Client", "Internal"])),
        ("ServiceName", text(["shop", "shop", "db"])),
        ("Duration", Arc::new(UInt64Array::from(vec![100, 60, 20]))),
        ("StatusCode", text(["Unset", "Error", "Unset"])),
    ];
    RecordBatch::try_from_iter(columns).expect("a batch")
}

fn folder() -> Folder {
    let folder = Folder::new();
    let file = File::create(folder.path().join("otel_traces.parquet")).expect("a file");
    let batch = otel_traces();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    folder
}

const ATTACH: [&str; 5] = ["sql", "--format", "csv", "--attach", "t=otel_traces.parquet"];

/// Scenario: a ClickHouse table as Parquet, and no lake anywhere.
/// Guarantees: its columns are there under their own names, and the trace functions work on them.
#[test]
fn traces_of_clickhouse_need_no_lake() {
    let folder = folder();
    let tree = "\
        SELECT \"SpanName\", tree['depth'] AS depth, tree['self_time_ns'] AS self, \
        tree['parent_service_name'] AS parent FROM ( \
            SELECT *, span_tree(\"SpanId\", \"ParentSpanId\", \"Timestamp\", \
                arrow_cast(\"Duration\", 'Int64'), \"SpanKind\", \"StatusCode\", \
                \"ServiceName\", \"SpanName\") OVER (PARTITION BY \"TraceId\") AS tree FROM t \
        ) ORDER BY depth";
    let csv = folder.run(ATTACH.iter().chain(&[tree])).ok();
    let expected =
        "SpanName,depth,self,parent\nGET /cart,0,40,\nSELECT cart,1,40,shop\nread,2,20,shop\n";
    assert_eq!(csv, expected);
    let nearest = "SELECT percentile_nearest(arrow_cast(\"Duration\", 'Int64'), 0.5) AS p FROM t";
    assert_eq!(folder.run(ATTACH.iter().chain(&[nearest])).ok(), "p\n60\n");
}

/// Scenario: the lake was named and is not there; or an attached file is missing, foreign or unnamed.
/// Guarantees: one clear line and exit code 2: what was asked for is not silently left out.
#[test]
fn what_cannot_be_attached_says_why() {
    let folder = folder();
    folder.write("text.parquet", "no Parquet at all");
    let lake = folder.run(["--lake", "nowhere", "SELECT 1"].iter().fold(
        ATTACH.map(String::from).to_vec(),
        |mut args, arg| {
            args.push((*arg).into());
            args
        },
    ));
    assert!(lake.fails(2).contains("nowhere is not a lake"));
    for (attach, expected) in [
        ("t=missing.parquet", "missing.parquet"),
        ("t=text.parquet", "text.parquet"),
        ("T=otel_traces.parquet", "lowercase"),
    ] {
        let error = folder.run(["sql", "--attach", attach, "SELECT 1"]).fails(2);
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(folder.run(["sql", "--attach", "t", "SELECT 1"]).code, Some(2));
}
