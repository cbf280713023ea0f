//! Chances of drawing without putting back: tails of the hypergeometric distribution (semantics.md 7.1).

use std::f64::consts::TAU;
use std::sync::LazyLock;

/// The chance that at least `a` of `of_a` have what `a + b` of `of_a + of_b` have.
///
/// Takes `a <= of_a` and `b <= of_b`, all below 2^52.
pub(crate) fn at_least(a: u64, of_a: u64, b: u64, of_b: u64) -> f64 {
    let (all, marked) = (of_a + of_b, a + b);
    // Where the distribution is highest: above it terms only fall, below it they only rise.
    let mode = (u128::from(marked) + 1) * (u128::from(of_a) + 1) / (u128::from(all) + 2);
    let tail = if u128::from(a) > mode {
        let first = ln_chance(a, of_a, b, of_b).exp();
        first * rising_tail(a, of_a, b, of_b)
    } else if a == 0 || b == of_b {
        // Fewer than `a` cannot be.
        1.0
    } else {
        let first = ln_chance(a - 1, of_a, b + 1, of_b).exp();
        // The same table, seen from the second ones.
        1.0 - first * rising_tail(b + 1, of_b, a - 1, of_a)
    };
    tail.clamp(0.0, 1.0)
}

/// The sum of the chances from `a` up, as a multiple of that of `a`.
fn rising_tail(a: u64, of_a: u64, b: u64, of_b: u64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for step in 0..b.min(of_a - a) {
        let (a, b) = ((a + step) as f64, (b - step) as f64);
        term *= (of_a as f64 - a) * b / ((a + 1.0) * (of_b as f64 - b + 1.0));
        sum += term;
        if term < sum * f64::EPSILON / 8.0 {
            break;
        }
    }
    sum
}

/// The logarithm of the chance of exactly `a`.
fn ln_chance(a: u64, of_a: u64, b: u64, of_b: u64) -> f64 {
    ln_ways(a, of_a) + ln_ways(b, of_b) - ln_ways(a + b, of_a + of_b)
}

/// The logarithm of the number of ways to choose `some` of `all`.
fn ln_ways(some: u64, all: u64) -> f64 {
    ln_factorial(all) - ln_factorial(some) - ln_factorial(all - some)
}

/// Up to here factorials are multiplied; beyond, four terms of Stirling's series are exact to the last bit.
const SMALL: usize = 32;

fn ln_factorial(n: u64) -> f64 {
    static OF_SMALL: LazyLock<[f64; SMALL]> = LazyLock::new(|| {
        let (mut table, mut factorial) = ([0.0; SMALL], 1.0_f64);
        for (n, entry) in table.iter_mut().enumerate().skip(1) {
            factorial *= n as f64;
            *entry = factorial.ln();
        }
        table
    });
    if let Some(known) = usize::try_from(n).ok().and_then(|n| OF_SMALL.get(n)) {
        return *known;
    }
    let n = n as f64;
    let square = 1.0 / (n * n);
    let series =
        (1.0 / 12.0 + square * (-1.0 / 360.0 + square * (1.0 / 1260.0 - square / 1680.0))) / n;
    n * n.ln() - n + 0.5 * (TAU * n).ln() + series
}

#[cfg(test)]
mod tests;
