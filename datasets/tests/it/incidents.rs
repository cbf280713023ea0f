//! Incidents are visible where they are said to be, and only there.

use std::collections::HashMap;

use crate::critical_path;
use crate::week::{Row, Trace, week};
use datasets::{Incident, IncidentKind, Kind};

fn incident(kind: IncidentKind) -> Incident {
    week()
        .plan
        .incidents()
        .into_iter()
        .find(|incident| incident.kind == kind)
        .expect("every kind occurs")
}

/// The traces of an incident's first root operation: touched by it, and not.
fn split(incident: &Incident) -> (Vec<&'static Trace>, Vec<&'static Trace>) {
    let root = incident.root_operations[0];
    let all = week().traces.iter().filter(|trace| trace.root().operation() == root);
    all.partition(|trace| trace.is_touched_by(incident))
}

fn faulty<'t>(trace: &'t Trace, incident: &Incident) -> Vec<&'t Row> {
    let operation = (incident.service_name, incident.span_name);
    trace.spans.iter().filter(|span| span.operation() == operation).collect()
}

/// The mean time that the operation at fault takes of a trace.
fn mean_ns(traces: &[&Trace], incident: &Incident) -> f64 {
    let times = traces.iter().flat_map(|trace| faulty(trace, incident)).map(Row::duration_ns);
    times.sum::<u64>() as f64 / traces.len() as f64
}

fn median_ns(traces: &[&Trace]) -> u64 {
    let mut durations: Vec<u64> = traces.iter().map(|trace| trace.root().duration_ns()).collect();
    durations.sort_unstable();
    durations[durations.len() / 2]
}

/// Scenario: each incident, compared with the rest of the week.
/// Guarantees: its operation takes several times as long, for few traces, and the median does not tell.
#[test]
fn each_touches_few_traces_and_hard() {
    for incident in week().plan.incidents() {
        let (touched, spared) = split(&incident);
        let all: Vec<&Trace> = touched.iter().chain(&spared).copied().collect();
        let share = touched.len() as f64 / all.len() as f64;
        assert!((0.005..0.05).contains(&share), "{}: {share}", incident.id);
        let factor = mean_ns(&touched, &incident) / mean_ns(&spared, &incident);
        assert!(factor > 3.0, "{}: {factor}", incident.id);
        let shift = median_ns(&all) as f64 / median_ns(&spared) as f64;
        assert!(shift < 1.02, "{}: the median moved by {shift}", incident.id);
    }
}

/// Scenario: the slowest 1 % of a root operation against its typical traces.
/// Guarantees: the operation at fault has most of the excess time on the critical path.
#[test]
fn each_dominates_the_slowest_one_per_cent() {
    for incident in week().plan.incidents() {
        let (touched, spared) = split(&incident);
        let mut traces: Vec<&Trace> = touched.into_iter().chain(spared).collect();
        traces.sort_by_key(|trace| std::cmp::Reverse(trace.root().duration_ns()));
        let slow = &traces[..traces.len().div_ceil(100)];
        let typical = &traces[traces.len() * 2 / 5..traces.len() * 3 / 5];
        let (slow, typical) = (mean_times(slow), mean_times(typical));
        let mut excess: Vec<_> = slow
            .iter()
            .map(|(operation, time)| (time - typical.get(operation).unwrap_or(&0.0), *operation))
            .collect();
        excess.sort_by(|a, b| b.0.total_cmp(&a.0));
        let gap: f64 = slow.values().sum::<f64>() - typical.values().sum::<f64>();
        let (most, operation) = excess[0];
        assert_eq!(operation, (incident.service_name, incident.span_name), "{}", incident.id);
        assert!(most > 0.5 * gap, "{}: {:.2} of the gap", incident.id, most / gap);
    }
}

fn mean_times<'t>(traces: &[&'t Trace]) -> HashMap<(&'t str, &'static str), f64> {
    let mut means = HashMap::new();
    for trace in traces {
        for (operation, time) in critical_path::by_operation(trace) {
            *means.entry(operation).or_default() += time as f64 / traces.len() as f64;
        }
    }
    means
}

