//! The nearest rank: what "the p99" means everywhere in Spanlake.
//!
//! Of n sorted values, the quantile q is number `k = max(1, ceil(q * n))`; with
//! weights, the smallest value whose weights up to and including it reach q of
//! the total (semantics.md 3.1). It is an observed value, so a trace exists that
//! shows it.

/// How much a cumulative weight may fall short of `q * total`, relatively.
///
/// A q such as 0.07 is stored as a slightly larger number, and `0.07 * 100` as
/// more than 7; taken literally the rank would be 8.
const ROUNDING: f64 = 1e-14;

/// Whether a cumulative weight reaches the share `q` of the total.
pub(crate) fn reaches(cumulative: f64, q: f64, total: f64) -> bool {
    cumulative >= q * total * (1.0 - ROUNDING)
}

/// The position from 0 of the quantile among `n` sorted values, `n > 0`.
pub(crate) fn position(q: f64, n: usize) -> usize {
    let rank = (q * n as f64 * (1.0 - ROUNDING)).ceil() as usize;
    rank.clamp(1, n) - 1
}

/// The quantile of values with weights; `None` without values.
///
/// Sorts the pairs by value. Weights must be positive.
pub(crate) fn weighted<T: Copy>(
    pairs: &mut [(T, f64)],
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
    q: f64,
) -> Option<T> {
    pairs.sort_unstable_by(|a, b| order(&a.0, &b.0).then(a.1.total_cmp(&b.1)));
    let total: f64 = pairs.iter().map(|(_, weight)| weight).sum();
    let mut cumulative = 0.0;
    let reached = pairs.iter().find(|(_, weight)| {
        cumulative += weight;
        reaches(cumulative, q, total)
    });
    reached.or(pairs.last()).map(|(value, _)| *value)
}

#[cfg(test)]
mod tests;
