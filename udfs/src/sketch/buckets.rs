//! Bucket indexes, and counts by index.

use super::SCALE;
use super::bounds::{BELOW_SLOT, BOUNDS};

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

/// The estimate for a bucket, `2 g^(i+1) / (g + 1)`: the number with the same
/// relative distance from both bounds.
pub fn bucket_estimate(index: i32) -> f64 {
    let upper = index + 1;
    let octave = BOUNDS[upper.rem_euclid(PER_OCTAVE) as usize] * (2.0 / (BOUNDS[1] + 1.0));
    octave * pow2(upper.div_euclid(PER_OCTAVE))
}

/// `2^e`, exactly; infinite and 0 outside of the range.
fn pow2(e: i32) -> f64 {
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

    pub(super) fn merge(&mut self, other: &Buckets) {
        for (index, count) in other.iter() {
            self.add(index, count);
        }
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
