//! Rounding that keeps the sum.

use proptest::collection::vec;
use proptest::prelude::*;

use super::round;

#[test]
fn what_lost_most_is_rounded_up() {
    assert_eq!(round(&[]), Some(vec![]));
    assert_eq!(round(&[1.0, 2.0, 0.0]), Some(vec![1, 2, 0]));
    assert_eq!(round(&[0.3, 0.3, 0.4]), Some(vec![0, 0, 1]));
    assert_eq!(round(&[0.5, 0.5, 0.5, 0.5]), Some(vec![1, 1, 0, 0]));
    assert_eq!(round(&[10.2, 0.2]), Some(vec![10, 0]));
    assert_eq!(round(&[1e19, 9e18]), None);
    assert_eq!(round(&[f64::INFINITY]), None);
}

proptest! {
    #[test]
    fn the_sum_is_kept_and_no_count_moves_by_one(counts in vec(0.0..1e6_f64, 0..100)) {
        let rounded = round(&counts).expect("small counts");
        prop_assert_eq!(rounded.iter().sum::<u64>(), counts.iter().sum::<f64>().round() as u64);
        for (count, rounded) in counts.iter().zip(rounded) {
            prop_assert!((count - rounded as f64).abs() < 1.0);
        }
    }
}