/// Scenario: traces of a retry storm.
/// Guarantees: attempts are siblings, one after the other, numbered, and each follows a failure.
#[test]
fn retries_are_sequential_attempts() {
    let incident = incident(IncidentKind::RetryStorm);
    let (touched, _) = split(&incident);
    let mut retried = 0;
    for trace in touched {
        let attempts = faulty(trace, &incident);
        retried += usize::from(attempts.len() > 1);
        assert!(attempts.is_sorted_by(|a, b| a.end_ns < b.start_ns));
        for (place, attempt) in attempts.iter().enumerate() {
            assert_eq!(attempt.kind, Kind::Client);
            assert_eq!(attempt.parent_span_id, attempts[0].parent_span_id);
            assert_eq!(attempt.resend_count, (place > 0).then_some(place as i64));
            assert!(attempt.is_error || place + 1 == attempts.len());
            assert_eq!(attempt.status_code, Some(if attempt.is_error { 503 } else { 200 }));
        }
    }
    assert!(retried >= 10, "{retried}");
}

/// Scenario: traces of an N+1 incident.
/// Guarantees: at least eight sequential queries of one statement, as many as the answer has items.
#[test]
fn n_plus_one_is_one_query_per_item() {
    let incident = incident(IncidentKind::NPlusOne);
    let (touched, spared) = split(&incident);
    for trace in touched {
        let queries = faulty(trace, &incident);
        let answer =
            trace.spans.iter().find(|span| Some(span.span_id) == queries[0].parent_span_id);
        assert!(queries.len() >= 8);
        assert!(queries.iter().all(|query| query.parent_span_id == queries[0].parent_span_id));
        assert!(queries.iter().all(|query| query.query_text == queries[0].query_text));
        assert!(queries.is_sorted_by(|a, b| a.end_ns < b.start_ns));
        assert!(answer.unwrap().result_count.unwrap() >= queries.len() as i64);
    }
    assert!(spared.iter().all(|trace| faulty(trace, &incident).len() <= 1));
}

/// Scenario: a bad release, rolled out and back.
/// Guarantees: its version is seen only then, is slow, and throws.
#[test]
fn a_bad_deploy_is_told_by_its_version() {
    let incident = incident(IncidentKind::BadDeploy);
    let version = incident.attributes[0].1;
    let (touched, spared) = split(&incident);
    let bad = |trace: &&Trace| faulty(trace, &incident).iter().any(|span| span.version == version);
    let hit: Vec<&Trace> = touched.into_iter().filter(bad).collect();
    // Requests under way when the release begins may still meet it.
    assert!(spared.iter().filter(|trace| bad(trace)).count() <= 1);
    assert!(hit.len() >= 20, "{}", hit.len());
    let failed = hit.iter().filter(|trace| trace.root().is_error).count();
    assert!(failed >= 2, "{failed} of {}", hit.len());
}

/// Scenario: a change that hurts one tier in one region.
/// Guarantees: other tiers, and other regions, see nothing at the same time.
#[test]
fn an_audience_suffers_alone() {
    let incident = incident(IncidentKind::SlowAudience);
    let (touched, spared) = split(&incident);
    let window = incident.start_ns..incident.end_ns;
    let meanwhile: Vec<&Trace> =
        spared.into_iter().filter(|trace| window.contains(&trace.root().start_ns)).collect();
    assert!(meanwhile.len() > 10 * touched.len());
    assert!(mean_ns(&touched, &incident) > 10.0 * mean_ns(&meanwhile, &incident));
}

/// Scenario: root operations that an incident does not name.
/// Guarantees: they may use the operation at fault, but once, and as fast as ever.
#[test]
fn other_roots_are_spared() {
    let incidents = week().plan.incidents();
    for incident in &incidents {
        let others = week()
            .traces
            .iter()
            .filter(|trace| !incident.root_operations.contains(&trace.root().operation()));
        let (touched, spared): (Vec<&Trace>, Vec<&Trace>) =
            others.partition(|trace| trace.is_touched_by(incident));
        assert!(touched.iter().all(|trace| faulty(trace, incident).len() <= 1), "{}", incident.id);
        let (during, else_) = (mean_ns(&touched, incident), mean_ns(&spared, incident));
        assert!(during <= 2.0 * else_, "{}: {during} and {else_}", incident.id);
    }
}

#[test]
fn incidents_become_json() {
    let json = serde_json::to_value(week().plan.incidents()).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 5);
    assert_eq!(json[1]["kind"], "slow_dependency");
    assert_eq!(json[1]["root_operations"][0], serde_json::json!(["frontend", "GET /product/{id}"]));
    assert!(json[1]["start_ns"].as_u64() < json[1]["end_ns"].as_u64());
}
