//! The rule that lets percentiles share a sketch: which plans it changes, and no answer.

use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::{SessionConfig, SessionContext};

async fn session(shares: bool) -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(3).with_batch_size(512);
    let mut session = SessionContext::new_with_config(config);
    udfs::register_all(&mut session).expect("functions register");
    if shares {
        session.add_optimizer_rule(Arc::new(udfs::SharePercentiles));
    }
    // Groups of one value, of few, and of thousands; NULLs, and weights of 0.
    let rows = "CREATE TABLE t AS SELECT value AS id, \
                CASE WHEN value < 50 THEN 'few' WHEN value = 50 THEN 'one' ELSE 'many' END AS g, \
                CASE WHEN value % 7 = 0 THEN NULL ELSE (value * 7919) % 100003 END AS d, \
                arrow_cast((value * 31) % 1009, 'Duration(Nanosecond)') AS s, value % 4 AS w \
                FROM generate_series(1, 6000)";
    session.sql(rows).await.expect("plans").collect().await.expect("runs");
    session
}

async fn run(session: &SessionContext, sql: &str) -> Vec<RecordBatch> {
    let frame = session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    frame.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// How many aggregate expressions the optimized plan has by name.
async fn count_in_plan(session: &SessionContext, sql: &str, name: &str) -> usize {
    let plan = session.sql(sql).await.expect("plans").into_optimized_plan().expect("optimizes");
    let text = plan.display_indent().to_string();
    let aggregates = text.lines().filter(|line| line.trim_start().starts_with("Aggregate:"));
    aggregates.map(|line| line.matches(name).count()).sum()
}

const SHARED: &str = "shared_percentiles(";

/// Statements, and how many sketches each shares.
const STATEMENTS: [(&str, usize); 16] = [
    ("SELECT p50(d), p95(d), p99(d) FROM t", 1),
    (
        "SELECT g, p50(d) AS a, p99(d) AS b, count(*), quantile(d, 0.123), max(d) FROM t GROUP BY g ORDER BY g",
        1,
    ),
    (
        "SELECT g, p99(s) AS b, p50(s) AS a FROM t GROUP BY g HAVING p99(s) > arrow_cast(5, 'Duration(Nanosecond)') ORDER BY g",
        1,
    ),
    ("SELECT p50(d), p50(s), p90(d), p90(s) FROM t", 2),
    (
        "SELECT p50(d) FILTER (WHERE w > 1) AS a, p90(d) FILTER (WHERE w > 1) AS b, p90(d), p75(d) FROM t",
        2,
    ),
    (
        "SELECT quantile(d, 0.5, w), quantile(d, 0.9 + 0.05, w), quantile(d, 1, w), quantile(d, 0.5) FROM t",
        1,
    ),
    ("SELECT p50(d / 1000.0), p99(d / 1000.0) FROM t", 1),
    ("SELECT p50(d), quantile(d, 0.5), p50(d) + p50(d) FROM t", 1),
    (
        "SELECT g, w, p50(d), p99(d) FROM t GROUP BY GROUPING SETS ((g), (g, w), ()) ORDER BY g, w",
        1,
    ),
    ("SELECT w + 1 AS v, p50(d) - p99(d) AS x FROM t GROUP BY w + 1 ORDER BY x, v", 1),
    (
        "SELECT id, (SELECT p99(d) - p50(d) FROM t AS u WHERE u.w = t.w) AS x FROM t WHERE id < 9 ORDER BY id",
        1,
    ),
    (
        "SELECT g FROM (SELECT g, p50(d) AS a, p99(d) AS b FROM t GROUP BY g) WHERE a < b ORDER BY g",
        1,
    ),
    // Nothing to share.
    ("SELECT p50(d), p99(s) FROM t", 0),
    (
        "SELECT p50(d), p50(d) FILTER (WHERE w > 1), quantile(d, 0.5, w), percentile_nearest(d, 0.9) FROM t",
        0,
    ),
    ("SELECT p50(DISTINCT d) FROM t", 0),
    (
        "SELECT id, p50(d) OVER (PARTITION BY g ORDER BY id) AS a, p99(d) OVER (PARTITION BY g ORDER BY id) AS b FROM t ORDER BY id LIMIT 60",
        0,
    ),
];

/// Scenario: statements with several percentiles, with and without the rule.
/// Guarantees: they share sketches where they can; names, types and answers are the same to the last bit.
#[tokio::test]
async fn answers_stay_the_same() {
    let (with, without) = (session(true).await, session(false).await);
    for (sql, shared) in STATEMENTS {
        assert_eq!(count_in_plan(&with, sql, SHARED).await, shared, "{sql}");
        assert_eq!(count_in_plan(&without, sql, SHARED).await, 0, "{sql}");
        let (actual, expected) = (run(&with, sql).await, run(&without, sql).await);
        assert_eq!(actual[0].schema(), expected[0].schema(), "{sql}");
        let text = |batches: &[RecordBatch]| {
            pretty_format_batches(batches).expect("batches format").to_string()
        };
        assert_eq!(text(&actual), text(&expected), "{sql}");
    }
}

/// Scenario: calls that are wrong.
/// Guarantees: the errors are those of the functions that were called.
#[tokio::test]
async fn errors_stay_the_same() {
    let session = session(true).await;
    for (sql, expected) in [
        ("SELECT quantile(d, 2), quantile(d, 3) FROM t", "quantile: q must be from 0 to 1, not"),
        (
            "SELECT quantile(d, 0.5, -1), quantile(d, 0.6, -1) FROM t",
            "a weight must be finite and not negative, not -1",
        ),
        ("SELECT p50(g), p99(g) FROM t", "p50: x must be a number or a Duration"),
    ] {
        let error = match session.sql(sql).await {
            Ok(frame) => frame.collect().await.expect_err("it is wrong").to_string(),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(expected), "{sql}: {error}");
    }
}
