//! The quantile sketch: any quantile within 0.55 %, after any number of merges.
//!
//! Buckets are those of OpenTelemetry's exponential histogram at scale 6: bucket
//! i holds `(g^i, g^(i+1)]` with `g = 2^(1/64)` (semantics.md 3.3 and 3.5). The
//! estimate for a bucket is within 0.5415 % of each value in it. Merging adds the
//! counts of equal buckets and loses nothing. Negative values mirror positive
//! ones; zero has a bucket of its own.
//!
//! Up to [`EXACT_VALUES`] values are kept as they are, and quantiles of so few are
//! exact. Whether a sketch is exact depends only on how many values it has seen,
//! so neither their order nor the order of merges matters. (The exceptions are
//! sums of fractions: there the last bits vary.)
//!
//! A sketch may have a lower scale, because it was made smaller
//! ([`Sketch::downscale`]) or came from elsewhere ([`otlp`], [`ddsketch`]). Its
//! buckets are wider, and [`Sketch::relative_error`] says by how much. Sketches
//! of different scales merge to the lower one.
//!
//! # Not here
//!
//! No SQL: `aggregate` and `scalar` wrap this for queries.

mod bounds;
mod buckets;
pub mod ddsketch;
mod encoding;
mod histogram;
mod largest_remainder;
pub mod otlp;
mod values;

use crate::nearest_rank::{position, reaches, weighted};
pub use buckets::{bucket_estimate, bucket_index, lower_bound, relative_error};
pub use encoding::Corrupt;
pub use histogram::Bin;
use values::{Bucketed, Exact, Values};

/// The scale of the OpenTelemetry exponential histogram that the buckets are of.
pub const SCALE: i8 = 6;

/// The lowest scale that a sketch may have: OpenTelemetry's lowest, at which a bucket holds all
/// numbers from 1 up.
pub const MIN_SCALE: i8 = -10;

/// Sketches of at most this many values are exact.
pub const EXACT_VALUES: usize = 128;

/// The largest relative error of an estimate at [`SCALE`], `(g - 1) / (g + 1)`.
pub const RELATIVE_ERROR: f64 = 0.005_415_159_415_902_569;

/// A summary of many numbers that answers quantiles.
#[derive(Debug, Clone)]
pub struct Sketch {
    /// Infinite without values; NaN if unknown, as in a sketch that came from elsewhere.
    min: f64,
    max: f64,
    /// Of the buckets, if there are any now or later.
    scale: i8,
    values: Values,
}

impl Default for Sketch {
    fn default() -> Self {
        let values = Values::Exact(Exact::default());
        Self { min: f64::INFINITY, max: f64::NEG_INFINITY, scale: SCALE, values }
    }
}

impl Sketch {
    /// Adds a value. NaN is ignored.
    pub fn add(&mut self, value: f64) {
        self.add_weighted(value, 1.0);
    }

    /// Adds a value that stands for `weight` observations. NaN, and a weight that
    /// is not positive and finite, are ignored.
    pub fn add_weighted(&mut self, value: f64, weight: f64) {
        if value.is_nan() || weight <= 0.0 || !weight.is_finite() {
            return;
        }
        // An unknown end, NaN, is neither above nor below.
        if value < self.min {
            self.min = value;
        }
        if value > self.max {
            self.max = value;
        }
        match &mut self.values {
            // First, because most values of large groups come here.
            Values::Bucketed(bucketed) => bucketed.put(value, weight, self.scale),
            Values::Exact(exact) if exact.len() < EXACT_VALUES => exact.push(value, weight),
            values => values.spill(self.scale).put(value, weight, self.scale),
        }
    }

    /// Adds all that another sketch has seen. The scale becomes the lower of both.
    pub fn merge(&mut self, other: &Sketch) {
        self.downscale(other.scale);
        match &other.values {
            Values::Exact(exact) => {
                exact.iter().for_each(|(value, weight)| self.add_weighted(value, weight));
            }
            Values::Bucketed(bucketed) => {
                self.widen(other.min, other.max);
                self.values.spill(self.scale).merge(bucketed, self.scale.abs_diff(other.scale));
            }
        }
    }

    /// Lowers the scale to `scale`, from [`MIN_SCALE`] to [`SCALE`]: fewer, wider
    /// buckets. Nothing happens if it is as low already. Merging before or after
    /// gives the same. Up to [`EXACT_VALUES`] values stay exact.
    pub fn downscale(&mut self, scale: i8) {
        let scale = scale.max(MIN_SCALE);
        if scale < self.scale {
            if let Values::Bucketed(bucketed) = &mut self.values {
                bucketed.downscale(self.scale.abs_diff(scale));
            }
            self.scale = scale;
        }
    }

    /// The scale of the buckets, from [`MIN_SCALE`] to [`SCALE`].
    pub fn scale(&self) -> i8 {
        self.scale
    }

