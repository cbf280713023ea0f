//! Every trace is well-formed, and the whole looks like production.

use std::collections::{HashMap, HashSet};

use crate::week::{Row, Trace, week};
use datasets::Kind;

/// The most that two clocks differ, one early and one late.
const SKEW_NS: u64 = 16_000_000;

fn parent_of<'t>(trace: &'t Trace, span: &Row) -> Option<&'t Row> {
    trace.spans.iter().find(|other| Some(other.span_id) == span.parent_span_id)
}

#[test]
fn every_trace_is_one_tree() {
    for trace in &week().traces {
        let ids: HashSet<[u8; 8]> = trace.spans.iter().map(|span| span.span_id).collect();
        assert_eq!(ids.len(), trace.spans.len(), "span ids are unique");
        assert!(!ids.contains(&[0; 8]));
        assert_eq!(trace.spans.iter().filter(|span| span.parent_span_id.is_none()).count(), 1);
        for span in &trace.spans[1..] {
            assert!(parent_of(trace, span).is_some(), "{} has no parent", span.name);
        }
    }
}

/// Scenario: every span and its parent.
/// Guarantees: it lies inside, except behind a queue; only between hosts do clocks blur that.
#[test]
fn children_lie_inside_their_parents() {
    let (mut blurred, mut all) = (0, 0);
    for trace in &week().traces {
        for span in &trace.spans[1..] {
            let parent = parent_of(trace, span).unwrap();
            assert!(span.start_ns <= span.end_ns);
            if parent.kind == Kind::Producer {
                assert_eq!(span.kind, Kind::Consumer);
                assert!(span.start_ns + SKEW_NS > parent.end_ns, "consumed before sent");
                continue;
            }
            all += 1;
            if span.start_ns >= parent.start_ns && span.end_ns <= parent.end_ns {
                continue;
            }
            blurred += 1;
            assert_ne!(span.instance, parent.instance, "{} in {}", span.name, parent.name);
            assert!(span.start_ns + SKEW_NS > parent.start_ns);
            assert!(span.end_ns < parent.end_ns + SKEW_NS);
        }
    }
    assert!(blurred > 0 && blurred * 50 < all, "{blurred} of {all}");
}

/// Scenario: every CLIENT span of a call between services.
/// Guarantees: it has one SERVER child of the callee, and the network takes time.
#[test]
fn calls_have_two_sides() {
    let (mut paired, mut alone) = (0, 0);
    for trace in week().traces.iter().step_by(7) {
        for span in trace.spans.iter().filter(|span| span.kind == Kind::Server) {
            let Some(parent) = parent_of(trace, span) else { continue };
            assert_eq!(parent.kind, Kind::Client);
            assert_eq!(parent.name, span.name);
            assert_ne!(parent.service, span.service);
            assert!(parent.duration_ns() > span.duration_ns());
            paired += 1;
        }
        let is_lonely = |span: &&Row| {
            let has_child =
                trace.spans.iter().any(|child| child.parent_span_id == Some(span.span_id));
            span.kind == Kind::Client && span.query_text.is_none() && !has_child
        };
        alone += trace.spans.iter().filter(is_lonely).count();
    }
    assert!(alone * 10 < paired, "third parties are few: {alone} and {paired}");
}

#[test]
fn the_week_has_the_asked_size() {
    let week = week();
    let spans: usize = week.traces.iter().map(|trace| trace.spans.len()).sum();
    assert!((237_500..=262_500).contains(&spans), "{spans} spans");
    assert_eq!(week.traces.len() as u64, week.plan.traces());
    for root in week.plan.root_operations() {
        let operation = (root.service_name, root.span_name);
        let made = week.traces.iter().filter(|trace| trace.root().operation() == operation).count();
        assert_eq!(made as u64, root.traces, "{operation:?}");
    }
}

