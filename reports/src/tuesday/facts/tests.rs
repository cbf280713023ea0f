//! How likely a shared value is by accident.

use super::{MOST_CHANCE, at_least};

#[test]
fn the_tail_of_the_binomial_distribution() {
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    close(at_least(2, 2, 0.5), 0.25);
    close(at_least(1, 2, 0.5), 0.75);
    close(at_least(0, 7, 0.3), 1.0);
    close(at_least(6, 6, 0.87), 0.87_f64.powi(6));
    assert_eq!([at_least(1, 5, 0.0), at_least(0, 5, 0.0), at_least(5, 5, 1.0)], [0.0, 1.0, 1.0]);
}

#[test]
fn many_traces_neither_overflow_nor_vanish() {
    assert!(at_least(50_100, 100_000, 0.5) > 0.2);
    assert!(at_least(60_000, 100_000, 0.5) < 1e-300);
}

#[test]
fn what_nearly_all_typical_traces_have_says_little_of_a_few() {
    assert!(at_least(13, 13, 0.94) > MOST_CHANCE);
    assert!(at_least(13, 13, 0.61) < MOST_CHANCE);
}
