//! Data points: T3.6 and T3.8, round trips, and hostile points. The Python tests of the command line
//! read and write the same with the published protobuf classes.

use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

use super::super::{MIN_SCALE, RELATIVE_ERROR, SCALE, Sketch, bucket_index};
use super::{DataPoint, Error, FINEST, Range, decode, encode};

fn sketch(values: impl IntoIterator<Item = f64>) -> Sketch {
    let mut sketch = Sketch::default();
    values.into_iter().for_each(|value| sketch.add(value));
    sketch
}

fn point(scale: i32, offset: i32, bucket_counts: &[u64]) -> DataPoint {
    DataPoint {
        count: bucket_counts.iter().sum(),
        scale,
        positive: Some(Range { offset, bucket_counts: bucket_counts.to_vec() }),
        ..DataPoint::default()
    }
}

/// Index and count of the buckets above zero that are not empty.
fn positive(sketch: &Sketch) -> Vec<(i32, f64)> {
    match &sketch.values {
        super::Values::Bucketed(bucketed) => bucketed.positive.iter().collect(),
        super::Values::Exact(exact) => exact.bucketed(sketch.scale).positive.iter().collect(),
    }
}

/// T3.6: 100 and 1000 by the scale of the point.
#[test]
fn t3_6_finer_scales_are_lowered_and_coarser_ones_stay() {
    let cases = [
        (20, 6_966_588, 6, 425),
        (6, 425, 6, 425),
        (5, 212, 5, 212),
        (3, 53, 3, 53),
        (0, 6, 0, 6),
        (-1, 3, -1, 3),
        (20, 10_449_882, 6, 637),
        (3, 79, 3, 79),
    ];
    for (given, index, scale, expected) in cases {
        let sketch = decode(&point(given, index, &[3]).encode_to_vec()).expect("a sound point");
        assert_eq!((sketch.scale(), positive(&sketch)), (scale, vec![(expected, 3.0)]));
        assert_eq!((sketch.count(), sketch.min(), sketch.max()), (3.0, None, None));
        assert!(sketch.sum().is_nan());
    }
}

/// T3.8: downscaling shifts, and merging goes to the lower scale.
#[test]
fn t3_8_downscale_and_merge() {
    for (index, expected) in [(-5, -2), (-4, -1), (-1, -1), (0, 0), (1, 0), (3, 0), (4, 1), (7, 1)]
    {
        let mut sketch = decode(&point(5, index, &[1]).encode_to_vec()).expect("a sound point");
        sketch.downscale(3);
        assert_eq!(positive(&sketch), [(expected, 1.0)], "{index}");
    }
    let mut merged = sketch([100.0, 200.0, 300.0]);
    let mut coarse = sketch([150.0, 1000.0]);
    coarse.downscale(3);
    merged.merge(&coarse);
    let expected = [53, 57, 61, 65, 79].map(|index| (index, 1.0));
    assert_eq!((merged.scale(), positive(&merged)), (3, expected.to_vec()));
}

#[test]
fn a_sketch_as_a_point() {
    let bytes = encode(&sketch([100.0, 0.0, 3.0])).expect("few observations");
    let point = DataPoint::decode(bytes.as_slice()).expect("just encoded");
    assert_eq!((point.count, point.zero_count, point.scale), (3, 1, 6));
    assert_eq!((point.sum, point.min, point.max), (Some(103.0), Some(0.0), Some(100.0)));
    let range = point.positive.expect("positive values");
    assert_eq!((range.offset, range.bucket_counts.len()), (101, 425 - 101 + 1));
    assert_eq!(range.bucket_counts.iter().sum::<u64>(), 2);
    assert_eq!(point.negative, None);
    // A sum over negative values is left out, as OTLP asks for.
    let bytes = encode(&sketch([-2.0, 1.0])).expect("few observations");
    let point = DataPoint::decode(bytes.as_slice()).expect("just encoded");
    assert_eq!((point.sum, point.min), (None, Some(-2.0)));
    assert_eq!(point.negative, Some(Range { offset: 63, bucket_counts: vec![1] }));
    // Fractions keep their sum.
    let mut weighted = Sketch::default();
    [1.0, 2.0, 3.0].iter().for_each(|value| weighted.add_weighted(*value, 1.0 / 3.0));
    let bytes = encode(&weighted).expect("few observations");
    assert_eq!(DataPoint::decode(bytes.as_slice()).expect("just encoded").count, 1);
    let mut heavy = Sketch::default();
    heavy.add_weighted(1.0, 1e30);
    assert_eq!(encode(&heavy), Err(Error::TooMany(1e30)));
}

