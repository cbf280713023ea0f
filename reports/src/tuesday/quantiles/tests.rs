//! Ranks, quantiles and intervals against the numbers of semantics.md 3.1.

use super::{Descending, confidence_ranks, fewest_values, median, quantile, rank};

impl Descending for Vec<i64> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn get(&self, index: usize) -> Option<i64> {
        self.as_slice().get(index).copied()
    }

    fn above(&self, index: usize) -> u128 {
        index as u128
    }

    fn equal_values(&self) -> usize {
        self.as_slice().len()
    }
}

fn value(ascending: &[i64], percent: u32) -> i64 {
    let descending: Vec<i64> = ascending.iter().rev().copied().collect();
    quantile(&descending, percent).unwrap().value_ns
}

/// T3.1, the nearest-rank column.
#[test]
fn quantiles_are_observed_values() {
    let five = [15, 20, 35, 40, 50];
    assert_eq!([5, 30, 40, 50].map(|q| value(&five, q)), [15, 20, 20, 35]);
    let hundred: Vec<i64> = (1..=100).collect();
    assert_eq!([90, 95, 99].map(|q| value(&hundred, q)), [90, 95, 99]);
    let ten = [100, 120, 150, 180, 200, 250, 300, 400, 900, 5000];
    assert_eq!([50, 90, 95, 99].map(|q| value(&ten, q)), [200, 900, 5000, 5000]);
    let fourteen = [
        6144, 6144, 19345, 21156, 21156, 22743, 34643, 42935, 52514, 65772, 76815, 84336, 105_138,
        119_886,
    ];
    assert_eq!(value(&fourteen, 85), 84336);
}

#[test]
fn ranks_are_found_in_integers() {
    assert_eq!(rank(20, 95), 19);
    assert_eq!(rank(1000, 99), 990);
    assert_eq!(rank(1, 1), 1);
    assert_eq!(rank(0, 50), 0);
}

#[test]
fn an_upper_bound_needs_enough_values() {
    assert_eq!(fewest_values(99), 368);
    assert_eq!(fewest_values(95), 72);
    assert_eq!(confidence_ranks(367, 99), None);
    assert_eq!(confidence_ranks(368, 99).unwrap().1, 368);
    assert_eq!(confidence_ranks(71, 95), None);
    assert_eq!(confidence_ranks(72, 95).unwrap().1, 72);
}

#[test]
fn intervals_are_those_of_the_binomial() {
    assert_eq!(confidence_ranks(1_000, 99), Some((983, 997)));
    assert_eq!(confidence_ranks(10_000, 99), Some((9_880, 9_920)));
    // Median of 10: ranks 2 and 9, as every table of the sign test has it.
    assert_eq!(confidence_ranks(10, 50), Some((2, 9)));
    assert_eq!(confidence_ranks(5, 50), None);
    let (low, high) = confidence_ranks(5_000_000, 99).unwrap();
    assert!((4_949_500..4_950_000).contains(&low) && (4_950_000..4_950_500).contains(&high));
}

#[test]
fn an_interval_carries_its_values() {
    let descending: Vec<i64> = (1..=1_000).rev().map(|ms| ms * 1_000_000).collect();
    let p99 = quantile(&descending, 99).unwrap();
    assert_eq!((p99.value_ns, p99.rank), (990_000_000, 990));
    assert_eq!((p99.low_rank, p99.low_ns), (Some(983), Some(983_000_000)));
    assert_eq!((p99.high_rank, p99.high_ns), (Some(997), Some(997_000_000)));
    assert!(quantile(&Vec::new(), 99).is_none());
}

#[test]
fn the_median_is_one_of_the_values() {
    assert_eq!(median(&mut [5, 1, 4, 2]), Some(2));
    assert_eq!(median(&mut [3]), Some(3));
    assert_eq!(median(&mut []), None);
}
