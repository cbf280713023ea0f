//! Every trace stands in exactly one bar.

use proptest::prelude::*;
use schema::TraceId;

use super::histogram;
use crate::tuesday::ranking::TraceRow;
use crate::tuesday::weight;

fn rows(durations_ns: &mut [i64]) -> Vec<TraceRow> {
    durations_ns.sort_unstable_by(|a, b| b.cmp(a));
    let id = TraceId::from_bytes(&[1; 16]).unwrap();
    let row = |duration_ns: &i64| TraceRow {
        id,
        start_ns: 0,
        duration_ns: *duration_ns,
        root_failed: false,
        weight: weight::ONE,
    };
    durations_ns.iter().map(row).collect()
}

#[test]
fn no_traces_make_no_bars_and_equal_ones_make_one() {
    assert!(histogram(&[], 0).is_empty());
    let bins = histogram(&rows(&mut [7; 3]), 7);
    assert_eq!((bins.len(), bins[0].from_ns, bins[0].to_ns), (1, 7, 8));
    assert_eq!((bins[0].trace_count, bins[0].is_slow), (3, true));
    assert_eq!(histogram(&rows(&mut [0, 0]), 1)[0].trace_count, 2);
}

proptest! {
    #[test]
    fn bars_hold_all_traces_once(
        mut durations in prop::collection::vec(
            prop_oneof![0..20_i64, 0..10_000_000_000_i64, Just(i64::MAX)], 1..200),
        threshold in 0..10_000_000_000_i64,
    ) {
        let bins = histogram(&rows(&mut durations), threshold);
        prop_assert!(bins.len() <= super::MOST_BINS + 1);
        for pair in bins.windows(2) {
            prop_assert_eq!(pair[0].to_ns, pair[1].from_ns);
        }
        for bin in &bins {
            let inside = |d: &&i64| bin.from_ns <= **d && (**d < bin.to_ns || bin.to_ns == i64::MAX);
            prop_assert_eq!(bin.trace_count, durations.iter().filter(inside).count() as u64);
        }
        prop_assert_eq!(bins.iter().map(|b| b.trace_count).sum::<u64>(), durations.len() as u64);
        let slow = bins.iter().filter(|b| b.is_slow).map(|b| b.trace_count).sum::<u64>();
        prop_assert_eq!(slow, durations.iter().filter(|d| **d >= threshold).count() as u64);
    }
}
