//! Reference numbers T3.6, T3.8, T3.11 and the properties of appendix D, 4.

mod accuracy;
mod scales;

use proptest::collection::vec;
use proptest::prelude::*;

use super::bounds::BOUNDS;
use super::{EXACT_VALUES, RELATIVE_ERROR, SCALE, Sketch, bucket_estimate, bucket_index};
use crate::nearest_rank;

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

#[test]
fn t3_6_indexes_at_scale_6() {
    let cases = [
        (0.5, -65),
        (1.0, -1),
        (1.5, 37),
        (2.0, 63),
        (3.0, 101),
        (4.0, 127),
        (100.0, 425),
        (1000.0, 637),
    ];
    for (x, index) in cases {
        assert_eq!(bucket_index(x), index, "{x}");
    }
    // The inputs of T3.8.
    assert_eq!([100.0, 200.0, 300.0].map(bucket_index), [425, 489, 526]);
}

#[test]
fn t3_11_estimates() {
    let cases = [
        (1.0, -1, 0.994584841),
        (2.0, 63, 1.989169681),
        (3.0, 101, 3.001984123),
        (10.0, 212, 9.988661361),
        (100.0, 425, 100.316586086),
        (1000.0, 637, 996.631488892),
        (12345.0, 869, 12296.126968899),
        (1e6, 1275, 998682.348776),
        (1.5e9, 1950, 1494008641.599),
    ];
    for (x, index, estimate) in cases {
        assert_eq!(bucket_index(x), index, "{x}");
        assert!((bucket_estimate(index, SCALE) / estimate - 1.0).abs() < 1e-9, "{x}");
    }
}

#[test]
fn t3_11_one_to_a_thousand() {
    let sketch = sketch((1..=1000).map(f64::from));
    let cases = [
        (0.5, 498.315744),
        (0.9, 904.070423),
        (0.95, 954.377584),
        (0.99, 985.895788),
        (0.999, 996.631489),
    ];
    for (q, expected) in cases {
        let actual = sketch.quantile(q).expect("not empty");
        assert!((actual - expected).abs() < 1e-6, "q {q}: {actual}");
    }
    assert_eq!(sketch.steps().len(), 312);
    assert_eq!((sketch.quantile(0.0), sketch.quantile(1.0)), (Some(1.0), Some(1000.0)));
    assert_eq!((sketch.count(), sketch.sum()), (1000.0, 500_500.0));
    assert_eq!((sketch.min(), sketch.max()), (Some(1.0), Some(1000.0)));
}

#[test]
fn bounds_are_upper_inclusive_everywhere() {
    for e in -1022..=1023 {
        let octave = 2_f64.powi(e);
        for (k, bound) in BOUNDS[..64].iter().enumerate() {
            let closes = e * 64 + k as i32 - 1;
            let bound = bound * octave;
            assert_eq!(bucket_index(bound), closes, "2^({e} + {k}/64)");
            if bound.next_up().is_finite() {
                assert_eq!(bucket_index(bound.next_up()), closes + 1, "above 2^({e} + {k}/64)");
            }
        }
    }
}

#[test]
fn the_ends_of_the_number_line_have_buckets() {
    for x in [f64::MIN_POSITIVE / 2.0, f64::MIN_POSITIVE, f64::MAX] {
        let estimate = bucket_estimate(bucket_index(x), SCALE);
        assert!(
            estimate.is_infinite() || (estimate / x - 1.0).abs() < RELATIVE_ERROR + 1e-12,
            "{x:e}"
        );
    }
    assert_eq!(bucket_index(5e-324), -1074 * 64 - 1);
    let mut wide = sketch((0..200).map(f64::from));
    wide.add(f64::INFINITY);
    wide.add(f64::NEG_INFINITY);
    wide.add(f64::NAN);
    assert_eq!(wide.count(), 202.0);
    assert_eq!(wide.quantile(1.0), Some(f64::INFINITY));
    assert_eq!(wide.quantile(0.0), Some(f64::NEG_INFINITY));
}

#[test]
fn few_values_are_exact() {
    let values = [100., 120., 150., 180., 200., 250., 300., 400., 900., 5000.];
    let few = sketch(values);
    for (q, expected) in [(0.5, 200.), (0.9, 900.), (0.95, 5000.), (0.99, 5000.)] {
        assert_eq!(few.quantile(q), Some(expected));
    }
    assert_eq!(Sketch::default().quantile(0.5), None);
    assert!(sketch((0..EXACT_VALUES as i32).map(f64::from)).is_exact());
    assert!(!sketch((0..=EXACT_VALUES as i32).map(f64::from)).is_exact());
}

