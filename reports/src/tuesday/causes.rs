//! Why slow traces are slow: their excess over typical ones, per operation
//! (semantics.md 4.2).
//!
//! With slow and typical traces of the weights S and B, an operation's excess is
//! `sum_S / S - sum_B / B`. All of them have the denominator `S * B`, so they are compared,
//! and their sum is checked, as integer numerators `sum_S * B - sum_B * S`; a decimal
//! number is made only to be shown.

use std::cmp::Reverse;

use super::model::{Cause, CauseChange, Decomposition, OtherOperations};
use super::parts::{Parts, Sums};
use super::quantiles::median;
use super::ranking::{Cohort, to_i64};
use super::weight::ONE;

/// From this share of an excess on, more calls (or slower ones) are worth a word beside the other.
const WORTH_A_WORD: f64 = 0.25;

/// The operation that exceeds its typical time by most in one slow trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dominant {
    /// Its number.
    pub(super) operation: u32,
    pub(super) excess_ns: f64,
    critical_path_ns: i64,
    weight: u64,
}

/// The difference between two cohorts, taken apart.
#[derive(Debug)]
pub(super) struct Explanation {
    pub(super) decomposition: Decomposition,
    /// The numbers of the operations listed as causes, most excess first.
    pub(super) listed: Vec<u32>,
    /// What is known about each of `listed`; examples and facts are still missing.
    pub(super) causes: Vec<Cause>,
    pub(super) other: Option<OtherOperations>,
    /// By place among the slow traces.
    pub(super) dominant: Vec<Option<Dominant>>,
}

impl Explanation {
    /// The places of the slow traces that an operation dominates.
    pub(super) fn dominated_by(&self, operation: u32) -> Vec<u32> {
        let places = self.dominant.iter().enumerate();
        places
            .filter(|(_, dominant)| {
                dominant.is_some_and(|dominant| dominant.operation == operation)
            })
            .map(|(place, _)| place as u32)
            .collect()
    }
}

/// Explains the difference between slow and typical traces by at most `most_causes` operations.
///
/// `weights` are those of the slow traces, by place.
pub(super) fn explain(
    parts: &Parts,
    weights: &[u64],
    slow: Cohort,
    typical: Cohort,
    most_causes: usize,
) -> Explanation {
    let scale = Scale { slow: slow.weight as i128, typical: typical.weight as i128 };
    let gap = scale.excess(slow.weighted_ns, typical.weighted_ns);
    let excess: Vec<i128> = parts
        .slow_sums
        .iter()
        .zip(&parts.typical_sums)
        .map(|(slow, typical)| scale.excess(slow.weighted_ns, typical.weighted_ns))
        .collect();
    let dominant = dominants(parts, weights, scale);
    let mut listed: Vec<u32> = (0..excess.len() as u32).collect();
    listed.retain(|operation| excess[*operation as usize] > 0);
    listed.sort_by_key(|operation| (Reverse(excess[*operation as usize]), *operation));
    listed.truncate(most_causes);
    let facts = Facts { parts, scale, gap, dominant: &dominant };
    Explanation {
        decomposition: facts.decomposition(slow, typical, excess.iter().sum()),
        causes: listed.iter().map(|operation| facts.cause(*operation as usize)).collect(),
        other: facts.other(&listed),
        listed,
        dominant,
    }
}

/// The weights of the two cohorts.
#[derive(Debug, Clone, Copy)]
struct Scale {
    slow: i128,
    typical: i128,
}

impl Scale {
    /// The numerator of a difference of means. An empty cohort has the mean 0.
    fn excess(self, slow_sum: i128, typical_sum: i128) -> i128 {
        slow_sum * self.typical.max(1) - typical_sum * self.slow.max(1)
    }

    /// The difference of means in nanoseconds.
    fn to_ns(self, numerator: i128) -> f64 {
        numerator as f64 / (self.slow.max(1) * self.typical.max(1)) as f64
    }
}

/// What everything about a cause follows from.
struct Facts<'a> {
    parts: &'a Parts,
    scale: Scale,
    gap: i128,
    dominant: &'a [Option<Dominant>],
}

