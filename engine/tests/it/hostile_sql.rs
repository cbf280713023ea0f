//! SQL that must not do what it says.

use engine::Error;

use crate::it::fixtures::{TestLake, error};

/// Scenario: a client sends statements that write, change settings, or read files of the machine.
/// Guarantees: each is refused as the caller's fault, and nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_reading() {
    let lake = TestLake::empty().await;
    let session = lake.session().await;
    let target = lake.folder.path().join("stolen.csv");
    let target = target.display();
    let inner = [
        format!("COPY (SELECT 1) TO '{target}'"),
        format!("COPY spans TO '{target}' STORED AS PARQUET"),
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'".into(),
        "CREATE TABLE t AS SELECT 1".into(),
        "CREATE VIEW v AS SELECT 1".into(),
        "INSERT INTO storage.spans SELECT * FROM storage.spans".into(),
        "DELETE FROM spans".into(),
        "UPDATE spans SET span_name = 'x'".into(),
        "DROP VIEW spans".into(),
        "SET datafusion.runtime.memory_limit = '100G'".into(),
    ];
    for statement in inner {
        for sql in [
            statement.clone(),
            format!("EXPLAIN {statement}"),
            format!("EXPLAIN ANALYZE {statement}"),
            format!("EXPLAIN VERBOSE {statement}"),
            format!("PREPARE p AS {statement}"),
            format!("SELECT 1; {statement}"),
            format!("WITH a AS ({statement}) SELECT * FROM a"),
        ] {
            let error = error(&session, &sql).await;
            assert!(error.is_caller_fault(), "{sql}: {error:?}");
        }
    }
    assert!(!lake.folder.path().join("stolen.csv").exists());
}

/// Scenario: a client names a file where a table belongs.
/// Guarantees: it is an unknown table, whatever the file holds.
#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_no_table() {
    let lake = TestLake::empty().await;
    let session = lake.session().await;
    for path in ["/etc/passwd", "file:///etc/passwd", "s3://bucket/key", "http://169.254.169.254/"]
    {
        let error = error(&session, &format!("SELECT * FROM '{path}'")).await;
        assert!(
            matches!(&error, Error::BadQuery(text) if text.contains("not found")),
            "{path}: {error:?}"
        );
    }
}

/// Scenario: the longest chains that the guard lets through are planned and run.
/// Guarantees: the process survives them.
#[test]
fn deep_expressions_do_not_overflow() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(engine::THREAD_STACK_BYTES)
        .build()
        .expect("a runtime");
    // A spawned task runs on the runtime's threads, as queries of the server do.
    runtime.block_on(runtime.spawn(deep_expressions())).expect("the process survives");
}

async fn deep_expressions() {
    let lake = TestLake::empty().await;
    let session = lake.session().await;
    let limit = lake.engine.settings().sql_max_operators;
    let constant = format!("SELECT {}1", "1+".repeat(limit - 1));
    let column = format!("SELECT {}depth FROM spans", "depth+".repeat(limit - 1));
    let ors =
        format!("SELECT count(*) FROM spans WHERE {}false", "duration_ns=1 OR ".repeat(limit - 1));
    for sql in [constant, column, ors] {
        let query = session.query(&sql).await.expect("it is planned");
        query.collect().await.expect("it runs");
    }
}
