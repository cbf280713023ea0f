//! Old traces are thinned, and what is left stands for what is gone.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use engine::{CompactSettings, Engine, RetentionSettings};
use object_store::memory::InMemory;

use crate::it::assembly::sample;
use crate::it::fixtures::TestLake;
use crate::it::removal::{ask, assemble, import, noon, open};

fn at_once() -> CompactSettings {
    CompactSettings::default().at_once()
}

async fn thin(engine: &Engine, policy: &RetentionSettings) -> engine::Removed {
    let due = engine.to_thin(policy.thin_days).await.unwrap();
    engine.thin(&due, policy, &at_once()).await.unwrap()
}

/// Scenario: 1,000 requests of one hour, of which ten fail; errors stay, and 10 % of the rest.
/// Guarantees: the count and the rate of errors come out as they were (semantics T9.4).
#[tokio::test(flavor = "multi_thread")]
async fn weights_give_the_counts_that_were() {
    let lake = TestLake::empty().await;
    let mut spans = String::new();
    for number in 1..=1000 {
        let code = if number % 100 == 0 { 2 } else { 1 };
        let start = 1_577_880_000_000_000_000_u64 + number * 1_000_000_000;
        let comma = if number == 1 { "" } else { "," };
        write!(
            spans,
            r#"{comma}{{"traceId":"{number:032x}","spanId":"{number:016x}","name":"GET /","kind":2,
            "startTimeUnixNano":"{start}","endTimeUnixNano":"{}","status":{{"code":{code}}}}}"#,
            start + 5_000_000,
        )
        .unwrap();
    }
    let request = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#);
    assert_eq!(lake.import_text(&request.replace('\n', " ")).await, 0);
    assemble(&lake.engine, &at_once()).await;
    let policy =
        RetentionSettings { thin_days: 1, thin_at_least: 0, ..RetentionSettings::default() };
    let removed = thin(&lake.engine, &policy).await;
    assert_eq!(removed.spans, 1000 - 109);
    let found = lake
        .rows(
            "SELECT count(*), sum(sample_weight),
                    sum(sample_weight) FILTER (WHERE status_code = 'error') / sum(sample_weight),
                    avg(CASE WHEN status_code = 'error' THEN 1.0 ELSE 0.0 END)
             FROM spans",
        )
        .await;
    let [count, weight, rate, naive] = &found[0][..] else { panic!("{found:?}") };
    assert_eq!((&count[..], &weight[..], &rate[..]), ("109", "1000.0", "0.01"));
    assert!(naive.starts_with("0.0917"), "{naive}");
    // Traces have the weight of their root.
    assert_eq!(lake.value("SELECT sum(sample_weight) FROM traces").await, "1000.0");
}

/// Semantics T9.3: spans of sampled traces, and the standard error of their number.
#[tokio::test(flavor = "multi_thread")]
async fn traces_are_sampled_as_a_whole() {
    let lake = TestLake::empty().await;
    let found = lake
        .rows(
            "SELECT sum(sample_weight * span_count),
                    round(sqrt(sum(sample_weight * (sample_weight - 1)
                                   * span_count * span_count)), 2)
             FROM (VALUES (10.0, 5), (10.0, 2), (10.0, 1), (1.0, 4), (1.0, 6))
                  AS traces (sample_weight, span_count)",
        )
        .await;
    assert_eq!(found, [["90.0", "51.96"]]);
}

/// Scenario: a week is thinned but for the last days; then a span comes late for an old trace, and all is
/// assembled and thinned again.
/// Guarantees: failed and slow traces and the last days are as they were, no tree changes, each operation
/// and hour has the weight that it had traces, and what was thinned is not thinned again.
#[tokio::test(flavor = "multi_thread")]
async fn a_week_is_thinned_once() {
    let all = sample();
    let late = all.num_rows() - 1;
    let store = Arc::new(InMemory::new());
    let engine = open(&store, noon()).await;
    // A span of an early day, so that its trace is one of those to be thinned.
    let first = all.slice(0, 1);
    import(&engine, all.slice(1, late)).await;
    assert!(engine.to_thin(2).await.unwrap().days.is_empty(), "fresh spans are not thinned");
    assemble(&engine, &at_once()).await;
    let policy = RetentionSettings {
        thin_days: 2,
        thin_slower_ms: 700,
        thin_one_in: 100,
        thin_at_least: 1,
        ..RetentionSettings::default()
    };
    let per_hour = "
        SELECT root_service_name, root_span_name, date_trunc('hour', start_time) AS hour,
               round(sum(sample_weight), 6)
        FROM traces GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
    let spans_of = |condition: &str| {
        format!(
            "SELECT * FROM spans WHERE trace_id IN (SELECT trace_id FROM traces WHERE {condition})
             ORDER BY trace_id, span_id, start_time, duration_ns"
        )
    };
    let stay = spans_of(
        "error_count > 0 OR trace_duration_ns > 700000000 OR start_time >= '2026-11-13T00:00:00Z'",
    );
    let (hours_before, stay_before) = (ask(&engine, per_hour).await, ask(&engine, &stay).await);
    let unweighed = "SELECT * EXCLUDE (sample_weight) FROM spans
                     ORDER BY trace_id, span_id, start_time, duration_ns";
    let all_before = ask(&engine, unweighed).await;

    let due = engine.to_thin(2).await.unwrap();
    assert_eq!(due.kept_from.to_string(), "2026-11-13");
    assert!(due.is_suspicious());
    let removed = thin(&engine, &policy).await;
    assert!(removed.spans >= 20, "{removed:?}");
    assert_eq!(ask(&engine, per_hour).await, hours_before);
    assert_eq!(ask(&engine, &stay).await, stay_before);
    let all_after: BTreeSet<Vec<String>> = ask(&engine, unweighed).await.into_iter().collect();
    assert_eq!(all_after.len() as u64, all_before.len() as u64 - removed.spans);
    let all_before: BTreeSet<Vec<String>> = all_before.into_iter().collect();
    assert!(all_after.is_subset(&all_before), "what stays is as it was");

    let version = engine.snapshot().await.unwrap().version;
    assert!(engine.to_thin(2).await.unwrap().days.is_empty());
    assert_eq!(thin(&engine, &policy).await.version, None);
    import(&engine, first).await;
    assemble(&engine, &at_once()).await;
    let strict = RetentionSettings { thin_slower_ms: u64::MAX, ..policy };
    let again = thin(&engine, &strict).await;
    assert_eq!(again.spans, 0, "{again:?}");
    assert!(engine.snapshot().await.unwrap().version > version);
    engine.vacuum(Duration::ZERO).await.unwrap();
    assert_eq!(engine.check().await.unwrap().findings, []);
}