impl Facts<'_> {
    fn decomposition(&self, slow: Cohort, typical: Cohort, excess: i128) -> Decomposition {
        let total = |sums: &[Sums]| {
            sums.iter().fold((0, 0), |(all, weighted), sums| {
                (all + sums.critical_path_ns, weighted + sums.weighted_ns)
            })
        };
        let (slow_sum, slow_weighted) = total(&self.parts.slow_sums);
        let (typical_sum, typical_weighted) = total(&self.parts.typical_sums);
        let on_path = |(slow, typical): &(&Sums, &Sums)| slow.calls + typical.calls > 0;
        let sums = self.parts.slow_sums.iter().zip(&self.parts.typical_sums);
        Decomposition {
            gap_ns: self.scale.to_ns(self.gap),
            operation_count: sums.filter(on_path).count() as u64,
            slow_critical_path_sum_ns: to_i64(slow_sum),
            typical_critical_path_sum_ns: to_i64(typical_sum),
            adds_up: excess == self.gap
                && (slow_sum, slow_weighted) == (slow.duration_sum_ns, slow.weighted_ns)
                && (typical_sum, typical_weighted)
                    == (typical.duration_sum_ns, typical.weighted_ns),
        }
    }

    fn cause(&self, operation: usize) -> Cause {
        let Facts { parts, scale, .. } = self;
        let (slow, typical) = (parts.slow_sums[operation], parts.typical_sums[operation]);
        let excess = scale.excess(slow.weighted_ns, typical.weighted_ns);
        let excess_ns = scale.to_ns(excess);
        let (slow_mean_ns, typical_mean_ns) =
            (ratio(slow.weighted_ns, scale.slow), ratio(typical.weighted_ns, scale.typical));
        let slow_calls_per_trace = ratio(slow.weighted_calls, scale.slow);
        let typical_calls_per_trace = ratio(typical.weighted_calls, scale.typical);
        let slow_ns_per_call = per_call(slow);
        let typical_ns_per_call = per_call(typical);
        let more_calls_ns = match typical_ns_per_call {
            Some(ns) => (slow_calls_per_trace - typical_calls_per_trace) * ns,
            // Without a typical call nothing can be slower than one.
            None => excess_ns,
        };
        let slower_calls_ns = excess_ns - more_calls_ns;
        let dominated = || {
            let found = self.dominant.iter().flatten();
            found.filter(|dominant| dominant.operation as usize == operation)
        };
        let mut dominated_ns: Vec<i64> = dominated().map(|d| d.critical_path_ns).collect();
        let dominated_count = dominated_ns.len() as u64;
        let dominated_weight: i128 = dominated().map(|d| i128::from(d.weight)).sum();
        Cause {
            service_name: parts.operations[operation].service_name.clone(),
            span_name: parts.operations[operation].span_name.clone(),
            excess_ns,
            share: self.share(excess),
            slow_mean_ns,
            typical_mean_ns,
            slow_sum_ns: to_i64(slow.critical_path_ns),
            typical_sum_ns: to_i64(typical.critical_path_ns),
            slow_calls: slow.calls,
            typical_calls: typical.calls,
            slow_calls_per_trace,
            typical_calls_per_trace,
            slow_ns_per_call,
            typical_ns_per_call,
            more_calls_ns,
            slower_calls_ns,
            change: change(excess_ns, more_calls_ns, typical.calls),
            dominated_count,
            dominated_share: ratio(dominated_weight, scale.slow),
            // The median of the excess is that of the times, less the same mean.
            dominated_median_excess_ns: median(&mut dominated_ns)
                .map(|ns| ns as f64 - typical_mean_ns),
            slow_error_count: slow.error_traces,
            slow_error_share: ratio(slow.weighted_errors, scale.slow),
            typical_error_count: typical.error_traces,
            typical_error_share: ratio(typical.weighted_errors, scale.typical),
            example_trace_id: None,
            facts: Vec::new(),
        }
    }

    fn other(&self, listed: &[u32]) -> Option<OtherOperations> {
        let Facts { parts, scale, .. } = self;
        let (mut slow_sum, mut typical_sum, mut operation_count) = (0, 0, 0);
        let (mut slow_weighted, mut typical_weighted) = (0, 0);
        for (operation, slow) in parts.slow_sums.iter().enumerate() {
            let typical = parts.typical_sums[operation];
            if !listed.contains(&(operation as u32)) && slow.calls + typical.calls > 0 {
                slow_sum += slow.critical_path_ns;
                typical_sum += typical.critical_path_ns;
                slow_weighted += slow.weighted_ns;
                typical_weighted += typical.weighted_ns;
                operation_count += 1;
            }
        }
        let excess = scale.excess(slow_weighted, typical_weighted);
        let of_other = |dominant: &&Dominant| !listed.contains(&dominant.operation);
        (operation_count > 0).then(|| OtherOperations {
            operation_count,
            excess_ns: scale.to_ns(excess),
            share: self.share(excess),
            slow_mean_ns: ratio(slow_weighted, scale.slow),
            typical_mean_ns: ratio(typical_weighted, scale.typical),
            slow_sum_ns: to_i64(slow_sum),
            typical_sum_ns: to_i64(typical_sum),
            dominated_count: self.dominant.iter().flatten().filter(of_other).count() as u64,
        })
    }

    fn share(&self, excess: i128) -> Option<f64> {
        (self.gap > 0).then(|| excess as f64 / self.gap as f64)
    }
}

/// For each slow trace the operation with the largest positive excess; of equal ones the first by name.
fn dominants(parts: &Parts, weights: &[u64], scale: Scale) -> Vec<Option<Dominant>> {
    let of_trace = |place: u32| {
        let mut best: Option<(i128, Dominant)> = None;
        for part in parts.of_slow(place) {
            let typical = parts.typical_sums[part.operation as usize].weighted_ns;
            let excess = i128::from(part.critical_path_ns) * scale.typical.max(1) - typical;
            if excess > best.map_or(0, |(excess, _)| excess) {
                let dominant = Dominant {
                    operation: part.operation,
                    excess_ns: ratio(excess, scale.typical.max(1)),
                    critical_path_ns: part.critical_path_ns,
                    weight: weights.get(place as usize).copied().unwrap_or(ONE),
                };
                best = Some((excess, dominant));
            }
        }
        best.map(|(_, dominant)| dominant)
    };
    (0..parts.slow_traces() as u32).map(of_trace).collect()
}

fn change(excess_ns: f64, more_calls_ns: f64, typical_calls: u64) -> CauseChange {
    let more = more_calls_ns / excess_ns;
    match () {
        () if excess_ns <= 0.0 => CauseChange::NoExcess,
        () if typical_calls == 0 => CauseChange::OnlyInSlowTraces,
        () if more < WORTH_A_WORD => CauseChange::SlowerCalls,
        () if more > 1.0 - WORTH_A_WORD => CauseChange::MoreCalls,
        () => CauseChange::MoreAndSlowerCalls,
    }
}

fn per_call(sums: Sums) -> Option<f64> {
    (sums.calls > 0).then(|| sums.critical_path_ns as f64 / sums.calls as f64)
}

/// `part / whole`, 0 of an empty whole.
fn ratio(part: i128, whole: i128) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests;
