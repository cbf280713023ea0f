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
//! sums of fractional weights, and [`Sketch::sum`]: there the last bits vary.)
//!
//! # Not here
//!
//! No SQL: `aggregate` wraps this for queries.

mod bounds;
mod buckets;
mod encoding;

use crate::nearest_rank::{position, reaches, weighted};
use buckets::Buckets;
pub use buckets::{bucket_estimate, bucket_index};
pub use encoding::Corrupt;

/// The scale of the OpenTelemetry exponential histogram that the buckets are of.
pub const SCALE: u32 = 6;

/// Sketches of at most this many values are exact.
pub const EXACT_VALUES: usize = 128;

/// The largest relative error of an estimate, `(g - 1) / (g + 1)`.
pub const RELATIVE_ERROR: f64 = 0.005_415_159_415_902_569;

/// A summary of many numbers that answers quantiles.
#[derive(Debug, Clone)]
pub struct Sketch {
    rows: u64,
    count: f64,
    sum: f64,
    min: f64,
    max: f64,
    values: Values,
}

#[derive(Debug, Clone)]
enum Values {
    /// `weights` is empty while all weights are 1.
    Exact { values: Vec<f64>, weights: Vec<f64> },
    Bucketed {
        zero: f64,
        positive: Buckets,
        /// By absolute value.
        negative: Buckets,
    },
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            rows: 0,
            count: 0.0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            values: Values::Exact { values: Vec::new(), weights: Vec::new() },
        }
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
        self.rows += 1;
        self.count += weight;
        self.sum += value * weight;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if self.rows == EXACT_VALUES as u64 + 1 {
            self.spill();
        }
        self.values.put(value, weight);
    }

    /// Adds all that another sketch has seen.
    pub fn merge(&mut self, other: &Sketch) {
        self.rows += other.rows;
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if self.rows > EXACT_VALUES as u64 {
            self.spill();
        }
        match &other.values {
            Values::Exact { values, weights } => {
                for (i, value) in values.iter().enumerate() {
                    self.values.put(*value, weights.get(i).copied().unwrap_or(1.0));
                }
            }
            Values::Bucketed { zero: z, positive: p, negative: n } => {
                // More than EXACT_VALUES rows, so this sketch has spilled as well.
                if let Values::Bucketed { zero, positive, negative } = &mut self.values {
                    *zero += z;
                    positive.merge(p);
                    negative.merge(n);
                }
            }
        }
    }

    /// The nearest-rank quantile for q from 0 to 1: exact for the first and the
    /// last rank and for small sketches, else within [`RELATIVE_ERROR`]. `None`
    /// without values.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if self.rows == 0 {
            return None;
        }
        match &self.values {
            Values::Exact { values, weights } if weights.is_empty() => {
                let mut values = values.clone();
                let at = position(q, values.len());
                Some(*values.select_nth_unstable_by(at, f64::total_cmp).1)
            }
            Values::Exact { values, weights } => {
                let mut pairs: Vec<(f64, f64)> =
                    values.iter().copied().zip(weights.iter().copied()).collect();
                weighted(&mut pairs, f64::total_cmp, q)
            }
            Values::Bucketed { .. } => Some(self.estimate(q)),
        }
    }

    /// The share of the observations that are at most `x`, from 0 to 1: exact for small sketches and
    /// beyond the ends, else that of some number within [`RELATIVE_ERROR`] of `x`. `None` without
    /// values, and for NaN.
    pub fn rank(&self, x: f64) -> Option<f64> {
        if self.rows == 0 || x.is_nan() {
            return None;
        }
        if x >= self.max {
            return Some(1.0);
        }
        if x < self.min {
            return Some(0.0);
        }
        let below: f64 = match &self.values {
            Values::Exact { values, weights } => {
                let weight = |at: usize| weights.get(at).copied().unwrap_or(1.0);
                let is_below = |(_, value): &(usize, &f64)| **value <= x;
                values.iter().enumerate().filter(is_below).map(|(at, _)| weight(at)).sum()
            }
            Values::Bucketed { .. } => {
                self.steps().take_while(|(estimate, _)| *estimate <= x).map(|(_, n)| n).sum()
            }
        };
        Some(below / self.count)
    }

    /// The number of observations: the sum of the weights.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// The sum of all values times their weights.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The smallest value; `None` without values.
    pub fn min(&self) -> Option<f64> {
        (self.rows > 0).then_some(self.min)
    }

    /// The largest value; `None` without values.
    pub fn max(&self) -> Option<f64> {
        (self.rows > 0).then_some(self.max)
    }

    /// Whether quantiles are exact.
    pub fn is_exact(&self) -> bool {
        matches!(self.values, Values::Exact { .. })
    }

    /// Bytes allocated outside of the value itself.
    pub fn heap_size(&self) -> usize {
        match &self.values {
            Values::Exact { values, weights } => {
                (values.capacity() + weights.capacity()) * size_of::<f64>()
            }
            Values::Bucketed { positive, negative, .. } => {
                positive.heap_size() + negative.heap_size()
            }
        }
    }

    /// Moves exact values to buckets.
    fn spill(&mut self) {
        if let Values::Exact { values, weights } = &mut self.values {
            let (values, weights) = (std::mem::take(values), std::mem::take(weights));
            self.values = Values::Bucketed {
                zero: 0.0,
                positive: Buckets::default(),
                negative: Buckets::default(),
            };
            for (i, value) in values.into_iter().enumerate() {
                self.values.put(value, weights.get(i).copied().unwrap_or(1.0));
            }
        }
    }

    fn estimate(&self, q: f64) -> f64 {
        // The ends are known exactly. With weights the weight of the end is not,
        // so only q = 0 and q = 1 are sure to mean it.
        let rows = self.rows as f64;
        let is_plain = self.count == rows;
        let rank = position(q, self.rows as usize);
        if q == 0.0 || (is_plain && rank == 0) {
            return self.min;
        }
        if q == 1.0 || (is_plain && rank + 1 == self.rows as usize) {
            return self.max;
        }
        let mut cumulative = 0.0;
        let reached = self.steps().find(|(_, count)| {
            cumulative += count;
            reaches(cumulative, q, self.count)
        });
        reached.map_or(self.max, |(estimate, _)| estimate.clamp(self.min, self.max))
    }

    /// `(estimate, count)` of every bucket that is not empty, from below.
    fn steps(&self) -> impl Iterator<Item = (f64, f64)> {
        let (zero, positive, negative) = match &self.values {
            Values::Bucketed { zero, positive, negative } => {
                (*zero, Some(positive), Some(negative))
            }
            Values::Exact { .. } => (0.0, None, None),
        };
        let below = negative.into_iter().flat_map(|b| b.iter().rev());
        let above = positive.into_iter().flat_map(Buckets::iter);
        (below.map(|(index, count)| (-bucket_estimate(index), count)))
            .chain((zero > 0.0).then_some((0.0, zero)))
            .chain(above.map(|(index, count)| (bucket_estimate(index), count)))
    }
}

impl Values {
    fn put(&mut self, value: f64, weight: f64) {
        match self {
            Values::Exact { values, weights } => {
                if weight != 1.0 && weights.is_empty() {
                    weights.resize(values.len(), 1.0);
                }
                if weight != 1.0 || !weights.is_empty() {
                    weights.push(weight);
                }
                values.push(value);
            }
            Values::Bucketed { zero, positive, negative } => {
                if value > 0.0 {
                    positive.add(bucket_index(value), weight);
                } else if value < 0.0 {
                    negative.add(bucket_index(-value), weight);
                } else {
                    *zero += weight;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
