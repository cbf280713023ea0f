//! Against reference numbers, and against sums in another order.

use super::{binomial_tail, ln_gamma, wilson};

#[track_caller]
fn assert_near(found: f64, expected: f64, digits: f64) {
    assert!((found - expected).abs() <= expected.abs() * digits, "{found}, not {expected}");
}

/// T6.5.
#[test]
fn binomial_tails_of_the_reference() {
    for (k, n, p, expected) in [
        (5, 100, 0.01, 0.003_432_3),
        (8, 500, 0.005, 0.004_135_4),
        (3, 20, 0.01, 0.001_003_6),
        (1, 10, 0.01, 0.095_6),
    ] {
        assert_near(binomial_tail(k, n, p), expected, 5e-4);
    }
}

#[test]
fn tails_of_all_counts_agree_with_the_recurrence_of_the_distribution() {
    for (n, p) in [(1, 0.5), (7, 0.3), (40, 0.05), (40, 0.95), (300, 0.01)] {
        // P(n+1 trials >= k) = p P(n >= k-1) + (1-p) P(n >= k), from no trials on.
        let mut tails = vec![1.0];
        for _ in 0..n {
            let mut next = vec![1.0];
            for k in 1..=tails.len() {
                let more = tails.get(k).copied().unwrap_or(0.0);
                next.push(p * tails[k - 1] + (1.0 - p) * more);
            }
            tails = next;
        }
        for (k, expected) in tails.iter().enumerate() {
            let found = binomial_tail(k as u64, n, p);
            assert!((found - expected).abs() < 1e-10 * expected + 1e-15, "{k} of {n} at {p}");
        }
    }
}

#[test]
fn tails_at_the_edges() {
    assert_eq!(binomial_tail(0, 0, 0.5), 1.0);
    assert_eq!(binomial_tail(1, 0, 0.5), 0.0);
    assert_eq!(binomial_tail(1, 10, 0.0), 0.0);
    assert_eq!(binomial_tail(10, 10, 1.0), 1.0);
    // Small tails keep their digits, many trials do not overflow.
    assert_near(binomial_tail(10, 10, 1e-20), 1e-200, 1e-9);
    let half = binomial_tail(500_000_000, 1_000_000_000, 0.5);
    assert!((half - 0.5).abs() < 1e-4, "{half}");
}

#[test]
fn ln_gamma_of_factorials() {
    let mut factorial = 1.0_f64;
    for n in 1..=100 {
        factorial *= f64::from(n);
        assert!((ln_gamma(f64::from(n) + 1.0) - factorial.ln()).abs() < 1e-11, "{n}");
    }
}

/// T6.4.
#[test]
fn intervals_of_the_reference() {
    for (k, n, low, high) in [
        (0.0, 10.0, 0.0, 0.277_533),
        (1.0, 10.0, 0.017_876, 0.404_150),
        (1.0, 100.0, 0.001_767, 0.054_486),
        (5.0, 100.0, 0.021_544, 0.111_750),
        (3.0, 1000.0, 0.001_021, 0.008_783),
        (10.0, 10.0, 0.722_467, 1.0),
    ] {
        let (found_low, found_high) = wilson(k, n, 1.959_963_984_540_054).unwrap();
        assert!((found_low - low).abs() < 6e-7, "{k} of {n}: from {found_low}");
        assert!((found_high - high).abs() < 6e-7, "{k} of {n}: to {found_high}");
    }
    assert_eq!(wilson(0.0, 0.0, 1.96), None);
}
