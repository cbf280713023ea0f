//! Sketches as bytes: nothing lost, equal sketches equal, small ones small, foreign bytes refused.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Corrupt, EXACT_VALUES, MIN_SCALE, SCALE, Sketch};
use super::{FLOATS, FRACTIONS, KNOWN, VERSION, WEIGHTS};

fn sketch(values: impl IntoIterator<Item = f64>) -> Sketch {
    let mut sketch = Sketch::default();
    values.into_iter().for_each(|value| sketch.add(value));
    sketch
}

fn bytes(sketch: &Sketch) -> Vec<u8> {
    let mut bytes = Vec::new();
    sketch.encode(&mut bytes);
    bytes
}

/// Durations in nanoseconds of a service that answers in 12 ms, give or take a factor of 3.
fn durations(n: u32) -> impl Iterator<Item = f64> {
    let mut state = 1_u64;
    (0..n).map(move |_| {
        // The sum of 12 uniform numbers is nearly normal.
        let normal: f64 = (0..12)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 11) as f64 / (1_u64 << 53) as f64
            })
            .sum::<f64>()
            - 6.0;
        (12e6 * (normal * 3_f64.ln()).exp()).round()
    })
}

#[test]
fn few_values_are_few_bytes() {
    let length = |n: u32| bytes(&sketch(durations(n))).len();
    assert_eq!(bytes(&sketch([12_345_678.0])), [VERSION, 0, 0x9c, 0x85, 0xe3, 0x0b]);
    assert!(length(1) <= 6, "{}", length(1));
    assert!(length(10) <= 40, "{}", length(10));
    assert!(length(100) <= 320, "{}", length(100));
    assert!(length(1000) <= 600, "{}", length(1000));
    assert!(length(1_000_000) <= 1600, "{}", length(1_000_000));
}

#[test]
fn the_form_is_the_documented_one() {
    // Sorted, then differences: 3, 5 - 3, 10 - 5.
    assert_eq!(bytes(&sketch([10.0, 3.0, 5.0])), [VERSION, 0, 6, 2, 5]);
    assert_eq!(bytes(&sketch([-1.0, -0.0])), [VERSION, 0, 1, 1]);
    assert_eq!(bytes(&Sketch::default()), [VERSION, 0]);
    let half = 0.5_f64.to_le_bytes();
    assert_eq!(bytes(&sketch([0.5])), [[VERSION, FLOATS].as_slice(), &half].concat());
    let mut weighted = Sketch::default();
    weighted.add_weighted(7.0, 10.0);
    assert_eq!(bytes(&weighted), [VERSION, WEIGHTS, 14, 10]);
    let mut weighted = Sketch::default();
    weighted.add_weighted(7.0, 0.5);
    let expected = [[VERSION, WEIGHTS | FRACTIONS, 14].as_slice(), &half].concat();
    assert_eq!(bytes(&weighted), expected);
    // 100 values 1 (index -1), 30 values 4 (index 127): sum 220, min 1, max 4, no zero; two
    // buckets from -1 on, 100 in the first, and behind a gap of 127 the other; none below zero.
    let bucketed = sketch([1.0; 100].into_iter().chain([4.0; 30]));
    let facts = [VERSION, 1, 0xb8, 0x03, 2, 8, 0];
    let buckets = [2, 1, 0xc8, 0x01, 61, 126, 0];
    assert_eq!(bytes(&bucketed), [facts.as_slice(), &buckets].concat());
}

#[test]
fn foreign_bytes_are_refused() {
    for good in [sketch((0..300).map(f64::from)), sketch((0..300).map(|i| f64::from(i) / 3.0))] {
        let good = bytes(&good);
        assert!(Sketch::decode(&good).is_ok());
        for end in 0..good.len() {
            assert_eq!(Sketch::decode(&good[..end]).err(), Some(Corrupt), "{end}");
        }
        assert_eq!(Sketch::decode(&[good.as_slice(), &[0]].concat()).err(), Some(Corrupt));
    }
    let many = [[VERSION, 0].as_slice(), &[1; EXACT_VALUES]].concat();
    assert!(Sketch::decode(&many).is_ok());
    let nan = [[VERSION, FLOATS].as_slice(), &f64::NAN.to_le_bytes()].concat();
    let foreign: [&[u8]; 10] = [
        &[],
        &[VERSION],
        &[1, 0, 0],
        &[3, 0, 2],
        &[VERSION, 64, 2],
        &[many.as_slice(), &[1]].concat(),
        &nan,
        // A weight of nothing, scales that do not exist, and a varint without end.
        &[VERSION, WEIGHTS, 14, 0],
        &[VERSION, 16, 7, 2],
        &[&[VERSION, 0], [0xff; 11].as_slice()].concat(),
    ];
    for bytes in foreign {
        assert_eq!(Sketch::decode(bytes).err(), Some(Corrupt), "{bytes:?}");
    }
    // Buckets at the end of the world, and more of them than there are.
    let far = [VERSION, 1, 2, 2, 2, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 2, 0];
    assert_eq!(Sketch::decode(&far).err(), Some(Corrupt));
    let many = [VERSION, 1, 2, 2, 2, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 2];
    assert_eq!(Sketch::decode(&many).err(), Some(Corrupt));
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (0.0..12.0_f64).prop_map(|e| 10_f64.powf(e).round()),
        2 => (-300.0..300.0_f64).prop_map(|e| 10_f64.powf(e)),
        1 => (-9.0..9.0_f64).prop_map(|e| -(10_f64.powf(e))),
        1 => proptest::sample::select(vec![
            0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 5e-324, 9e15, -9e15, 9.1e15,
        ]),
    ]
}

