//! Tails against sums of exact fractions, and against published numbers.

use super::{at_least, ln_factorial};

fn close(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected, "{found} is not {expected}");
}

/// Semantics T7.3.
#[test]
fn table_of_the_note() {
    for (a, b, expected) in [
        (150, 980, 2.2e-101),
        (120, 2940, 4.0e-18),
        (40, 98, 3.4e-36),
        (110, 4900, 0.0919),
        (160, 7350, 0.0598),
        (3, 0, 7.9e-6),
    ] {
        close(at_least(a, 200, b, 9800), expected, 0.03);
    }
}

#[test]
fn small_tables_by_counting() {
    for of_a in 0..8_u64 {
        for of_b in 0..8_u64 {
            for a in 0..=of_a {
                for b in 0..=of_b {
                    let marked = a + b;
                    let ways = |k: u64| choose(of_a, k) * choose(of_b, marked - k);
                    let all: u64 = (0..=marked.min(of_a)).map(ways).sum();
                    let tail: u64 = (a..=marked.min(of_a)).map(ways).sum();
                    let expected = tail as f64 / all as f64;
                    let found = at_least(a, of_a, b, of_b);
                    assert!((found - expected).abs() < 1e-12, "{a}/{of_a} {b}/{of_b}: {found}");
                }
            }
        }
    }
}

#[test]
fn edges_and_large_counts() {
    assert_eq!(at_least(0, 0, 0, 0), 1.0);
    assert_eq!(at_least(0, 10, 5, 10), 1.0);
    assert_eq!(at_least(10, 10, 10, 10), 1.0);
    assert_eq!(at_least(1_000_000, 1_000_000, 0, 1_000_000), 0.0);
    let half = at_least(500_000, 1_000_000, 500_000, 1_000_000);
    assert!((half - 0.5).abs() < 0.001, "{half}");
}

#[test]
fn factorials_meet_where_the_series_begins() {
    let exact: f64 = (1..=33_u64).map(|n| (n as f64).ln()).sum();
    close(ln_factorial(33), exact, 1e-14);
    assert_eq!(ln_factorial(1), 0.0);
}

fn choose(n: u64, k: u64) -> u64 {
    if k > n { 0 } else { (0..k).fold(1, |ways, i| ways * (n - i) / (i + 1)) }
}
