//! Look-ups share a plan, and other statements do not.

use super::*;
use crate::read::Divided;
use crate::settings::Settings;
use crate::sql::Runtime;

const ONE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER: &str = "0af7651916cd43dd8448eb211c80319c";

/// Look-ups of any trace. Each has the same plan but for the id.
const LOOK_UPS: [&str; 9] = [
    "SELECT * FROM spans WHERE trace_id = '{}'",
    "SELECT span_id, attributes['http.route'] FROM spans WHERE '{}' = trace_id ORDER BY start_time, 1 LIMIT 7",
    "SELECT s.span_name AS name FROM public.spans AS s WHERE s.duration_ns > 5 AND s.trace_id = '{}' AND is_root",
    "SELECT trace_id, span_count FROM traces WHERE trace_id = '{}'",
    "SELECT * FROM (SELECT * FROM spans WHERE trace_id = '{}') AS these ORDER BY start_time",
    "SELECT span_id FROM spans WHERE trace_id = '{}' AND span_name <> '0AF7651916CD43DD8448EB211C80319D'",
    "SELECT trace_id = 'x' AS is_x, upper(trace_id) FROM spans WHERE trace_id = '{}'",
    "SELECT event_name FROM span_events WHERE trace_id = '{}'",
    "/* {b} */ SELECT span_id FROM spans WHERE trace_id = '{}' AND span_id = '00f067aa0ba902b7'",
];

/// What depends on which trace it is, or looks up none.
const OTHERS: [&str; 18] = [
    "SELECT '{}' AS this, span_id FROM spans WHERE trace_id = '{}'",
    "SELECT span_id FROM spans WHERE trace_id = '{}' AND trace_id = '{b}'",
    "SELECT span_id FROM spans WHERE trace_id = '{b}' AND trace_id <> '{}'",
    "SELECT span_id FROM spans WHERE trace_id = '{}' AND length(trace_id) = 32",
    "SELECT span_id FROM spans WHERE trace_id = '{}' OR trace_id = '{b}'",
    "SELECT span_id FROM spans WHERE trace_id = '{}' OR is_root",
    "SELECT span_id FROM spans WHERE NOT trace_id = '{}'",
    "SELECT span_id FROM spans WHERE trace_id > '{}'",
    "SELECT span_id FROM spans WHERE trace_id IN ('{}')",
    "SELECT span_id FROM spans WHERE span_name = '{}'",
    "SELECT span_id FROM (SELECT 'x' AS trace_id, span_id FROM spans) WHERE trace_id = '{}'",
    "SELECT span_id FROM spans WHERE trace_id = '{}' AND span_id IN (SELECT span_id FROM span_events)",
    "SELECT '{}' AS this, span_id FROM spans",
    "SELECT count(*) FROM spans WHERE trace_id = '{}'",
    "SELECT a.span_id FROM spans a JOIN spans b USING (span_id) WHERE a.trace_id = '{}'",
    "SELECT span_id, now() FROM spans WHERE trace_id = '{}'",
    "EXPLAIN SELECT span_id FROM spans WHERE trace_id = '{}'",
    "SELECT span_id FROM spans WHERE trace_id = '{}' AND duration_ns > $1",
];

async fn session() -> Session {
    let runtime = Runtime::new(&Settings::default(), None).expect("a runtime");
    Session::over(&runtime, Divided::empty()).await.expect("a session over no rows")
}

fn of_trace(sql: &str, trace: &str) -> String {
    sql.replace("{}", trace).replace("{b}", "d4cda95b652f4a1592b449d5929fda1b")
}

async fn prepare_and_run(session: &Session, sql: &str) -> Statement {
    let statement = session.prepare(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    if statement.parameter_schema().fields().is_empty() {
        let query = statement.execute().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        query.collect().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
    statement
}

fn optimized(statement: &Statement) -> Option<String> {
    statement.planned.optimized.get().map(|plan| plan.display_indent_schema().to_string())
}

/// Scenario: a trace is looked up, then another one with the same words.
/// Guarantees: the second has its plan before it runs, and it is the one that it would have had alone.
#[tokio::test]
async fn look_ups_share_a_plan() {
    for sql in LOOK_UPS {
        let (one, other) = (of_trace(sql, ONE), of_trace(sql, OTHER));
        let (used, fresh) = (session().await, session().await);
        prepare_and_run(&used, &one).await;
        let known = used.prepare(&other).await.expect("a statement");
        let alone = prepare_and_run(&fresh, &other).await;
        assert!(optimized(&known).is_some(), "{sql}");
        assert_eq!(optimized(&known), optimized(&alone), "{sql}");
        assert_eq!(known.schema(), alone.schema(), "{sql}");
    }
}

/// Scenario: the same with statements whose plan another trace would change.
/// Guarantees: each is planned by itself.
#[tokio::test]
async fn other_statements_do_not() {
    for sql in OTHERS {
        let used = session().await;
        prepare_and_run(&used, &of_trace(sql, ONE)).await;
        let other = used.prepare(&of_trace(sql, OTHER)).await.expect("a statement");
        assert_eq!(optimized(&other), None, "{sql}");
    }
}

/// Scenario: a long look-up, one in capitals, one of an id that no trace has, one that is too short.
/// Guarantees: they are planned as any statement.
#[tokio::test]
async fn unusual_ids_and_texts() {
    let used = session().await;
    let sql = |id: &str| format!("SELECT span_id FROM spans WHERE trace_id = '{id}'");
    prepare_and_run(&used, &sql(ONE)).await;
    for id in [OTHER.to_uppercase(), "0".repeat(32), ONE[1..].to_owned()] {
        let other = used.prepare(&sql(&id)).await.expect("a statement");
        assert_eq!(optimized(&other), None, "{id}");
    }
    let long = |id| format!("{} -- {}", sql(id), "x".repeat(4096));
    prepare_and_run(&used, &long(ONE)).await;
    assert_eq!(optimized(&used.prepare(&long(OTHER)).await.expect("a statement")), None);
}
