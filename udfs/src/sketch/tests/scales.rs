//! Lower scales: the third property of appendix D, 4, and errors that are what they say.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{MIN_SCALE, SCALE, Sketch, bucket_index, lower_bound, relative_error};
use super::{sketch, value};
use crate::nearest_rank;

/// Semantics 3.3, "SDK default", and 3.5.
#[test]
fn errors_by_scale() {
    let cases = [(6, 0.005415), (5, 0.010830), (4, 0.021657), (3, 0.043290), (2, 0.08643)];
    for (scale, expected) in cases {
        assert!((relative_error(scale) - expected).abs() < 1e-5, "{scale}");
    }
    assert_eq!(relative_error(0), 1.0 / 3.0);
    assert_eq!(relative_error(MIN_SCALE), 1.0);
}

/// T3.7.
#[test]
fn t3_7_lower_bounds() {
    let expected =
        [1.0, 1.09051, 1.18921, 1.29684, std::f64::consts::SQRT_2, 1.54221, 1.68179, 1.83401];
    for (index, expected) in (0..).zip(expected) {
        assert!((lower_bound(index, 3) - expected).abs() < 5e-6, "{index}");
    }
}

/// T3.6, the columns below scale 6.
#[test]
fn t3_6_lower_scales() {
    let cases = [
        (0.5, [-33, -9, -2, -1]),
        (1.0, [-1, -1, -1, -1]),
        (1.5, [18, 4, 0, 0]),
        (2.0, [31, 7, 0, 0]),
        (3.0, [50, 12, 1, 0]),
        (4.0, [63, 15, 1, 0]),
        (100.0, [212, 53, 6, 3]),
        (1000.0, [318, 79, 9, 4]),
    ];
    for (x, expected) in cases {
        let indexes = [5, 3, 0, -1].map(|scale: i8| bucket_index(x) >> (SCALE - scale));
        assert_eq!(indexes, expected, "{x}");
        for (scale, index) in [5, 3, 0, -1].into_iter().zip(expected) {
            assert!(lower_bound(index, scale) < x && x <= lower_bound(index + 1, scale), "{x}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn downscaling_a_merge_is_merging_downscaled(
        a in vec(value(), 0..200),
        b in vec(value(), 0..200),
        scale in MIN_SCALE..=SCALE,
        q in 0.0..=1.0_f64,
    ) {
        let (a, b) = (sketch(a), sketch(b));
        let mut after = a.clone();
        after.merge(&b);
        after.downscale(scale);
        let mut before = a.clone();
        before.downscale(scale);
        let mut coarse_b = b.clone();
        coarse_b.downscale(scale);
        // One that is coarse is enough.
        for other in [&coarse_b, &b] {
            let mut merged = before.clone();
            merged.merge(other);
            prop_assert_eq!(merged.steps(), after.steps());
            prop_assert_eq!(merged.scale(), after.scale());
            prop_assert_eq!(merged.quantile(q), after.quantile(q));
        }
        let mut swapped = b;
        swapped.merge(&before);
        prop_assert_eq!(swapped.steps(), after.steps());
    }

    #[test]
    fn errors_are_what_they_say(mut values in vec(value(), 1..400), scale in MIN_SCALE..=SCALE, q in 0.0..=1.0_f64) {
        let mut sketch = sketch(values.iter().copied());
        sketch.downscale(scale);
        values.sort_by(f64::total_cmp);
        let exact = values[nearest_rank::position(q, values.len())];
        let estimate = sketch.quantile(q).expect("not empty");
        let bound = sketch.relative_error() * (1.0 + 1e-9);
        prop_assert!((estimate - exact).abs() <= bound * exact.abs(), "{} for {}", estimate, exact);
    }

    /// Every value lies in its bin, at every scale.
    #[test]
    fn bins_hold_their_values(values in vec(value(), 0..300), scale in MIN_SCALE..=SCALE, later in any::<bool>()) {
        let mut sketch = sketch(values.iter().copied());
        if later {
            sketch.downscale(scale);
        }
        let bins = sketch.histogram(scale);
        let mut total = 0.0;
        for bin in &bins {
            let inside = |x: &&f64| match bin.upper {
                upper if upper > 0.0 => bin.lower < **x && **x <= upper,
                upper if bin.lower < 0.0 => bin.lower <= **x && **x < upper,
                _ => **x == 0.0,
            };
            prop_assert_eq!(bin.count, values.iter().filter(inside).count() as f64);
            total += bin.count;
        }
        prop_assert_eq!(total, sketch.count());
        prop_assert!(bins.is_sorted_by(|a, b| a.upper <= b.lower && a.lower < b.upper));
    }
}

/// Ends that are not known stay unknown, and answers stay inside the buckets.
#[test]
fn unknown_ends_stay_unknown() {
    let bytes = super::super::ddsketch::encode(&sketch((1..=1000).map(f64::from)));
    let foreign = super::super::ddsketch::decode(&bytes).expect("just encoded");
    let mut merged = sketch([5.0]);
    merged.merge(&foreign);
    let mut other_way = foreign.clone();
    other_way.merge(&sketch([5.0]));
    other_way.merge(&Sketch::default());
    for sketch in [foreign, merged, other_way] {
        assert_eq!((sketch.min(), sketch.max()), (None, None));
        assert!(sketch.sum().is_nan());
        for (q, exact) in [(0.0, 1.0), (0.5, 500.0), (1.0, 1000.0)] {
            let estimate = sketch.quantile(q).expect("not empty");
            assert!((estimate / exact - 1.0).abs() < 0.0055, "{q}: {estimate}");
        }
        assert_eq!((sketch.rank(0.1), sketch.rank(2000.0)), (Some(0.0), Some(1.0)));
    }
}
