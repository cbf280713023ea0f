//! What chance alone does to counts (semantics.md 6.3): the tail of a binomial distribution and the
//! interval of Wilson for a share.

/// Terms below this share of the sum no longer change it.
const NEGLIGIBLE: f64 = 1e-17;

/// P(X >= k) of `n` independent trials that succeed with probability `p`, 0 to 1.
///
/// It is summed from the largest term on, so that small tails keep their digits. Time is that of some
/// standard deviations.
pub(crate) fn binomial_tail(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > n || p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    let odds = p / (1.0 - p);
    if k as f64 > n as f64 * p {
        // Above the mean, terms fall from k on.
        let mut term = binomial(k, n, p);
        let mut sum = term;
        for at in k..n {
            term *= (n - at) as f64 * odds / (at + 1) as f64;
            sum += term;
            if term < sum * NEGLIGIBLE {
                break;
            }
        }
        sum.min(1.0)
    } else {
        // Below it, they fall from k - 1 down: what is left out of 1.
        let mut term = binomial(k - 1, n, p);
        let mut sum = term;
        for at in (1..k).rev() {
            term *= at as f64 / ((n - at + 1) as f64 * odds);
            sum += term;
            if term < sum * NEGLIGIBLE {
                break;
            }
        }
        (1.0 - sum).clamp(0.0, 1.0)
    }
}

/// P(X = k), for p above 0 and below 1.
fn binomial(k: u64, n: u64, p: f64) -> f64 {
    let (k, n) = (k as f64, n as f64);
    let ways = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    (ways + k * p.ln() + (n - k) * (-p).ln_1p()).exp()
}

/// The logarithm of the gamma function for x >= 1, to about 14 digits: Stirling's series, after
/// stepping up to where it is exact.
fn ln_gamma(x: f64) -> f64 {
    let mut x = x;
    let mut steps = 1.0;
    while x < 16.0 {
        steps *= x;
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series =
        inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    let half_ln_tau = 0.5 * std::f64::consts::TAU.ln();
    (x - 0.5) * x.ln() - x + half_ln_tau + series - steps.ln()
}

/// The interval of Wilson for the share behind `k` of `n`, at `z` standard deviations; `None` if n
/// is 0.
pub(crate) fn wilson(k: f64, n: f64, z: f64) -> Option<(f64, f64)> {
    if n <= 0.0 {
        return None;
    }
    let share = k / n;
    let square = z * z;
    let scale = 1.0 + square / n;
    let center = (share + square / (2.0 * n)) / scale;
    let half = z * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt() / scale;
    // None of n leaves 0 inside, and all of n leaves 1, whatever is lost to rounding.
    let low = if k <= 0.0 { 0.0 } else { (center - half).clamp(0.0, share) };
    let high = if k >= n { 1.0 } else { (center + half).clamp(share, 1.0) };
    Some((low, high))
}

#[cfg(test)]
mod tests;
