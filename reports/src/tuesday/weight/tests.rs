//! Weights at their limits.

use super::{ONE, parts_of_one, traces};

#[test]
fn a_weight_is_a_number_of_traces() {
    assert_eq!(parts_of_one(1.0), ONE);
    assert_eq!(parts_of_one(2.5), 5 * ONE / 2);
    assert_eq!(traces(u128::from(parts_of_one(10.0)) * 3), 30.0);
    for nothing in [0.0, -1.0, f64::NAN] {
        assert_eq!(parts_of_one(nothing), ONE);
    }
    assert_eq!(parts_of_one(f64::INFINITY), 1_000_000_000 * ONE);
    assert_eq!(parts_of_one(1e-30), 1);
}