#[test]
fn the_shop_is_large_enough() {
    let spans = || week().traces.iter().flat_map(|trace| &trace.spans);
    let services: HashSet<&str> = spans().map(|span| span.service.as_str()).collect();
    let regions: HashSet<&str> = spans().map(|span| span.region.as_str()).collect();
    let versions: HashSet<(&str, &str)> =
        spans().map(|span| (span.service.as_str(), span.version.as_str())).collect();
    assert_eq!((services.len(), regions.len()), (25, 3));
    assert!(versions.len() > 2 * services.len() - 5, "{} versions", versions.len());
}

/// Scenario: all errors of the week outside incidents.
/// Guarantees: few requests fail, callers of a refused request see an error that its server does not.
#[test]
fn errors_are_rare_and_explained() {
    let incidents = week().plan.incidents();
    let quiet: Vec<&Trace> = week()
        .traces
        .iter()
        .filter(|trace| !incidents.iter().any(|incident| trace.is_touched_by(incident)))
        .collect();
    let failed = quiet.iter().filter(|trace| trace.root().is_error).count();
    let share = failed as f64 / quiet.len() as f64;
    assert!((0.001..0.005).contains(&share), "{share} of all requests fail");

    let mut refused = 0;
    for trace in &week().traces {
        for span in &trace.spans {
            // An HTTP or RPC client learns of an error by a status, not by an exception.
            let throws = span.is_error && (span.kind != Kind::Client || span.exceptions > 0);
            assert_eq!(span.exceptions, usize::from(throws), "{} {:?}", span.name, span.kind);
            let is_4xx = span.status_code.is_some_and(|code| (400..500).contains(&code));
            if is_4xx {
                refused += 1;
                assert_eq!(span.is_error, span.kind == Kind::Client, "{}", span.name);
            }
        }
    }
    assert!(refused > 50, "{refused}");
}

/// Scenario: errors below the root.
/// Guarantees: some reach the root, some are stopped on the way by a caller that can do without.
#[test]
fn errors_propagate_or_stop() {
    let (mut reached, mut stopped) = (0, 0);
    for trace in &week().traces {
        let broken = |span: &&Row| span.is_error && span.kind == Kind::Server;
        let inner = trace.spans[1..].iter().filter(broken).count();
        if inner > 0 && trace.root().is_error {
            reached += 1;
        } else if inner > 0 {
            stopped += 1;
        }
    }
    assert!(reached > 20 && stopped > 5, "{reached} reached, {stopped} stopped");
}

/// Scenario: consumers that begin a trace.
/// Guarantees: they link to PRODUCER spans of other traces, sent before.
#[test]
fn links_lead_to_producers() {
    let producers: HashMap<[u8; 8], u64> = week()
        .traces
        .iter()
        .flat_map(|trace| &trace.spans)
        .filter(|span| span.kind == Kind::Producer)
        .map(|span| (span.span_id, span.end_ns))
        .collect();
    let consumers =
        week().traces.iter().map(Trace::root).filter(|root| root.kind == Kind::Consumer);
    let mut links = 0;
    for root in consumers {
        for (_, span_id) in &root.links {
            assert!(producers[span_id] < root.start_ns + SKEW_NS);
            links += 1;
        }
    }
    assert!(links > 1_000, "{links}");
}

/// Scenario: the stream as it is written.
/// Guarantees: requests are of the usual size, and spans of one trace spread over several.
#[test]
fn requests_are_batches() {
    let mut sizes = Vec::new();
    let mut requests_of_trace: HashMap<[u8; 16], HashSet<usize>> = HashMap::new();
    for (place, request) in week().plan.requests().take(120).enumerate() {
        sizes.push(request.spans().count());
        for (_, span) in request.spans() {
            assert!(span.attributes.len() <= 16, "{} has {}", span.name, span.attributes.len());
            requests_of_trace.entry(span.trace_id).or_default().insert(place);
        }
        for group in &request.resource_spans {
            for scope in &group.scope_spans {
                assert!(!scope.spans.is_empty());
            }
        }
    }
    assert!(sizes.iter().all(|size| *size == 400), "{sizes:?}");
    assert!(requests_of_trace.values().any(|requests| requests.len() > 1));
}