    /// The nearest-rank quantile for q from 0 to 1: exact for the first and the
    /// last rank and for small sketches, else within [`Sketch::relative_error`]. `None`
    /// without values.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        match &self.values {
            Values::Exact(exact) if exact.weights().is_empty() => {
                let at = position(q, exact.len());
                Some(match exact.values() {
                    [value] => *value,
                    [a, b] if at == 0 => a.min(*b),
                    [a, b] => a.max(*b),
                    values => *values.to_vec().select_nth_unstable_by(at, f64::total_cmp).1,
                })
            }
            Values::Exact(exact) => {
                let mut pairs: Vec<(f64, f64)> = exact.iter().collect();
                weighted(&mut pairs, f64::total_cmp, q)
            }
            Values::Bucketed(bucketed) => Some(self.estimate(bucketed, q)),
        }
    }

    /// The share of the observations that are at most `x`, from 0 to 1: exact for small sketches and
    /// beyond the ends, else that of some number within [`Sketch::relative_error`] of `x`. `None`
    /// without values, and for NaN.
    pub fn rank(&self, x: f64) -> Option<f64> {
        if self.is_empty() || x.is_nan() {
            return None;
        }
        if x >= self.max {
            return Some(1.0);
        }
        if x < self.min {
            return Some(0.0);
        }
        let (below, count): (f64, f64) = match &self.values {
            Values::Exact(exact) => {
                let is_below = |(value, _): &(f64, f64)| *value <= x;
                (exact.iter().filter(is_below).map(|(_, weight)| weight).sum(), exact.count())
            }
            Values::Bucketed(bucketed) => {
                let steps = bucketed.steps(self.scale);
                let below = steps.take_while(|(estimate, _)| *estimate <= x).map(|(_, n)| n);
                (below.sum(), bucketed.count)
            }
        };
        Some((below / count).min(1.0))
    }

    /// Whether it has seen no value.
    pub fn is_empty(&self) -> bool {
        matches!(&self.values, Values::Exact(exact) if exact.len() == 0)
    }

    /// Whether nothing was ever done to it: merging one into it gives that one.
    pub(crate) fn is_untouched(&self) -> bool {
        self.is_empty() && self.scale == SCALE
    }

    /// The number of observations: the sum of the weights.
    pub fn count(&self) -> f64 {
        match &self.values {
            Values::Exact(exact) => exact.count(),
            Values::Bucketed(bucketed) => bucketed.count,
        }
    }

    /// The sum of all values times their weights; NaN if unknown.
    pub fn sum(&self) -> f64 {
        match &self.values {
            Values::Exact(exact) => exact.sum(),
            Values::Bucketed(bucketed) => bucketed.sum,
        }
    }

    /// The smallest value; `None` without values, and if unknown.
    pub fn min(&self) -> Option<f64> {
        (!self.is_empty() && !self.min.is_nan()).then_some(self.min)
    }

    /// The largest value; `None` without values, and if unknown.
    pub fn max(&self) -> Option<f64> {
        (!self.is_empty() && !self.max.is_nan()).then_some(self.max)
    }

    /// Whether quantiles are exact.
    pub fn is_exact(&self) -> bool {
        matches!(self.values, Values::Exact(_))
    }

    /// How far a quantile may be off, as a share of the exact one: 0 if quantiles are exact.
    pub fn relative_error(&self) -> f64 {
        if self.is_exact() { 0.0 } else { relative_error(self.scale) }
    }

    /// Bytes allocated outside of the value itself.
    pub fn heap_size(&self) -> usize {
        self.values.heap_size()
    }

    /// Takes in the ends of another sketch; an unknown end stays unknown.
    fn widen(&mut self, min: f64, max: f64) {
        if !(self.min.is_nan() || self.min <= min) {
            self.min = min;
        }
        if !(self.max.is_nan() || self.max >= max) {
            self.max = max;
        }
    }

    fn estimate(&self, bucketed: &Bucketed, q: f64) -> f64 {
        // The ends are known exactly. The first one has the rank in question if its weight, which
        // is at least 1 unless some weight is less, reaches q; the last one likewise.
        let count = bucketed.count;
        let is_heavy = !bucketed.is_light;
        if !self.min.is_nan() && (q == 0.0 || (is_heavy && reaches(1.0, q, count))) {
            return self.min;
        }
        if !self.max.is_nan() && (q == 1.0 || (is_heavy && !reaches(count - 1.0, q, count))) {
            return self.max;
        }
        let (mut cumulative, mut last) = (0.0, None);
        for (place, count_here) in bucketed.counts() {
            cumulative += count_here;
            last = Some(place);
            if reaches(cumulative, q, count) {
                break;
            }
        }
        let last = last.map_or(self.max, |place| place.estimate(self.scale));
        // Not `clamp`: an end that is unknown does not bound.
        last.max(self.min).min(self.max)
    }

    /// `(estimate, count)` of every bucket that is not empty, from below.
    #[cfg(test)]
    fn steps(&self) -> Vec<(f64, f64)> {
        match &self.values {
            Values::Exact(_) => Vec::new(),
            Values::Bucketed(bucketed) => bucketed.steps(self.scale).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
