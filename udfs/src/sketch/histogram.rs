//! Counts of a sketch by wider buckets, for charts.

use super::buckets::{Buckets, lower_bound};
use super::values::Values;
use super::{MIN_SCALE, Sketch};

/// How many observations lie above `lower`, up to and including `upper`. For negative numbers the
/// bounds mirror those of positive ones: from `lower` on, below `upper`. Zero has a bin of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// The number of observations, the sum of their weights.
    pub count: f64,
}

impl Sketch {
    /// The bins that are not empty, from below, at `scale`: `2^scale` of them per doubling of the
    /// value; at the scale of the sketch if that is lower. Counts are exact.
    pub fn histogram(&self, scale: i8) -> Vec<Bin> {
        let scale = scale.clamp(MIN_SCALE, self.scale());
        let mut bucketed = match &self.values {
            Values::Exact(exact) => exact.bucketed(scale),
            Values::Bucketed(bucketed) => {
                let mut coarser = bucketed.as_ref().clone();
                coarser.downscale(self.scale().abs_diff(scale));
                coarser
            }
        };
        let (positive, negative) =
            (std::mem::take(&mut bucketed.positive), std::mem::take(&mut bucketed.negative));
        let bin = |(index, count): (i32, f64)| Bin {
            lower: lower_bound(index, scale),
            upper: lower_bound(index + 1, scale),
            count,
        };
        let mirrored = |bin: Bin| Bin { lower: -bin.upper, upper: -bin.lower, count: bin.count };
        let zero = Bin { lower: 0.0, upper: 0.0, count: bucketed.zero };
        let below = |buckets: &Buckets| -> Vec<Bin> {
            buckets.iter().rev().map(bin).map(mirrored).collect()
        };
        let mut bins = below(&negative);
        bins.extend((zero.count > 0.0).then_some(zero));
        bins.extend(positive.iter().map(bin));
        bins
    }
}
