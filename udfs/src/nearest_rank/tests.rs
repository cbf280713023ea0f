//! T3.1 and T9.2 of semantics.md, and the ranks that rounding would spoil.

use super::{position, weighted};

/// `(q, quantile)`.
type Quantiles<'a> = &'a [(f64, f64)];

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[position(q, sorted.len())]
}

#[test]
fn t3_1_nearest_rank() {
    let small = [15., 20., 35., 40., 50.];
    let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
    let skewed = [100., 120., 150., 180., 200., 250., 300., 400., 900., 5000.];
    let sizes = [
        6144., 6144., 19345., 21156., 21156., 22743., 34643., 42935., 52514., 65772., 76815.,
        84336., 105138., 119886.,
    ];
    let cases: [(&[f64], Quantiles<'_>); 4] = [
        (&small, &[(0.05, 15.), (0.3, 20.), (0.4, 20.), (0.5, 35.), (1., 50.)]),
        (&hundred, &[(0.9, 90.), (0.95, 95.), (0.99, 99.), (0.999, 100.)]),
        (&skewed, &[(0.5, 200.), (0.9, 900.), (0.95, 5000.), (0.99, 5000.)]),
        (&sizes, &[(0.85, 84336.)]),
    ];
    for (values, expected) in cases {
        for (q, value) in expected {
            assert_eq!(quantile(values, *q), *value, "q {q}");
            let mut pairs: Vec<(f64, f64)> = values.iter().rev().map(|v| (*v, 1.0)).collect();
            assert_eq!(weighted(&mut pairs, f64::total_cmp, *q), Some(*value), "weighted, q {q}");
        }
    }
}

#[test]
fn t9_2_weighted_nearest_rank() {
    let pairs = [(120., 10.), (80., 10.), (900., 1.), (1500., 1.), (100., 10.)];
    for (q, expected) in [(0.5, 100.), (0.9, 120.), (0.95, 900.), (0., 80.), (1., 1500.)] {
        assert_eq!(weighted(&mut pairs.to_vec(), f64::total_cmp, q), Some(expected), "q {q}");
    }
    assert_eq!(weighted(&mut [], f64::total_cmp, 0.5), None);
}

/// Scenario: q * n is a whole number, but not in binary.
/// Guarantees: the rank is that number.
#[test]
fn whole_ranks_are_not_rounded_up() {
    for n in [10_usize, 100, 1000, 10_000, 1_000_000] {
        for percent in 1..=100 {
            let q = percent as f64 / 100.0;
            assert_eq!(position(q, n), (percent * n).div_ceil(100) - 1, "q {q} of {n}");
        }
    }
}
