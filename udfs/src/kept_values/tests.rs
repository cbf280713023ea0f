//! Ranks against a sorted vector, through any split and bytes; how little memory it takes.

use proptest::prelude::*;

use super::{KeptValues, MIN_RUN_LEN, RUN_LEN};

/// Numbers that look random, from a seed.
fn random(n: usize, mut state: u64) -> impl Iterator<Item = u64> {
    (0..n).map(move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mixed = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 32)
    })
}

/// Values by shape.
fn values(shape: usize, n: usize, seed: u64) -> Vec<i64> {
    let shaped = |x: u64| match shape {
        // Durations between 1 and 100 ms, in nanoseconds.
        0 => (1e6 * 100_f64.powf((x >> 11) as f64 / (1_u64 << 53) as f64)) as i64,
        // All that there are, both ends among them.
        1 => [i64::MIN, i64::MAX, 0, x.cast_signed()][(x % 4) as usize],
        2 => x.cast_signed(),
        3 => 42,
        // Many copies of few values.
        4 => (x % 5).cast_signed() - 2,
        _ => 1_790_000_000_000_000_000 + (x % 1_000_000_000).cast_signed(),
    };
    random(n, seed).map(shaped).collect()
}

fn assert_ranks(kept: &mut KeptValues, mut values: Vec<i64>, what: &str) {
    values.sort_unstable();
    assert_eq!(kept.len(), values.len(), "{what}");
    assert_eq!(kept.select(values.len()), None, "{what}");
    let n = values.len();
    for at in [0, 1, n / 3, n / 2, n * 99 / 100, n.saturating_sub(2), n.saturating_sub(1)] {
        assert_eq!(kept.select(at), values.get(at).copied(), "{what}, {at} of {n}");
    }
}

#[test]
fn every_shape_has_its_ranks() {
    for shape in 0..6 {
        for n in [0, 1, 1000, RUN_LEN - 1, RUN_LEN, RUN_LEN + 1, 5 * RUN_LEN + 17] {
            let values = values(shape, n, 7);
            let mut kept = KeptValues::default();
            values.iter().for_each(|value| kept.push(*value));
            assert_ranks(&mut kept, values, &format!("shape {shape}"));
        }
    }
}

#[test]
fn durations_take_little_more_than_two_bytes() {
    let n = 1 << 19;
    let mut kept = KeptValues::default();
    values(0, n, 3).into_iter().for_each(|value| kept.push(value));
    let recent = RUN_LEN * size_of::<i64>();
    assert!(kept.heap_size() - recent < n * 9 / 4, "{} bytes for {n}", kept.heap_size());
    let mut bytes = Vec::new();
    kept.drain_into(&mut bytes);
    assert!(bytes.len() < n * 9 / 4, "{} bytes for {n}", bytes.len());
    assert_eq!((kept.len(), kept.heap_size()), (0, 0));
}

#[test]
fn foreign_bytes_are_refused() {
    let mut kept = KeptValues::default();
    values(0, RUN_LEN, 3).into_iter().for_each(|value| kept.push(value));
    let mut bytes = Vec::new();
    kept.drain_into(&mut bytes);
    for end in [0, 1, 3, 5, 20, bytes.len() - 1] {
        assert_eq!(KeptValues::default().merge_encoded(&bytes[..end]), None, "{end}");
    }
    bytes.push(0);
    assert_eq!(KeptValues::default().merge_encoded(&bytes), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_have_the_ranks_of_the_whole(
        parts in proptest::collection::vec((0_usize..6, prop_oneof![0_usize..10, 0..2 * MIN_RUN_LEN, RUN_LEN - 2..2 * RUN_LEN], any::<u64>()), 1..5),
    ) {
        let mut whole = Vec::new();
        let mut kept = KeptValues::default();
        for (shape, n, seed) in parts {
            let part = values(shape, n, seed);
            let mut of_part = KeptValues::default();
            part.iter().for_each(|value| of_part.push(*value));
            let mut bytes = Vec::new();
            of_part.drain_into(&mut bytes);
            prop_assert_eq!(kept.merge_encoded(&bytes), Some(()));
            whole.extend(part);
        }
        assert_ranks(&mut kept, whole, "merged");
    }
}
