//! Nearest-rank quantiles and how sure they are (semantics.md 3.1).
//!
//! Ranks count from 1, upwards from the smallest value. The rank of a quantile q of
//! n values is `max(1, ceil(q n))`; it is found in integers, as `0.95 * 20` is not
//! 19 in floating point.

use super::model::Quantile;

/// A quantile in percent, 1 to 99.
pub(super) type Percent = u32;

/// The chance, on each side, that an interval misses the true quantile: 95 % in all.
const MISS: f64 = 0.025;

/// Below this, relative to the likeliest count, a probability adds nothing to a sum.
const NEGLIGIBLE: f64 = 1e-18;

/// The nearest rank of a quantile of `n` values, from 1; 0 only if there are none.
pub(super) fn rank(n: usize, percent: Percent) -> usize {
    (n * percent as usize).div_ceil(100)
}

/// The smallest number of values for which an upper bound exists: `q^n <= 0.025`.
/// 368 for p99, 72 for p95.
pub(super) fn fewest_values(percent: Percent) -> usize {
    (MISS.ln() / (f64::from(percent) / 100.0).ln()).ceil() as usize
}

/// The ranks between which the true quantile lies with 95 % certainty, whatever the
/// distribution, or `None` where there are too few values for such an interval.
///
/// How many of n values lie above the quantile is binomial with `1 - q`. The upper
/// rank is `n - m` for the largest m with `P(at most m above) <= 0.025`, the lower one
/// `n + 1 - m` for the smallest m with `P(at least m above) <= 0.025`.
pub(super) fn confidence_ranks(n: usize, percent: Percent) -> Option<(usize, usize)> {
    let above = binomial(n, 1.0 - f64::from(percent) / 100.0);
    let few = within(&above, MISS).last()?;
    // Larger counts than those listed have no weight.
    let beyond = above.last().map_or(0, |(count, _)| count + 1);
    let many = within(above.iter().rev(), MISS).last().unwrap_or(beyond);
    let (low, high) = ((n + 1).checked_sub(many)?, n - few);
    (1..=high).contains(&low).then_some((low, high))
}

/// The counts from the beginning of the list whose probabilities together stay within `limit`.
fn within<'a>(
    counts: impl IntoIterator<Item = &'a (usize, f64)>,
    limit: f64,
) -> impl Iterator<Item = usize> {
    let summed = counts.into_iter().scan(0.0, |sum, (count, probability)| {
        *sum += probability;
        Some((*count, *sum))
    });
    summed.take_while(move |(_, sum)| *sum <= limit).map(|(count, _)| count)
}

/// A quantile of values that lie in descending order, with its interval.
///
/// Values with weights count so often. The interval is that of as many values without weights as say as much:
/// the square of the sum of weights by the sum of their squares (semantics.md 9.4).
pub(super) fn quantile(descending_ns: &impl Descending, percent: Percent) -> Option<Quantile> {
    let n = descending_ns.len();
    let place = |rank: usize, of: usize| {
        // The smallest value up to which there is so much weight.
        let all = descending_ns.above(n);
        let wanted = all * rank as u128;
        let reaches = |index: usize| (all - descending_ns.above(index)) * of as u128 >= wanted;
        partition_point(n, reaches).checked_sub(1)
    };
    let at = |place: Option<usize>| place.and_then(|place| descending_ns.get(place));
    let rank = |place: Option<usize>| place.map(|place| (n - place) as u64);
    let equal = descending_ns.equal_values();
    let interval = confidence_ranks(equal, percent);
    let found = place(percent as usize, 100);
    let low = interval.and_then(|(low, _)| place(low, equal));
    let high = interval.and_then(|(_, high)| place(high, equal));
    Some(Quantile {
        value_ns: at(found)?,
        rank: rank(found)?,
        low_rank: rank(low),
        low_ns: at(low),
        high_rank: rank(high),
        high_ns: at(high),
    })
}

/// Of the places from 0 the first for which it does not hold; it holds for all before it.
fn partition_point(places: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut from, mut to) = (0, places);
    while from < to {
        let middle = from + (to - from) / 2;
        if holds(middle) { from = middle + 1 } else { to = middle }
    }
    from
}

/// Values in descending order: what quantiles need of a list of traces.
pub(super) trait Descending {
    /// How many there are.
    fn len(&self) -> usize;
    /// The value at a place from 0, the largest first.
    fn get(&self, index: usize) -> Option<i64>;
    /// The weight of all values before a place; of all there are, before the place after the last.
    fn above(&self, index: usize) -> u128;
    /// As how many values without weights they say as much.
    fn equal_values(&self) -> usize;
}

/// The nearest-rank median of values in any order; `None` if there are none.
pub(super) fn median(values: &mut [i64]) -> Option<i64> {
    let middle = rank(values.len(), 50).checked_sub(1)?;
    Some(*values.select_nth_unstable(middle).1)
}

/// The binomial distribution: the counts that are not negligible, ascending, each with
/// its probability. It is made by the ratio of neighbours outwards from the mode, so
/// that nothing over- or underflows for millions of trials.
fn binomial(n: usize, p: f64) -> Vec<(usize, f64)> {
    let odds = p / (1.0 - p);
    let mode = (((n + 1) as f64 * p).floor() as usize).min(n);
    let mut weights = vec![(mode, 1.0)];
    let mut weight = 1.0;
    for count in (0..mode).rev() {
        weight *= (count + 1) as f64 / ((n - count) as f64 * odds);
        if weight < NEGLIGIBLE {
            break;
        }
        weights.push((count, weight));
    }
    weights.reverse();
    weight = 1.0;
    for count in mode + 1..=n {
        weight *= (n - count + 1) as f64 * odds / count as f64;
        if weight < NEGLIGIBLE {
            break;
        }
        weights.push((count, weight));
    }
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    weights.iter_mut().for_each(|(_, weight)| *weight /= total);
    weights
}

#[cfg(test)]
mod tests;
