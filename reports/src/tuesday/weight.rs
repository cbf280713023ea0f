//! How many traces a stored one stands for (semantics.md 9.4), as whole numbers.
//!
//! Sums of whole numbers do not depend on their order, and parts add up exactly. A weight is
//! counted in parts of [`ONE`], so it is off by 0.001 % at most.

/// The weight of a trace that stands for itself.
pub(super) const ONE: u64 = 1 << 16;

/// The greatest weight: a trace in a thousand million.
const MOST: f64 = 1e9;

/// A weight in parts of [`ONE`]; what is no weight is one.
pub(super) fn parts_of_one(weight: f64) -> u64 {
    if weight > 0.0 { ((weight.min(MOST) * ONE as f64).round() as u64).max(1) } else { ONE }
}

/// A sum of weights as a number of traces.
pub(super) fn traces(parts: u128) -> f64 {
    parts as f64 / ONE as f64
}

#[cfg(test)]
mod tests;
