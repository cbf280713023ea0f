//! Rows with wanted codes, beside those found one by one.

use proptest::prelude::*;

use super::Codes;

proptest! {
    /// Scenario: any number of values and rows, of which none, one, some, all but one or all are wanted.
    /// Guarantees: the rows are those whose code is wanted, however wide codes are.
    #[test]
    fn matching(
        values in prop::sample::select(vec![1, 2, 7, 255, 256, 257, 5_000, 65_536, 65_537]),
        rows in 0_usize..400,
        how in 0..5,
        seed in any::<u64>(),
    ) {
        let mut state = seed;
        let mut next = |end: usize| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 33) as usize % end
        };
        let one = next(values);
        let wanted: Vec<bool> = (0..values)
            .map(|value| match how {
                0 => value == one,
                1 => value != one,
                2 => true,
                3 => false,
                _ => next(3) == 0,
            })
            .collect();
        // The one comes often, the last one now and then.
        let codes: Vec<u32> = (0..rows)
            .map(|_| [one, next(values), values - 1, next(values)][next(4)] as u32)
            .collect();
        let expected: Vec<bool> = codes.iter().map(|code| wanted[*code as usize]).collect();
        let found = Codes::new(codes, values).matching(&wanted);
        prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        prop_assert_eq!(found.len(), rows);
    }
}
