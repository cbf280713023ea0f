//! Bucket indexes, and counts by index.
//!
//! A bucket at scale s holds `(g^i, g^(i+1)]` with `g = 2^(2^-s)`. Two neighbours of one scale are a
//! bucket of the next lower one, so an index is lowered in scale by shifting it to the right.

use super::bounds::{BELOW_SLOT, BOUNDS};
use super::{MIN_SCALE, SCALE};

const PER_OCTAVE: i32 = 1 << SCALE;

/// The smallest index, that of the smallest subnormal number, rounded down to an
/// octave.
pub(super) const MIN_INDEX: i32 = -1075 * PER_OCTAVE;

/// The largest index, that of infinity.
pub(super) const MAX_INDEX: i32 = 1024 * PER_OCTAVE;

/// The index of the bucket that holds a positive number: the i with
/// `g^i < x <= g^(i+1)`, where `g = 2^(1/64)`. Exact powers of two thus close
/// their bucket, as OpenTelemetry wants it.
pub fn bucket_index(x: f64) -> i32 {
    debug_assert!(x > 0.0, "only positive numbers have a bucket");
    if x == f64::INFINITY {
        return MAX_INDEX;
    }
    if x < f64::MIN_POSITIVE {
        // Subnormal: scale up, so that the exponent field says something.
        return bucket_index(x * pow2(54)) - 54 * PER_OCTAVE;
    }
    let bits = x.to_bits();
    let exponent = (bits >> 52) as i32 - 1023;
    let mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    let below_slot = usize::from(BELOW_SLOT[((bits >> 44) & 255) as usize]);
    let below = below_slot + usize::from(BOUNDS[below_slot] < mantissa);
    exponent * PER_OCTAVE + below as i32 - 1
}

/// How far indexes of the finest scale are shifted for those of `scale`, which is
/// from [`MIN_SCALE`] to [`SCALE`].
pub(super) fn shift_to(scale: i8) -> u32 {
    debug_assert!((MIN_SCALE..=SCALE).contains(&scale), "scales are checked before");
    SCALE.abs_diff(scale).into()
}

/// `g = 2^(2^-scale)`, by which the bounds of a bucket differ.
pub(super) fn base(scale: i8) -> f64 {
    lower_bound(1, scale)
}

/// The lower bound of a bucket at a scale, `g^index`. That of the next index is the upper one.
pub fn lower_bound(index: i32, scale: i8) -> f64 {
    let finest = i64::from(index) << shift_to(scale);
    let octave = finest.div_euclid(PER_OCTAVE.into());
    BOUNDS[finest.rem_euclid(PER_OCTAVE.into()) as usize] * pow2(octave)
}

/// The estimate for a bucket, `2 g^(i+1) / (g + 1)`: the number with the same
/// relative distance from both bounds, which is at most [`relative_error`].
pub fn bucket_estimate(index: i32, scale: i8) -> f64 {
    // Written with 1 / g, because at the lowest scale g is infinite.
    lower_bound(index, scale) * (2.0 / (1.0 + 1.0 / base(scale)))
}

/// The largest relative error of an estimate at a scale, `(g - 1) / (g + 1)`.
pub fn relative_error(scale: i8) -> f64 {
    let inverse = 1.0 / base(scale);
    (1.0 - inverse) / (1.0 + inverse)
}

/// `2^e`, exactly; infinite and 0 outside of the range.
fn pow2(e: i64) -> f64 {
    match e {
        1024.. => f64::INFINITY,
        -1022..1024 => f64::from_bits(((e + 1023) as u64) << 52),
        -1074..-1022 => f64::from_bits(1 << (e + 1074)),
        _ => 0.0,
    }
}

/// Counts by bucket index, dense from the lowest index met to the highest.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets {
    /// The index of the first count.
    offset: i32,
    counts: Vec<f64>,
}

impl Buckets {
    pub(super) fn add(&mut self, index: i32, weight: f64) {
        if self.counts.is_empty() {
            self.offset = index;
        }
        if index < self.offset {
            self.extend_down(index);
        }
        let at = (index - self.offset) as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0.0);
        }
        self.counts[at] += weight;
    }

    /// Adds the counts of another, of a scale that is higher by `shift`.
    pub(super) fn merge(&mut self, other: &Buckets, shift: u32) {
        for (index, count) in other.iter() {
            self.add(index >> shift, count);
        }
    }

    /// Lowers the scale by `shift`.
    pub(super) fn downscale(&mut self, shift: u32) {
        let finer = std::mem::take(self);
        self.merge(&finer, shift);
    }

    /// `(index, count)` of the buckets that are not empty, in index order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, f64)> {
        let counts = self.counts.iter().enumerate();
        counts
            .filter(|(_, count)| **count > 0.0)
            .map(|(at, count)| (self.offset + at as i32, *count))
    }

    pub(super) fn heap_size(&self) -> usize {
        self.counts.capacity() * size_of::<f64>()
    }

    /// Makes room at the front, in steps that grow, so that falling values do not
    /// move all counts each time.
    fn extend_down(&mut self, index: i32) {
        let missing = (self.offset - index) as usize;
        let spare = (self.counts.len() / 2).min((index - MIN_INDEX) as usize);
        self.counts.splice(0..0, std::iter::repeat_n(0.0, missing + spare));
        self.offset = index - spare as i32;
    }
}
