//! SQL that must not run, however it is brought in.

use crate::fixtures::Folder;

/// Scenario: statements that write, create, change settings or read other files, plain and hidden.
/// Guarantees: exit code 2 with one line, nothing printed, and no file made or read.
#[test]
fn only_reading_statements_run() {
    let folder = Folder::with_lake();
    folder.write("secret.csv", "canary\n");
    let inner = [
        "COPY spans TO 'stolen.csv'",
        "COPY (SELECT 1) TO 'stolen.parquet' STORED AS PARQUET",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'secret.csv'",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "SET datafusion.execution.batch_size = 1",
        "INSERT INTO spans SELECT * FROM spans",
        "UPDATE spans SET span_name = 'x'",
        "DELETE FROM spans",
        "DROP TABLE spans",
    ];
    // One process for all that one text can hold would stop at the first; each needs its own.
    for statement in inner {
        check(&folder, statement);
        check(&folder, &format!("EXPLAIN ANALYZE {statement}"));
        check(&folder, &format!("WITH a AS ({statement}) SELECT * FROM a"));
        check(&folder, &format!("SELECT 1; {statement}"));
    }
    for path in ["/etc/passwd", "secret.csv", "s3://bucket/key"] {
        check(&folder, &format!("SELECT * FROM '{path}'"));
    }
    assert_eq!(folder.names(), ["lake", "secret.csv", "traces.json"]);
    assert_eq!(folder.values("SELECT count(*) FROM spans"), "4");
}

#[track_caller]
fn check(folder: &Folder, sql: &str) {
    let run = folder.run(["sql", sql]);
    assert_eq!(run.stdout, "", "{sql}: {run:?}");
    let error = run.fails(2);
    assert!(!error.contains("canary"), "{sql}: {error}");
}

/// Scenario: queries built to exhaust the stack or the parser.
/// Guarantees: they are refused or answered; the process does not abort.
#[test]
fn monsters_do_not_abort() {
    let folder = Folder::with_lake();
    let sum = format!("SELECT {}1", "1+".repeat(50_000));
    let parens = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    for sql in [sum, parens, "x".repeat(2 << 20)] {
        let error = folder.run_with(["sql"], sql.as_bytes()).fails(2);
        assert!(error.contains("query too complex"), "{error}");
    }
    let deep = format!("SELECT {}1 AS n", "1+".repeat(400));
    assert_eq!(folder.run(["sql", "--format", "csv", &deep]).ok(), "n\n401\n");
}
