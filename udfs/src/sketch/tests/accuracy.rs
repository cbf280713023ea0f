//! The bound that the functions promise, 0.55 %, over shapes of data, weights and trees of merges.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{EXACT_VALUES, Sketch, lower_bound};

const QS: [f64; 7] = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0];

/// What `README` and reference say.
const PROMISED: f64 = 0.0055;

/// Values by shape, from uniform numbers in `(0, 1)`.
fn shaped(shape: usize, u: f64, v: f64) -> f64 {
    let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
    match shape {
        0 => 1e9 * u,
        1 => (15.0 + 1.5 * normal).exp(),
        // Pareto with alpha 1.2: the mean of its slowest 1 % is six times their smallest.
        2 => 1e6 * u.powf(-1.0 / 1.2),
        3 if v < 0.95 => 1e6 * (1.0 + u),
        3 => 1e9 * (1.0 + u),
        4 => 12_345_678.0,
        // On a bound, or just above it.
        5 => {
            let bound = lower_bound((u * 4000.0) as i32, 6);
            if v < 0.5 { bound } else { bound.next_up() }
        }
        // Each magnitude that there is, of either sign.
        6 => (if v < 0.5 { -1.0 } else { 1.0 }) * 10_f64.powf(600.0 * u - 300.0),
        _ => normal.round(),
    }
}

const SHAPES: usize = 8;

/// Sketches of chunks, each through bytes, merged two by two in an order that `picks` decides.
fn merged_in_a_tree(rows: &[(f64, f64)], chunk: usize, picks: &[usize]) -> Sketch {
    let mut parts: Vec<Sketch> = rows
        .chunks(chunk)
        .map(|rows| {
            let mut sketch = Sketch::default();
            rows.iter().for_each(|(value, weight)| sketch.add_weighted(*value, *weight));
            sketch
        })
        .collect();
    let mut pick = picks.iter().cycle();
    while parts.len() > 1 {
        let mut next = || pick.next().copied().unwrap_or(0);
        let part = parts.swap_remove(next() % parts.len());
        let mut bytes = Vec::new();
        part.encode(&mut bytes);
        let into = next() % parts.len();
        parts[into].merge_encoded(&bytes, 1.0).expect("just encoded");
    }
    parts.pop().unwrap_or_default()
}

/// The quantile, spelled out: the smallest value up to which the weights reach q of all.
fn exact(sorted: &[(f64, f64)], q: f64) -> f64 {
    let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    let mut reached = 0.0;
    for (value, weight) in sorted {
        reached += weight;
        if reached >= q * total * (1.0 - 1e-13) {
            return *value;
        }
    }
    sorted.last().expect("not empty").0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_promise_is_kept(
        shape in 0..SHAPES,
        uniform in vec((f64::EPSILON..1.0, f64::EPSILON..1.0), 1..12_000),
        weights in prop_oneof![Just(vec![1.0]), vec(1_u32..100, 1..50).prop_map(|w| w.into_iter().map(f64::from).collect())],
        chunk in 1_usize..3000,
        picks in vec(0_usize..1000, 1..100),
    ) {
        let values = uniform.iter().map(|(u, v)| shaped(shape, *u, *v));
        let mut rows: Vec<(f64, f64)> = values.zip(weights.iter().copied().cycle()).collect();
        let sketch = merged_in_a_tree(&rows, chunk, &picks);
        prop_assert_eq!(sketch.is_exact(), rows.len() <= EXACT_VALUES);
        prop_assert_eq!(sketch.count(), rows.iter().map(|(_, weight)| weight).sum::<f64>());
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        for q in QS {
            let (estimate, exact) = (sketch.quantile(q).expect("not empty"), exact(&rows, q));
            let bound = if sketch.is_exact() || q == 0.0 || q == 1.0 { 0.0 } else { PROMISED };
            prop_assert!((estimate - exact).abs() <= bound * exact.abs(), "shape {}, q {}: {} for {}", shape, q, estimate, exact);
        }
    }

    /// Property 9: with all weights 1, weights change nothing, not even a byte.
    #[test]
    fn weights_of_one_are_none(values in vec(super::value(), 0..400)) {
        let mut weighted = Sketch::default();
        values.iter().for_each(|value| weighted.add_weighted(*value, 1.0));
        prop_assert_eq!(super::bytes(&weighted), super::bytes(&super::sketch(values)));
    }

    /// A weight of n is n rows of that value, once there are buckets.
    #[test]
    fn a_weight_is_that_many_rows(rows in vec((super::value(), 1_u32..5), 200..400), q in 0.0..=1.0_f64) {
        let mut weighted = Sketch::default();
        let mut repeated = Sketch::default();
        for (value, weight) in rows {
            weighted.add_weighted(value, f64::from(weight));
            (0..weight).for_each(|_| repeated.add(value));
        }
        prop_assert_eq!(weighted.steps(), repeated.steps());
        prop_assert_eq!(weighted.quantile(q), repeated.quantile(q));
    }
}
