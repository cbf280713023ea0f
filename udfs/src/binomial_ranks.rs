//! Bounds of a quantile from order statistics, whatever the distribution (semantics.md 3.1).
//!
//! Of n independent values, the number B that lie at or below the true quantile q is binomial. The
//! value of rank k is at or below that quantile if `B >= k`, and at or above it if `B <= k - 1`.
//! Each bound holds with probability `1 - (1 - confidence) / 2`, so both together hold with
//! probability `confidence`.

/// The ranks from 1 to n of the bounds: the largest that bounds from below, the smallest that
/// bounds from above; `None` where n values are too few for one.
///
/// Takes q from 0 to 1, and a confidence above 0 and below 1. Time is that of about 20 standard
/// deviations, `20 sqrt(n q (1 - q))` steps.
pub(crate) fn bounds(n: u64, q: f64, confidence: f64) -> (Option<u64>, Option<u64>) {
    if n == 0 {
        return (None, None);
    }
    let tail = (1.0 - confidence) / 2.0;
    let chances = Chances::new(n, q);
    // P(B < k) for k from 0 on, rising: the low rank is the last with at most `tail`, the high one
    // the first with at least `1 - tail`.
    let (mut low, mut high) = (None, None);
    let mut below = 0.0;
    for rank in chances.first..=n {
        // Up to here P(B < rank) is `below`.
        if below <= tail && rank > 0 {
            low = Some(rank);
        }
        if below >= 1.0 - tail && rank > 0 {
            high = Some(rank);
            break;
        }
        below += chances.of(rank);
    }
    (low, high)
}

/// The probabilities of a binomial distribution that are not negligible.
struct Chances {
    /// The number of the first one.
    first: u64,
    chances: Vec<f64>,
}

/// Chances below this share of the largest are nothing beside it.
const NEGLIGIBLE: f64 = 1e-20;

impl Chances {
    /// Starts at the most likely number and multiplies by the ratios of neighbours, so that no
    /// factorial or power is needed, which would overflow.
    fn new(n: u64, q: f64) -> Self {
        let mode = (((n as f64 + 1.0) * q) as u64).min(n);
        if q <= 0.0 || q >= 1.0 {
            return Self { first: mode, chances: vec![1.0] };
        }
        let odds = q / (1.0 - q);
        let mut falling = Vec::new();
        let mut chance = 1.0;
        for k in (1..=mode).rev() {
            chance *= k as f64 / ((n - k + 1) as f64 * odds);
            if chance < NEGLIGIBLE {
                break;
            }
            falling.push(chance);
        }
        let first = mode - falling.len() as u64;
        let mut chances: Vec<f64> = falling.into_iter().rev().collect();
        chances.push(1.0);
        chance = 1.0;
        for k in mode..n {
            chance *= (n - k) as f64 * odds / (k + 1) as f64;
            if chance < NEGLIGIBLE {
                break;
            }
            chances.push(chance);
        }
        let total: f64 = chances.iter().sum();
        chances.iter_mut().for_each(|chance| *chance /= total);
        Self { first, chances }
    }

    fn of(&self, k: u64) -> f64 {
        let at = k.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.chances.get(at)).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests;