fn weight() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => Just(1.0),
        2 => (1_u32..1000).prop_map(f64::from),
        1 => 0.001..10.0_f64,
    ]
}

/// Sketches of all forms: of whole values or not, weighted or not, few or many, coarse or not.
fn any_sketch() -> impl Strategy<Value = Sketch> {
    let whole = (0.0..12.0_f64).prop_map(|e| 10_f64.powf(e).round()).boxed();
    let value = prop_oneof![Just(whole), Just(value().boxed())];
    let weight = prop_oneof![Just(Just(1.0).boxed()), Just(weight().boxed())];
    let rows = (value, weight, prop_oneof![0_usize..4, 4_usize..300]);
    let rows = rows.prop_flat_map(|(value, weight, n)| vec((value, weight), n));
    let scale = prop_oneof![Just(SCALE), MIN_SCALE..=SCALE];
    (rows, scale).prop_map(|(rows, scale)| {
        let mut sketch = Sketch::default();
        rows.iter().for_each(|(value, weight)| sketch.add_weighted(*value, *weight));
        sketch.downscale(scale);
        sketch
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost(sketch in any_sketch(), q in 0.0..=1.0_f64) {
        let encoded = bytes(&sketch);
        let decoded = Sketch::decode(&encoded).expect("just encoded");
        prop_assert_eq!(&bytes(&decoded), &encoded);
        prop_assert_eq!(decoded.steps(), sketch.steps());
        prop_assert_eq!(decoded.is_exact(), sketch.is_exact());
        prop_assert_eq!(decoded.scale(), sketch.scale());
        prop_assert_eq!(decoded.count(), sketch.count());
        prop_assert_eq!(decoded.sum().to_bits(), sketch.sum().to_bits());
        prop_assert_eq!((decoded.min(), decoded.max()), (sketch.min(), sketch.max()));
        prop_assert_eq!(decoded.quantile(q), sketch.quantile(q));
    }

    #[test]
    fn states_are_read_as_bytes_are(a in any_sketch(), b in any_sketch()) {
        let mut state = Vec::new();
        b.encode_state(&mut state);
        let (mut from_state, mut from_bytes) = (a.clone(), a);
        from_state.merge_encoded(&state, 2.0).expect("just encoded");
        from_bytes.merge_encoded(&bytes(&b), 2.0).expect("just encoded");
        let (steps, expected) = (from_state.steps(), from_bytes.steps());
        prop_assert_eq!(steps.len(), expected.len());
        for ((estimate, count), (expected, expected_count)) in steps.into_iter().zip(expected) {
            prop_assert_eq!(estimate, expected);
            prop_assert!((count / expected_count - 1.0).abs() < 1e-12);
        }
        prop_assert_eq!((from_state.min(), from_state.max()), (from_bytes.min(), from_bytes.max()));
        prop_assert_eq!(from_state.is_exact(), from_bytes.is_exact());
    }

    #[test]
    fn merging_bytes_is_merging(a in any_sketch(), b in any_sketch()) {
        let (mut merged, mut from_bytes) = (a.clone(), a);
        merged.merge(&b);
        from_bytes.merge_encoded(&bytes(&b), 1.0).expect("just encoded");
        // Bytes hold few values in order, so sums of fractional weights differ in the last bits.
        let (steps, expected) = (from_bytes.steps(), merged.steps());
        prop_assert_eq!(steps.len(), expected.len());
        for ((estimate, count), (expected, expected_count)) in steps.into_iter().zip(expected) {
            prop_assert_eq!(estimate, expected);
            prop_assert!((count / expected_count - 1.0).abs() < 1e-12);
        }
        prop_assert_eq!(from_bytes.scale(), merged.scale());
        prop_assert_eq!((from_bytes.min(), from_bytes.max()), (merged.min(), merged.max()));
        prop_assert!((from_bytes.count() / merged.count() - 1.0).abs() < 1e-12 || merged.is_empty());
    }

    #[test]
    fn any_bytes_are_read_or_refused(flags in 0..=KNOWN, bytes in vec(any::<u8>(), 0..80)) {
        if let Ok(sketch) = Sketch::decode(&[&[VERSION, flags][..], &bytes].concat()) {
            sketch.quantile(0.5);
            sketch.rank(1.0);
            sketch.encode(&mut Vec::new());
        }
    }
}