#[test]
fn points_that_contradict_themselves_are_refused() {
    let error = |point: DataPoint| decode(&point.encode_to_vec()).err();
    let sound = point(6, 425, &[1, 2]);
    assert_eq!(error(sound.clone()), None);
    assert_eq!(error(DataPoint { count: 4, ..sound.clone() }), Some(Error::Count(4, 3)));
    for scale in [MIN_SCALE as i32 - 1, FINEST + 1, i32::MIN, i32::MAX] {
        assert_eq!(error(DataPoint { scale, ..sound.clone() }), Some(Error::Scale(scale)));
    }
    let ends = DataPoint { min: Some(2.0), max: Some(1.0), ..sound.clone() };
    assert_eq!(error(ends), Some(Error::Ends(2.0, 1.0)));
    let nan = DataPoint { min: Some(f64::NAN), max: Some(1.0), ..sound };
    assert!(matches!(error(nan), Some(Error::Ends(..))));
    for offset in [i32::MAX, i32::MIN] {
        let index = i64::from(offset);
        assert_eq!(error(point(6, offset, &[1])), Some(Error::Index(6, index)));
        assert_eq!(error(point(6, offset, &[0])), None);
    }
    // Counts that overflow when they are added.
    let both = DataPoint { count: 0, zero_count: 1, ..point(0, 0, &[u64::MAX]) };
    assert_eq!(error(both), Some(Error::Count(0, 1 << 64)));
    assert!(matches!(decode(&[0xff]), Err(Error::Protobuf(_))));
    // An empty point is an empty sketch.
    assert!(decode(&[]).expect("all fields have defaults").is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn there_and_back(
        values in vec(prop_oneof![(-9.0..9.0_f64).prop_map(|e| 10_f64.powf(e)), -1e3..1e3_f64], 1..300),
        scale in MIN_SCALE..=SCALE,
    ) {
        let mut sketch = sketch(values.iter().copied());
        sketch.downscale(scale);
        let back = decode(&encode(&sketch).expect("few observations")).expect("just encoded");
        prop_assert_eq!(back.histogram(scale), sketch.histogram(scale));
        prop_assert_eq!(back.scale(), scale);
        prop_assert_eq!((back.count(), back.min(), back.max()), (sketch.count(), sketch.min(), sketch.max()));
        prop_assert_eq!(back.sum().is_nan(), values.iter().any(|x| *x < 0.0));
        // A second time nothing more is lost.
        let again = decode(&encode(&back).expect("few observations")).expect("just encoded");
        prop_assert_eq!(again.steps(), back.steps());
    }

    /// A point of the finest scale, as an SDK would make it, has the same buckets as our sketch.
    #[test]
    fn finer_buckets_shift_onto_ours(values in vec((-6.0..9.0_f64).prop_map(|e| 10_f64.powf(e)), 1..50), scale in 6..=20_i32) {
        let mut expected = Sketch::default();
        let mut actual = Sketch::default();
        for value in values {
            let index = (value.ln() * f64::from(1 << scale) / 2_f64.ln()).floor() as i32;
            // The logarithm decides only near a bound; there it may be the neighbour.
            prop_assume!((index >> (scale - 6)) == bucket_index(value));
            expected.add(value);
            actual.merge(&decode(&point(scale, index, &[1]).encode_to_vec()).expect("a sound point"));
        }
        prop_assert_eq!(actual.histogram(SCALE), expected.histogram(SCALE));
        prop_assert!(actual.relative_error() <= RELATIVE_ERROR + 1e-15);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..80)) {
        let _ = decode(&bytes);
    }
}
