//! What a sketch keeps of its values: themselves while they are few, counts by bucket then.

use std::slice;

use super::buckets::{Buckets, bucket_estimate, bucket_index, shift_to};

#[derive(Debug, Clone)]
pub(super) enum Values {
    Exact(Exact),
    /// Boxed, because most sketches of a rollup never have buckets.
    Bucketed(Box<Bucketed>),
}

/// Values as they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Exact {
    values: Few,
    /// `None` while all weights are 1. Boxed, because that is what they mostly are.
    weights: Option<Box<Weights>>,
}

type Weights = Vec<f64>;

/// Values in order of coming. Most groups of a rollup, or of a `GROUP BY` of many columns, have one or two:
/// these allocate nothing.
#[derive(Debug, Clone, Default)]
enum Few {
    #[default]
    None,
    One(f64),
    Two([f64; 2]),
    More(Vec<f64>),
}

impl Few {
    fn push(&mut self, value: f64) {
        match self {
            Self::None => *self = Self::One(value),
            Self::One(first) => *self = Self::Two([*first, value]),
            Self::Two(both) => {
                let mut values = Vec::with_capacity(4);
                values.extend_from_slice(both);
                values.push(value);
                *self = Self::More(values);
            }
            Self::More(values) => values.push(value),
        }
    }

    fn as_slice(&self) -> &[f64] {
        match self {
            Self::None => &[],
            Self::One(value) => slice::from_ref(value),
            Self::Two(values) => values,
            Self::More(values) => values,
        }
    }

    fn heap_size(&self) -> usize {
        match self {
            Self::None | Self::One(_) | Self::Two(_) => 0,
            Self::More(values) => values.capacity() * size_of::<f64>(),
        }
    }
}

/// Counts by bucket.
#[derive(Debug, Clone, Default)]
pub(super) struct Bucketed {
    pub(super) count: f64,
    /// NaN if unknown.
    pub(super) sum: f64,
    /// Whether some weight is less than 1, or may be.
    pub(super) is_light: bool,
    pub(super) zero: f64,
    pub(super) positive: Buckets,
    /// By absolute value.
    pub(super) negative: Buckets,
}

impl Values {
    /// Moves exact values to buckets, if that is not done yet.
    pub(super) fn spill(&mut self, scale: i8) -> &mut Bucketed {
        if let Values::Exact(exact) = self {
            *self = Values::Bucketed(Box::new(exact.bucketed(scale)));
        }
        match self {
            Values::Bucketed(bucketed) => bucketed,
            Values::Exact(_) => unreachable!("it was moved above"),
        }
    }

    pub(super) fn heap_size(&self) -> usize {
        match self {
            Values::Exact(Exact { values, weights }) => {
                let of_weights = |weights: &Weights| {
                    size_of::<Weights>() + weights.capacity() * size_of::<f64>()
                };
                values.heap_size() + weights.as_deref().map_or(0, of_weights)
            }
            Values::Bucketed(bucketed) => {
                let buckets = bucketed.positive.heap_size() + bucketed.negative.heap_size();
                size_of::<Bucketed>() + buckets
            }
        }
    }
}

impl Exact {
    pub(super) fn push(&mut self, value: f64, weight: f64) {
        if weight != 1.0 && self.weights.is_none() {
            self.weights = Some(Box::new(vec![1.0; self.len()]));
        }
        if let Some(weights) = &mut self.weights {
            weights.push(weight);
        }
        // Zero has one sign, so that equal sketches are equal bytes.
        self.values.push(value + 0.0);
    }

    pub(super) fn len(&self) -> usize {
        self.values().len()
    }

    pub(super) fn values(&self) -> &[f64] {
        self.values.as_slice()
    }

    /// Empty while all weights are 1.
    pub(super) fn weights(&self) -> &[f64] {
        self.weights.as_deref().map_or(&[], Vec::as_slice)
    }

    /// `(value, weight)`, in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = (f64, f64)> {
        let weights = self.weights().iter().copied().chain(std::iter::repeat(1.0));
        self.values().iter().copied().zip(weights)
    }

    /// `(value, weight)` by value, then weight: the same, whatever the order in which they came.
    pub(super) fn sorted(&self) -> Vec<(f64, f64)> {
        let mut pairs: Vec<(f64, f64)> = self.iter().collect();
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        pairs
    }

    pub(super) fn count(&self) -> f64 {
        if self.weights.is_none() {
            return self.len() as f64;
        }
        self.sorted().iter().map(|(_, weight)| weight).sum()
    }

    /// Sorted first, so that the order in which values came does not change the last bits.
    pub(super) fn sum(&self) -> f64 {
        self.sorted().iter().map(|(value, weight)| value * weight).sum()
    }

    pub(super) fn bucketed(&self, scale: i8) -> Bucketed {
        let mut bucketed = Bucketed::default();
        for (value, weight) in self.sorted() {
            bucketed.put(value, weight, scale);
        }
        bucketed
    }
}

impl Bucketed {
    pub(super) fn put(&mut self, value: f64, weight: f64, scale: i8) {
        self.count += weight;
        self.sum += value * weight;
        self.is_light |= weight < 1.0;
        if value > 0.0 {
            self.positive.add(bucket_index(value) >> shift_to(scale), weight);
        } else if value < 0.0 {
            self.negative.add(bucket_index(-value) >> shift_to(scale), weight);
        } else {
            self.zero += weight;
        }
    }

    /// Adds the counts of another, of a scale that is higher by `shift`.
    pub(super) fn merge(&mut self, other: &Bucketed, shift: u8) {
        self.count += other.count;
        self.sum += other.sum;
        self.is_light |= other.is_light;
        self.zero += other.zero;
        self.positive.merge(&other.positive, shift.into());
        self.negative.merge(&other.negative, shift.into());
    }

    /// Lowers the scale by `shift`.
    pub(super) fn downscale(&mut self, shift: u8) {
        self.positive.downscale(shift.into());
        self.negative.downscale(shift.into());
    }

    /// Every bucket that is not empty, from below, with its count.
    pub(super) fn counts(&self) -> impl Iterator<Item = (Place, f64)> {
        let below = self.negative.iter().rev();
        let above = self.positive.iter();
        (below.map(|(index, count)| (Place::Negative(index), count)))
            .chain((self.zero > 0.0).then_some((Place::Zero, self.zero)))
            .chain(above.map(|(index, count)| (Place::Positive(index), count)))
    }

    /// `(estimate, count)` of every bucket that is not empty, from below.
    pub(super) fn steps(&self, scale: i8) -> impl Iterator<Item = (f64, f64)> {
        self.counts().map(move |(place, count)| (place.estimate(scale), count))
    }
}

/// A bucket. Its estimate takes as long as counting a dozen of them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// By the index of the absolute value.
    Negative(i32),
    Zero,
    Positive(i32),
}

impl Place {
    pub(super) fn estimate(self, scale: i8) -> f64 {
        match self {
            Self::Negative(index) => -bucket_estimate(index, scale),
            Self::Zero => 0.0,
            Self::Positive(index) => bucket_estimate(index, scale),
        }
    }
}
