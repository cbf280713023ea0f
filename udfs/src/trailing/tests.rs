//! Sums of the last rows against adding them up.

use proptest::prelude::*;

use super::trailing_sums;

/// Adds up each window by itself.
fn oracle(values: &[Option<f64>], rows: usize) -> Vec<Option<f64>> {
    let of = |end: usize| {
        let window = &values[(end + 1).saturating_sub(rows)..=end];
        let known: Vec<f64> = window.iter().flatten().copied().collect();
        (!known.is_empty()).then(|| known.iter().sum())
    };
    (0..values.len()).map(of).collect()
}

proptest! {
    #[test]
    fn as_each_window_by_itself(
        values in prop::collection::vec(prop::option::of(-1000_i32..1000), 0..60),
        rows in 1_usize..70,
    ) {
        let values: Vec<_> = values.into_iter().map(|value| value.map(f64::from)).collect();
        prop_assert_eq!(trailing_sums(&values, rows), oracle(&values, rows));
    }
}

#[test]
fn nothing_is_left_of_what_left() {
    let values = [Some(1e17), Some(0.1), Some(0.2), Some(0.4)];
    let sums = trailing_sums(&values, 2);
    assert_eq!(sums[2..], [Some(0.1 + 0.2), Some(0.2 + 0.4)]);
}
