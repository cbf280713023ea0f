//! Chance that is the same on every machine: numbers from a seed, and the few
//! distributions the shop needs.
//!
//! Only integer operations and the IEEE-exact `+ - * /` and `sqrt` are used.
//! `f64::exp`, `ln`, `powf` and the trigonometric functions come from the
//! platform's C library and differ in the last bit between machines; one
//! different nanosecond would break "one seed, the same bytes".

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

/// The steepest stretch of a Pareto tail, so that no span lasts for days.
const LONGEST_STRETCH: f64 = 30.0;

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(Pcg64Mcg);

impl Random {
    /// The stream of one thing (a trace, a group of arrivals) of one seed.
    pub(crate) fn new(seed: u64, kind: u64, number: u64) -> Self {
        let high = mix(mix(seed, kind), number);
        let low = mix(high, number);
        Self(Pcg64Mcg::new(u128::from(high) << 64 | u128::from(low)))
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in `0..limit`.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(limit)) >> 32) as u32
    }

    /// Uniform in `low..=high`.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// In `0..limit`, small numbers far more often: a few popular products,
    /// tenants and users, and a long tail of others.
    pub(crate) fn popular(&mut self, limit: u32) -> u32 {
        let unit = self.unit();
        (f64::from(limit) * unit * unit) as u32
    }

    /// About standard normal, within 3.47: the sum of four uniform numbers.
    pub(crate) fn normal(&mut self) -> f64 {
        let bits = self.bits();
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xffff).sum();
        (sum as f64 / 65_536.0 - 2.0) * 1.732_050_807_568_877_2
    }

    /// A Pareto factor (shape 2), at least 1.
    pub(crate) fn stretch(&mut self) -> f64 {
        (1.0 / (1.0 - self.unit()).sqrt()).min(LONGEST_STRETCH)
    }
}

/// Scatters two numbers into one (SplitMix64's finaliser).
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_add(b.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// `e^x` for `|x| < 700`, the same on every machine: `2^k * e^r` with a Taylor
/// polynomial for the small `r`.
pub(crate) fn exp(x: f64) -> f64 {
    let k = (x * std::f64::consts::LOG2_E + if x < 0.0 { -0.5 } else { 0.5 }) as i64;
    let r = x - k as f64 * std::f64::consts::LN_2;
    let series = (1..=11).rev().fold(1.0, |sum, n| 1.0 + r / f64::from(n) * sum);
    series * f64::from_bits(((1023 + k) as u64) << 52)
}

#[cfg(test)]
mod tests;
