//! Keys against a set of them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::TraceKeys;

proptest! {
    /// Guarantees: a key of the file is always found; one that is not is found only if it differs from
    /// one of the file in the last bits alone, which are not kept.
    #[test]
    fn what_is_there_is_found(keys in prop::collection::btree_set(any::<u64>(), 0..2000), near in any::<u64>()) {
        let all: Vec<u64> = keys.iter().copied().collect();
        let table = TraceKeys::new(&all);
        prop_assert_eq!(table.len(), all.len());
        prop_assert_eq!(table.among(&all), all.clone());
        let is_like_one = |key: u64| {
            let kept = 32 + table.bucket_bits;
            keys.iter().any(|other| other >> (64 - kept) == key >> (64 - kept))
        };
        for key in all.iter().map(|key| key ^ (near | 1)).chain([near, 0, u64::MAX]) {
            prop_assert_eq!(table.may_have(key), is_like_one(key), "{}", key);
        }
    }
}

#[test]
fn strangers_are_told_apart() {
    // As many traces as a file has.
    let mut random = 1_u64;
    let mut next = || {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        xxhash_rust::xxh3::xxh3_64(&random.to_le_bytes())
    };
    let keys: BTreeSet<u64> = (0..200_000).map(|_| next()).collect();
    let table = TraceKeys::new(&keys.into_iter().collect::<Vec<_>>());
    let strangers: Vec<u64> = (0..1_000_000).map(|_| next()).collect();
    assert!(table.among(&strangers).len() < 3, "{}", table.among(&strangers).len());
    let bytes_per_key = table.bytes() as f64 / 200_000.0;
    assert!(bytes_per_key < 4.5, "{bytes_per_key}");
}
