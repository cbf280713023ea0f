//! DDSketches: the convention of Go and Java, both kinds of stores, and hostile bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

use super::super::{SCALE, Sketch};
use super::{DdSketch, Error, IndexMapping, Store, base, decode, encode};

fn sketch(values: impl IntoIterator<Item = f64>) -> Sketch {
    let mut sketch = Sketch::default();
    values.into_iter().for_each(|value| sketch.add(value));
    sketch
}

fn given(gamma: f64, positive: Store) -> DdSketch {
    let mapping = IndexMapping { gamma, index_offset: 0.0, interpolation: 0 };
    DdSketch { mapping: Some(mapping), positive: Some(positive), ..DdSketch::default() }
}

fn sparse(counts: &[(i32, f64)]) -> Store {
    Store { counts: counts.iter().copied().collect(), ..Store::default() }
}

/// `floor(log(x) / log(gamma))`, and the estimate of that bucket, as sketches-go and -java have
/// them (semantics.md 3.2).
fn go_bucket(x: f64) -> (i32, f64) {
    let gamma = 2_f64.powf(1.0 / 64.0);
    let index = (x.ln() / gamma.ln()).floor();
    (index as i32, gamma.powf(index) * (2.0 * gamma / (1.0 + gamma)))
}

#[test]
fn indexes_and_estimates_are_those_of_go() {
    for x in [3.0, 10.0, 100.0, 12_345.0, 1e6, 1.5e9] {
        let (index, estimate) = go_bucket(x);
        let written = DdSketch::decode(encode(&sketch([x])).as_slice()).expect("just encoded");
        let store = written.positive.expect("a positive value");
        assert_eq!((store.contiguous_offset, store.contiguous), (index, vec![1.0]), "{x}");
        let read = decode(&given(base(SCALE), sparse(&[(index, 1.0)])).encode_to_vec());
        let median = read.expect("a sound sketch").quantile(0.5).expect("not empty");
        assert!((median / estimate - 1.0).abs() < 1e-12, "{x}: {median}");
    }
}

#[test]
fn both_kinds_of_stores_add_up() {
    let store = Store {
        contiguous: vec![1.0, 0.0, 2.0],
        contiguous_offset: 425,
        ..sparse(&[(427, 0.5), (-3, 4.0)])
    };
    let read = decode(&given(base(SCALE), store).encode_to_vec()).expect("a sound sketch");
    let counts: Vec<f64> = read.histogram(SCALE).iter().map(|bin| bin.count).collect();
    assert_eq!(counts, [4.0, 1.0, 2.5]);
    assert_eq!((read.count(), read.min(), read.max()), (7.5, None, None));
    assert!(read.sum().is_nan());
    // What Go computes as gamma for an accuracy of 0.54151594159, to eleven digits.
    let near = given(base(SCALE) * (1.0 + 5e-13), sparse(&[(425, 1.0)]));
    assert!(decode(&near.encode_to_vec()).is_ok());
    // Whole offsets shift; sqrt(2) is the gamma of scale 1, 2^(2^-8) that of scale 8.
    let mut shifted = given(2_f64.sqrt(), sparse(&[(13, 1.0)]));
    shifted.mapping.as_mut().expect("just given").index_offset = 10.0;
    let read = decode(&shifted.encode_to_vec()).expect("a sound sketch");
    assert_eq!((read.scale(), read.histogram(1)[0].lower), (1, 2_f64.powf(1.5)));
    let fine = given(2_f64.powf(1.0 / 256.0), sparse(&[(425 * 4 + 3, 1.0)]));
    let read = decode(&fine.encode_to_vec()).expect("a sound sketch");
    assert_eq!((read.scale(), &read.histogram(SCALE)), (SCALE, &sketch([100.0]).histogram(SCALE)));
}

#[test]
fn other_buckets_are_refused() {
    let error = |sketch: &DdSketch| decode(&sketch.encode_to_vec()).err();
    for gamma in [1.02 / 0.98, 1.0, 0.0, -2.0, f64::NAN, f64::INFINITY.next_down()] {
        let other = given(gamma, sparse(&[(1, 1.0)]));
        assert!(matches!(error(&other), Some(Error::Mapping(..))), "{gamma}");
    }
    for (index_offset, interpolation) in [(0.5, 0), (f64::NAN, 0), (1e300, 0), (0.0, 1), (0.0, 3)] {
        let mapping = IndexMapping { gamma: 2.0, index_offset, interpolation };
        let other = DdSketch { mapping: Some(mapping), ..DdSketch::default() };
        assert!(matches!(error(&other), Some(Error::Mapping(..))), "{index_offset}");
    }
    for count in [-1.0, f64::INFINITY, f64::NAN] {
        assert!(matches!(error(&given(2.0, sparse(&[(1, count)]))), Some(Error::Count(_))));
        let zero = DdSketch { zero_count: count, ..given(2.0, Store::default()) };
        assert!(matches!(error(&zero), Some(Error::Count(_))));
    }
    for index in [i32::MAX, i32::MIN, 1025, -1077] {
        let far = given(2.0, sparse(&[(index, 1.0)]));
        assert_eq!(error(&far), Some(Error::Index(index.into())));
        assert_eq!(error(&given(2.0, sparse(&[(index, 0.0)]))), None);
    }
    assert!(matches!(decode(&[0xff]), Err(Error::Protobuf(_))));
    assert!(matches!(decode(&[]), Err(Error::Mapping(..))));
    let message = decode(&[]).expect_err("no mapping").to_string();
    assert!(message.contains("1.0108892860517005"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn there_and_back(
        rows in vec((prop_oneof![(-9.0..9.0_f64).prop_map(|e| 10_f64.powf(e)), -1e3..1e3_f64], 0.1..9.0_f64), 1..300),
        scale in super::MIN_SCALE..=SCALE,
    ) {
        let mut sketch = Sketch::default();
        rows.iter().for_each(|(value, weight)| sketch.add_weighted(*value, *weight));
        sketch.downscale(scale);
        let back = decode(&encode(&sketch)).expect("just encoded");
        prop_assert_eq!(back.histogram(scale), sketch.histogram(scale));
        prop_assert_eq!(back.scale(), scale);
        prop_assert!((back.count() / sketch.count() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..80)) {
        let _ = decode(&bytes);
    }
}
