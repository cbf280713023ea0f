//! Sets of traces against ordered sets.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Encoded, TraceSet};

proptest! {
    /// Property: ascending rows of numbers, one between the other and with repetitions, in one set or in two that
    /// are joined.
    #[test]
    fn as_ordered_sets(
        rows in prop::collection::vec((0..200_000_u32, 1..9_u32, 0..400_usize), 1..4),
        times in 1..3_usize,
        is_joined: bool,
    ) {
        let longest = rows.iter().map(|(.., count)| *count).max().unwrap_or_default();
        let all: Vec<u32> = (0..longest)
            .flat_map(|at| rows.iter().filter(move |row| at < row.2).map(move |row| row.0 + row.1 * at as u32))
            .collect();
        let mut sets = [TraceSet::default(), TraceSet::default()];
        for _ in 0..times {
            for (number, trace) in all.iter().enumerate() {
                sets[if is_joined { number % 2 } else { 0 }].insert(*trace);
            }
        }
        let [mut set, other] = sets;
        let mut bytes = Vec::new();
        other.encode(&mut bytes);
        for cut in 0..bytes.len().min(20) {
            prop_assert!(Encoded::take(&mut &bytes[..cut]).is_err());
        }
        let left = &mut &*bytes;
        let other = Encoded::take(left).expect("what was encoded");
        prop_assert!(left.is_empty());
        set.extend(other);
        let found: Vec<u32> = set.bitmap().iter().collect();
        let expected: Vec<u32> = all.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        prop_assert_eq!(found, expected);
    }
}
