//! Tests of `plan`.

use super::*;

#[test]
fn traces_are_divided_without_a_rest() {
    for traces in [1, 7, 100, 12_949, 1_000_000] {
        let counts = divide(traces);
        assert_eq!(counts.iter().sum::<u64>(), traces);
        for (root, count) in ROOTS.iter().zip(&counts) {
            let exact = root.share * traces as f64;
            assert!((*count as f64 - exact).abs() <= 1.0, "{exact} became {count}");
        }
    }
}

#[test]
fn small_plans_are_close() {
    for (spans, seed) in [(1_000, 1), (1_000, 2), (1_500, 46), (2_000, 46), (5_000, 7)] {
        let plan = Plan::new(&Settings { spans, seed, ..Settings::default() }).unwrap();
        let made: usize = plan.requests().map(|request| request.spans().count()).sum();
        assert_eq!(made as u64, plan.expected_spans());
        assert!(spans.abs_diff(made as u64) * 20 <= spans, "{made} of {spans}, seed {seed}");
    }
}

/// Scenario: the default week.
/// Guarantees: enough traces for a p99 of most root operations, too few for two.
#[test]
fn the_default_week_has_frequent_and_rare_roots() {
    let plan = Plan::new(&Settings::default()).unwrap();
    let roots = plan.root_operations();
    let at_least = |traces| roots.iter().filter(|root| root.traces >= traces).count();
    assert!(at_least(1_000) >= 5, "{roots:?}");
    assert_eq!(roots.len() - at_least(368), 2, "{roots:?}");
}
