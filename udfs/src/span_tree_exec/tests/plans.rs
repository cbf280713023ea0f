//! Which statements get the operator, and what it is asked for.

use super::fixture::{Setup, Span, answer, plan, table, tree_by};

/// Three traces, one of them without an id, their rows in turn.
fn spans() -> Vec<Span> {
    let mut spans: Vec<Span> = (0..30_u64)
        .map(|at| {
            let (trace, id) = ((at % 3) as u8, at / 3 + 1);
            let parent = (id > 1).then_some(id / 2);
            Span::new(trace, id, parent, 10 * id as i64, 200 - 7 * id as i64)
        })
        .collect();
    spans.iter_mut().filter(|span| span.trace == Some(2)).for_each(|span| span.trace = None);
    spans
}

/// Checks that the rule changes no answer, and gives the plan with the rule.
async fn same_answer(sql: &str) -> String {
    let sessions =
        [true, false].map(|rule| Setup::new(rule).session(table(&spans(), &[vec![7, 0, 4]])));
    let [with, without] = &sessions;
    let expected = answer(without, sql).await.expect("the statement runs");
    assert_eq!(answer(with, sql).await.expect("the statement runs"), expected, "{sql}");
    assert!(!plan(without, sql).await.contains("SpanTreeExec"));
    plan(with, sql).await
}

#[tokio::test]
async fn takes_the_place_of_sort_and_window() {
    let plan = same_answer(&format!("SELECT row, {} AS t FROM spans", tree_by("trace"))).await;
    assert!(plan.contains("SpanTreeExec: partition_by=[trace@1], columns=[depth, child_count"));
    assert!(!plan.contains("SortExec") && !plan.contains("WindowAggExec"), "{plan}");
    assert!(plan.contains("RepartitionExec: partitioning=Hash([trace@1], 2)"), "{plan}");
}

#[tokio::test]
async fn computes_what_is_read() {
    let tree = tree_by("trace");
    let sql = format!(
        "SELECT row, t['depth'] + 1, t['parent_span_name'] FROM (SELECT row, {tree} AS t FROM spans) \
         WHERE t['error_origin'] OR t['self_time_ns'] > 50"
    );
    let plan = same_answer(&sql).await;
    let columns = "columns=[depth, self_time_ns, parent_span_name, error_origin]";
    assert!(plan.contains(columns), "{plan}");
    // The struct as a whole beside one of its fields.
    let sql = format!("SELECT t['depth'], t FROM (SELECT {tree} AS t FROM spans)");
    assert!(same_answer(&sql).await.contains("is_first_error, is_decisive_error]"));
}

#[tokio::test]
async fn every_field_by_itself() {
    for column in schema::tree::TREE_COLUMNS {
        let name = column.name;
        let tree = tree_by("trace");
        let sql = format!("SELECT row, t['{name}'] FROM (SELECT row, {tree} AS t FROM spans)");
        let plan = same_answer(&sql).await;
        assert!(plan.contains(&format!("columns=[{name}]")), "{plan}");
    }
}

/// Scenario: a condition on the trace id, which is the partition key, and one on another column.
/// Guarantees: the first is applied to the input, the second to whole trees.
#[tokio::test]
async fn conditions_on_the_trace_go_below() {
    let tree = tree_by("trace");
    let sql = format!(
        "SELECT * FROM (SELECT row, trace, start, {tree} AS t FROM spans) \
         WHERE trace = '0000000000000001' AND start > 40"
    );
    let plan = same_answer(&sql).await;
    let (above, below) = plan.split_once("SpanTreeExec").expect("the operator");
    assert!(above.contains("start@") && !below.contains("start@4 >"), "{plan}");
    assert!(below.contains("trace@1 = 0000000000000001"), "{plan}");
}

#[tokio::test]
async fn goes_with_other_windows() {
    let tree = tree_by("trace");
    let sql = format!(
        "SELECT row, {tree} AS t, row_number() OVER (PARTITION BY trace ORDER BY start) AS n, \
         sum(duration) OVER (PARTITION BY service) AS total FROM spans"
    );
    let plan = same_answer(&sql).await;
    assert!(plan.contains("SpanTreeExec") && plan.contains("WindowAggExec"), "{plan}");
}

/// Scenario: windows that mean something else, or that the operator cannot do at once.
/// Guarantees: they stay windows.
#[tokio::test]
async fn leaves_what_it_does_not_understand() {
    let arguments = "id, parent, start, duration, kind, status, service, name";
    let again = format!("span_tree({arguments}, 1) OVER (PARTITION BY trace)");
    for windows in [
        format!("{}, {again} AS other", tree_by("trace")),
        format!("{}, count(*) OVER (PARTITION BY trace) AS n", tree_by("trace")),
        tree_by("trace, service"),
        tree_by("trace ORDER BY start"),
        tree_by("CAST(duration AS DOUBLE)"),
        format!("span_tree({arguments}) OVER ()"),
    ] {
        let plan = same_answer(&format!("SELECT row, {windows} FROM spans")).await;
        assert!(!plan.contains("SpanTreeExec"), "{plan}");
    }
}

#[tokio::test]
async fn trace_ids_of_any_type() {
    for id in [
        "trace",
        "arrow_cast(trace, 'Utf8View')",
        "arrow_cast(trace, 'LargeBinary')",
        "arrow_cast(arrow_cast(trace, 'Binary'), 'FixedSizeBinary(16)')",
        "arrow_cast(trace, 'Dictionary(Int32, Utf8)')",
        "CAST(trace AS BIGINT)",
    ] {
        let sql = format!("SELECT row, {} AS t FROM spans", tree_by(id));
        assert!(same_answer(&sql).await.contains("SpanTreeExec"), "{id}");
    }
}

#[tokio::test]
async fn limits_stay_above() {
    let session = Setup::new(true).session(table(&spans(), &[vec![5], vec![]]));
    let inner = format!("SELECT row, {} AS t FROM spans", tree_by("trace"));
    let sql = format!("SELECT t['subtree_size'] FROM ({inner}) WHERE t['is_root'] LIMIT 2");
    assert_eq!(answer(&session, &sql).await, Ok(vec!["10".to_owned(); 2]));
    let all = answer(&session, &format!("{inner} LIMIT 4")).await.expect("it runs");
    assert_eq!(all.len(), 4);
}

#[tokio::test]
async fn no_rows_at_all() {
    let session = Setup::new(true).session(table(&[], &[vec![0, 0]]));
    let sql = format!("SELECT {} AS t FROM spans", tree_by("trace"));
    assert_eq!(answer(&session, &sql).await, Ok(Vec::new()));
}

#[tokio::test]
async fn what_the_kernel_refuses_is_said() {
    let mut spans = spans();
    spans[17].start = None;
    let sql = format!("SELECT {} AS t FROM spans", tree_by("trace"));
    for rule in [true, false] {
        let session = Setup::new(rule).session(table(&spans, &[]));
        let error = answer(&session, &sql).await.expect_err("a start is missing");
        assert!(error.contains("start_time is NULL in a span; leave such rows out"), "{error}");
    }
}
