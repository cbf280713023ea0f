//! Statements that must not pass, and ones that must.

use super::{check_text, parse};
use crate::settings::Settings;

fn check(sql: &str) -> Result<(), String> {
    let settings = Settings::default();
    check_text(sql, &settings)
        .and_then(|()| parse(sql, &settings).map(drop))
        .map_err(|e| e.to_string())
}

#[test]
fn reading_is_allowed() {
    for sql in [
        "SELECT 1",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "SHOW TABLES",
        "SHOW COLUMNS FROM spans",
        "DESCRIBE spans",
        "SELECT 1;",
    ] {
        assert_eq!(check(sql), Ok(()), "{sql}");
    }
}

#[test]
fn everything_else_is_refused() {
    for sql in [
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "EXPLAIN COPY (SELECT 1) TO '/tmp/x.csv'",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "EXPLAIN CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "CREATE TABLE t AS SELECT 1",
        "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "INSERT INTO spans SELECT * FROM spans",
        "EXPLAIN INSERT INTO spans SELECT * FROM spans",
        "UPDATE spans SET span_name = 'x'",
        "DELETE FROM spans",
        "TRUNCATE TABLE spans",
        "DROP TABLE spans",
        "ALTER TABLE spans RENAME TO x",
        "SET datafusion.execution.target_partitions = 1",
        "RESET datafusion.execution.target_partitions",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "BEGIN",
        "SELECT 1; DROP TABLE spans",
        "WITH t AS (DELETE FROM spans) SELECT 1",
        "EXPLAIN WITH t AS (WITH u AS (DELETE FROM spans) SELECT 1) SELECT 1",
        "WITH t AS (INSERT INTO spans SELECT * FROM spans) SELECT 1",
    ] {
        let error = check(sql).expect_err(sql);
        assert!(
            error.contains("only SELECT, EXPLAIN, SHOW and DESCRIBE are allowed"),
            "{sql}: {error}"
        );
    }
}

#[test]
fn monsters_are_too_complex() {
    let sum = format!("SELECT {}1", "1+".repeat(20_000));
    let ors = format!("SELECT 1 WHERE {}true", "1=1 OR ".repeat(10_000));
    let parens = format!("SELECT {}1{}", "(".repeat(1_000), ")".repeat(1_000));
    let unions = vec!["SELECT 1"; 5_000].join(" UNION ALL ");
    let subqueries = format!("{}SELECT 1{}", "SELECT * FROM (".repeat(500), ")".repeat(500));
    let long = format!("SELECT '{}'", "x".repeat(2 << 20));
    for sql in [sum, ors, parens, unions, subqueries, long] {
        let error = check(&sql).expect_err("too complex");
        assert!(error.contains("query too complex"), "{error}");
    }
}

#[test]
fn an_empty_text_says_what_to_do() {
    assert_eq!(check("  -- nothing"), Err("the statement is empty; write a query".into()));
}