#[test]
fn t9_2_weights() {
    let rows = [(120., 10.), (80., 10.), (900., 1.), (1500., 1.), (100., 10.)];
    let check = |copies: usize, tolerance: f64| {
        let mut sketch = Sketch::default();
        for _ in 0..copies {
            rows.iter().for_each(|(value, weight)| sketch.add_weighted(*value, *weight));
        }
        assert_eq!(sketch.count(), 32.0 * copies as f64);
        assert_eq!(sketch.is_exact(), tolerance == 0.0);
        for (q, expected) in [(0.5, 100.), (0.9, 120.), (0.95, 900.)] {
            let actual: f64 = sketch.quantile(q).expect("not empty");
            assert!((actual / expected - 1.0).abs() <= tolerance, "q {q}: {actual}");
        }
    };
    check(1, 0.0);
    check(50, RELATIVE_ERROR);
    let mut odd = Sketch::default();
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        odd.add_weighted(1.0, weight);
    }
    assert_eq!((odd.count(), odd.quantile(0.5)), (0.0, None));
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (0.0..12.0_f64).prop_map(|e| 10_f64.powf(e).round()),
        2 => (-9.0..9.0_f64).prop_map(|e| 10_f64.powf(e)),
        1 => (-9.0..9.0_f64).prop_map(|e| -(10_f64.powf(e))),
        1 => Just(0.0),
    ]
}

/// The parts in any order, each through bytes.
fn merged(parts: &[Vec<f64>]) -> Sketch {
    let mut total = Sketch::default();
    for part in parts {
        let part = Sketch::decode(&bytes(&sketch(part.iter().copied()))).expect("just encoded");
        total.merge(&part);
    }
    total
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merging_loses_nothing(
        (parts, shuffled) in vec(vec(value(), 0..200), 1..6)
            .prop_flat_map(|parts| (Just(parts.clone()), Just(parts).prop_shuffle())),
        q in 0.0..=1.0_f64,
    ) {
        let mut all: Vec<f64> = parts.concat();
        let whole = sketch(all.iter().copied());
        for merged in [merged(&parts), merged(&shuffled)] {
            prop_assert_eq!(merged.steps(), whole.steps());
            prop_assert_eq!(merged.is_exact(), whole.is_exact());
            prop_assert_eq!((merged.count(), merged.min(), merged.max()), (whole.count(), whole.min(), whole.max()));
            prop_assert_eq!(merged.quantile(q), whole.quantile(q));
        }
        all.sort_by(f64::total_cmp);
        let qs = [q, 0.0, 0.5, 0.9, 0.99, 0.999, 1.0];
        for q in qs.into_iter().filter(|_| !all.is_empty()) {
            let exact = all[nearest_rank::position(q, all.len())];
            let estimate = whole.quantile(q).expect("not empty");
            let bound = if whole.is_exact() { 0.0 } else { RELATIVE_ERROR + 1e-12 };
            prop_assert!((estimate - exact).abs() <= bound * exact.abs(), "q {}: {} for {}", q, estimate, exact);
        }
    }

    /// With all weights equal, weights change nothing.
    #[test]
    fn equal_weights_cancel(values in vec(value(), 1..300), q in 0.0..=1.0_f64) {
        let mut heavy = Sketch::default();
        values.iter().for_each(|value| heavy.add_weighted(*value, 4.0));
        let plain = sketch(values.iter().copied()).quantile(q).expect("not empty");
        let heavy = heavy.quantile(q).expect("not empty");
        // The ends are exact only where weights do not hide them.
        prop_assert!((heavy - plain).abs() <= 2.0 * RELATIVE_ERROR * plain.abs());
    }

    #[test]
    fn quantiles_rise_with_q(values in vec(value(), 1..300), a in 0.0..=1.0_f64, b in 0.0..=1.0_f64) {
        let sketch = sketch(values);
        prop_assert!(sketch.quantile(a.min(b)) <= sketch.quantile(a.max(b)));
    }
}

/// Guarantees of ranks: that of a quantile is at least the quantile's; they rise; they are exact at the
/// ends and for few values, and else the exact share of some value within the error.
#[test]
fn ranks_are_shares() {
    for n in [1, 100, 128, 129, 5000] {
        let values: Vec<f64> = (1..=n).map(|i| f64::from(i).powi(3)).collect();
        let sketch = sketch(values.iter().copied());
        let share = |x: f64| values.iter().filter(|v| **v <= x).count() as f64 / f64::from(n);
        assert_eq!(sketch.rank(0.5), Some(0.0));
        assert_eq!(sketch.rank(f64::from(n).powi(3)), Some(1.0));
        assert_eq!(sketch.rank(f64::NAN), None);
        let mut last = 0.0;
        for step in 0..=300 {
            let x = 2_f64.powf(f64::from(step) / 7.0);
            let rank = sketch.rank(x).expect("not empty");
            let (low, high) = (x * (1.0 - RELATIVE_ERROR), x * (1.0 + RELATIVE_ERROR));
            assert!((share(low)..=share(high)).contains(&rank), "{rank} of {x}, {n} values");
            assert!(rank >= last, "{x}");
            assert!(!sketch.is_exact() || rank == share(x), "{x}");
            last = rank;
        }
        for q in [0.01, 0.5, 0.99, 1.0] {
            let quantile = sketch.quantile(q).expect("not empty");
            assert!(sketch.rank(quantile).expect("not empty") >= q - 1e-12, "{q} of {n}");
        }
    }
    assert_eq!(Sketch::default().rank(1.0), None);
}
