//! The numbers of semantics.md 3.1, and binomial sums spelled out.

use proptest::prelude::*;

use super::bounds;

#[test]
fn numbers_of_the_semantics() {
    assert_eq!(bounds(1000, 0.99, 0.95), (Some(983), Some(997)));
    assert_eq!(bounds(10_000, 0.99, 0.95), (Some(9880), Some(9920)));
    // The upper bound exists from the n on at which q^n is at most 0.025.
    assert_eq!(bounds(367, 0.99, 0.95).1, None);
    assert_eq!(bounds(368, 0.99, 0.95).1, Some(368));
    assert_eq!(bounds(3687, 0.999, 0.95).1, None);
    assert_eq!(bounds(3688, 0.999, 0.95).1, Some(3688));
    assert_eq!(bounds(71, 0.95, 0.95).1, None);
    assert_eq!(bounds(72, 0.95, 0.95).1, Some(72));
}

#[test]
fn the_ends() {
    assert_eq!(bounds(0, 0.5, 0.95), (None, None));
    assert_eq!(bounds(1, 0.5, 0.95), (None, None));
    // Six values: 2 * 0.5^6 is 3.1 %.
    assert_eq!(bounds(5, 0.5, 0.95), (None, None));
    assert_eq!(bounds(6, 0.5, 0.95), (Some(1), Some(6)));
    assert_eq!(bounds(10, 0.0, 0.95), (None, Some(1)));
    assert_eq!(bounds(10, 1.0, 0.95), (Some(10), None));
    // 5e8 -+ 1.959964 * sqrt(1e9) / 2 is 499,969,010.25 and 500,030,989.75; half a rank further with the
    // correction for continuity.
    assert_eq!(bounds(1_000_000_000, 0.5, 0.95), (Some(499_969_010), Some(500_030_991)));
}

/// `P(B < k)` for each k from 0 to n + 1, from binomial coefficients.
fn cumulative(n: u64, q: f64) -> Vec<f64> {
    let mut sums = vec![0.0];
    let mut coefficient = 1.0;
    for k in 0..=n {
        let chance = coefficient * q.powi(k as i32) * (1.0 - q).powi((n - k) as i32);
        sums.push(sums[k as usize] + chance);
        coefficient *= (n - k) as f64 / (k + 1) as f64;
    }
    sums
}

proptest! {
    #[test]
    fn as_sums_of_coefficients(n in 1_u64..300, q in 0.01..0.99_f64, confidence in 0.5..0.999_f64) {
        let below = cumulative(n, q);
        let tail = (1.0 - confidence) / 2.0;
        // A sum on the edge may fall to either side.
        prop_assume!(below.iter().all(|p| (p - tail).abs() > 1e-9 && (p - 1.0 + tail).abs() > 1e-9));
        let low = (1..=n).rev().find(|rank| below[*rank as usize] <= tail);
        let high = (1..=n).find(|rank| below[*rank as usize] >= 1.0 - tail);
        prop_assert_eq!(bounds(n, q, confidence), (low, high));
    }

    #[test]
    fn more_confidence_is_wider(n in 1_u64..20_000, q in 0.0..=1.0_f64, a in 0.5..0.999_f64, b in 0.5..0.999_f64) {
        let (narrow, wide) = (bounds(n, q, a.min(b)), bounds(n, q, a.max(b)));
        prop_assert!(wide.0 <= narrow.0);
        prop_assert!(wide.1.unwrap_or(u64::MAX) >= narrow.1.unwrap_or(u64::MAX));
        if let (Some(low), Some(high)) = wide {
            prop_assert!(low <= high);
        }
    }
}
