//! The choice of traces against semantics.md 4.1.

use schema::TraceId;

use super::{Durations, Group, RankedGroup, TraceRow, rank_groups, review_size, slowest_percent};
use crate::tuesday::weight;

const MS: i64 = 1_000_000;

fn id(number: u64) -> TraceId {
    let mut bytes = [1; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    TraceId::from_bytes(&bytes).unwrap()
}

/// Traces with these durations; a later one has a smaller id.
fn group(name: &str, durations_ns: impl IntoIterator<Item = i64>) -> Group {
    let trace = |(number, duration_ns): (usize, i64)| TraceRow {
        id: id(1_000_000 - number as u64),
        start_ns: number as i64,
        duration_ns,
        root_failed: false,
        weight: weight::ONE,
    };
    Group {
        service_name: "shop".into(),
        span_name: name.into(),
        traces: durations_ns.into_iter().enumerate().map(trace).collect(),
        incomplete: 0,
    }
}

fn ranked(durations_ns: impl IntoIterator<Item = i64>) -> RankedGroup {
    rank_groups(vec![group("op", durations_ns)]).0.pop().unwrap()
}

#[test]
fn one_per_cent_is_rounded_up_in_integers() {
    let size = |n: usize, percent| {
        let traces = group("op", std::iter::repeat_n(MS, n)).traces;
        review_size(&Durations::new(&traces), percent)
    };
    let sizes = [1, 50, 100, 101, 500, 1000, 1001].map(|n| size(n, 1));
    assert_eq!(sizes, [1, 1, 1, 2, 5, 10, 11]);
    assert_eq!([72, 100, 101].map(|n| size(n, 5)), [4, 5, 6]);
}

#[test]
fn a_review_needs_enough_traces() {
    let percents = [0, 71, 72, 367, 368, 1_000_000].map(slowest_percent);
    assert_eq!(percents, [None, None, Some(5), Some(5), Some(1), Some(1)]);
}

/// T4.1: a slow operation is not a slow trace of a fast one.
#[test]
fn each_root_operation_is_ranked_by_itself() {
    let a = group("a", (0..990_000).map(|_| 10 * MS));
    let b = group("b", (0..10_000).map(|_| 2_000 * MS));
    let (ranked, small) = rank_groups(vec![a, b]);
    assert!(small.is_empty());
    let facts = ranked.iter().map(|group| {
        let h = &group.header;
        (h.root_span_name.as_str(), h.review_count, h.threshold_ns, h.impact_ns)
    });
    // Nothing is abnormal in either, so neither has an impact.
    assert_eq!(facts.collect::<Vec<_>>(), [("a", 9_900, 10 * MS, 0), ("b", 100, 2_000 * MS, 0)]);
}

/// T4.2: ties at the threshold.
#[test]
fn ties_are_slow_but_not_all_on_the_list() {
    let group = ranked((0..970).map(|_| 100 * MS).chain((0..30).map(|_| 5_000 * MS)));
    let header = &group.header;
    assert_eq!((header.trace_count, header.review_count), (1_000, 10));
    assert_eq!(header.threshold_ns, 5_000 * MS);
    assert_eq!((header.slow_count, header.tie_count), (30, 20));
    assert_eq!(header.p99.value_ns, 5_000 * MS);
    assert_eq!(header.impact_ns, 30 * 4_900 * MS);
    let list: Vec<_> = group.review_list().iter().map(|trace| trace.id).collect();
    let lowest: Vec<_> = (0..10).map(|number| id(1_000_000 - 999 + number)).collect();
    assert_eq!(list, lowest);
    assert_eq!(
        (header.typical_count, header.typical_low_ns, header.typical_high_ns),
        (970, 100 * MS, 100 * MS)
    );
}

#[test]
fn the_threshold_is_the_kth_largest() {
    let group = ranked((1..=1_000).map(|ms| ms * MS));
    let header = &group.header;
    assert_eq!((header.threshold_ns, header.slow_count), (991 * MS, 10));
    assert_eq!(header.p99.value_ns, 990 * MS);
    assert_eq!((header.typical_low_ns, header.typical_high_ns), (400 * MS, 600 * MS));
    assert_eq!(header.typical_count, 201);
    assert_eq!(header.typical_duration_sum_ns, (400..=600).sum::<i64>() * MS);
    assert_eq!(header.slow_duration_sum_ns, (991..=1_000).sum::<i64>() * MS);
    assert_eq!(header.impact_ns, ((991..=1_000).sum::<i64>() - 10 * 500) * MS);
    assert!(group.typical().iter().all(|trace| (400 * MS..=600 * MS).contains(&trace.duration_ns)));
}

#[test]
fn five_per_cent_of_fewer_traces() {
    let header = ranked((1..=100).map(|ms| ms * MS)).header;
    assert_eq!((header.slowest_percent, header.review_count, header.threshold_ns), (5, 5, 96 * MS));
}

#[test]
fn groups_are_ranked_by_impact_and_small_ones_listed() {
    let mut broken = group("broken", []);
    broken.incomplete = 3;
    let (ranked, small) = rank_groups(vec![
        group("small", (1..=71).map(|ms| ms * MS)),
        group("mild", (1..=400).map(|ms| ms * MS)),
        broken,
        group("worst", (1..=400).map(|ms| ms * ms * MS)),
        group("also mild", (1..=400).map(|ms| ms * MS)),
    ]);
    let names: Vec<_> = ranked.iter().map(|group| group.header.root_span_name.as_str()).collect();
    assert_eq!(names, ["worst", "also mild", "mild"]);
    let counts: Vec<_> = small
        .iter()
        .map(|s| (s.root_span_name.as_str(), s.trace_count, s.incomplete_trace_count))
        .collect();
    assert_eq!(counts, [("small", 71, 0), ("broken", 0, 3)]);
    assert_eq!((small[0].slowest_ns, small[1].slowest_ns), (Some(71 * MS), None));
}
