//! Which traces of a root operation are slow, and how much time they cost
//! (semantics.md 4.1 and 4.2).
//!
//! In: the traces of one root operation in any order. Out: the same traces, slowest
//! first, and where in that order the slow and the typical ones lie. All of it is
//! integer arithmetic. A trace counts as many times as its weight says; numbers of
//! traces are of those that are stored.

use std::ops::Range;

use schema::TraceId;

use super::model::{GroupHeader, SmallGroup};
use super::quantiles::{Descending, Percent, fewest_values, quantile};
use super::weight;

/// How many per cent are reviewed, the finest first, and the quantile they begin at.
const REVIEWS: [(u32, Percent); 2] = [(1, 99), (5, 95)];

/// The quantiles between which a duration is typical.
const TYPICAL: (Percent, Percent) = (40, 60);

/// One connected trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceRow {
    pub(super) id: TraceId,
    pub(super) start_ns: i64,
    pub(super) duration_ns: i64,
    pub(super) root_failed: bool,
    /// In parts of [`weight::ONE`].
    pub(super) weight: u64,
}

/// The traces of one root operation.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) service_name: String,
    pub(super) span_name: String,
    /// The connected traces.
    pub(super) traces: Vec<TraceRow>,
    /// How many are not connected.
    pub(super) incomplete: u64,
}

/// The traces of one root operation in the order of the review.
#[derive(Debug)]
pub(super) struct RankedGroup {
    pub(super) header: GroupHeader,
    /// Slowest first, equal ones by trace id.
    traces: Vec<TraceRow>,
    slow: usize,
    typical: Range<usize>,
    pub(super) slow_cohort: Cohort,
    pub(super) typical_cohort: Cohort,
}

/// Some traces together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cohort {
    /// The sum of their weights, in parts of [`weight::ONE`].
    pub(super) weight: u128,
    /// The sum of their root durations.
    pub(super) duration_sum_ns: i128,
    /// The same with each as many times as its weight says, in parts of [`weight::ONE`].
    pub(super) weighted_ns: i128,
}

impl Cohort {
    fn of(traces: &[TraceRow]) -> Self {
        traces.iter().fold(Self::default(), |sum, trace| Self {
            weight: sum.weight + u128::from(trace.weight),
            duration_sum_ns: sum.duration_sum_ns + i128::from(trace.duration_ns),
            weighted_ns: sum.weighted_ns + i128::from(trace.duration_ns) * i128::from(trace.weight),
        })
    }

    /// The mean root duration; 0 of none.
    fn mean_ns(&self) -> f64 {
        if self.weight == 0 { 0.0 } else { self.weighted_ns as f64 / self.weight as f64 }
    }
}

impl RankedGroup {
    /// All traces, slowest first.
    pub(super) fn traces(&self) -> &[TraceRow] {
        &self.traces
    }

    /// The slow traces: with root durations of the threshold or more.
    pub(super) fn slow(&self) -> &[TraceRow] {
        &self.traces[..self.slow]
    }

    /// The typical traces.
    pub(super) fn typical(&self) -> &[TraceRow] {
        &self.traces[self.typical.clone()]
    }

    /// The traces to look at.
    pub(super) fn review_list(&self) -> &[TraceRow] {
        &self.traces[..self.header.review_count as usize]
    }
}

/// Root operations with enough traces in the order of their impact, and the others.
pub(super) fn rank_groups(groups: Vec<Group>) -> (Vec<RankedGroup>, Vec<SmallGroup>) {
    let mut ranked = Vec::new();
    let mut small = Vec::new();
    for group in groups {
        match slowest_percent(group.traces.len()) {
            Some(percent) => ranked.extend(rank_group(group, percent)),
            None => small.push(small_group(group)),
        }
    }
    ranked.sort_by(|a, b| order(&a.header).cmp(&order(&b.header)));
    small.sort_by(|a, b| {
        let names =
            |group: &SmallGroup| (group.root_service_name.clone(), group.root_span_name.clone());
        b.trace_count.cmp(&a.trace_count).then_with(|| names(a).cmp(&names(b)))
    });
    (ranked, small)
}

/// Greatest impact first, then by name.
fn order(header: &GroupHeader) -> (std::cmp::Reverse<i64>, &str, &str) {
    (std::cmp::Reverse(header.impact_ns), &header.root_service_name, &header.root_span_name)
}

/// 1 where an upper bound of p99 exists, 5 where one of p95 does, else none.
pub(super) fn slowest_percent(traces: usize) -> Option<u32> {
    let enough = |(_, quantile): &&(u32, Percent)| traces >= fewest_values(*quantile);
    REVIEWS.iter().find(enough).map(|(percent, _)| *percent)
}

/// How many traces it takes at least.
pub(super) fn fewest_traces() -> usize {
    REVIEWS.iter().map(|(_, quantile)| fewest_values(*quantile)).min().unwrap_or(0)
}

/// k: the fewest of the slowest traces that have so many per cent of all weight, which without weights is
/// ceil(n * percent / 100).
fn review_size(durations: &Durations<'_>, percent: u32) -> usize {
    let wanted = durations.above(durations.len()) * u128::from(percent);
    durations.above.partition_point(|above| above * 100 < wanted)
}

fn rank_group(group: Group, percent: u32) -> Option<RankedGroup> {
    let Group { service_name, span_name, mut traces, incomplete } = group;
    traces.sort_unstable_by(|a, b| b.duration_ns.cmp(&a.duration_ns).then(a.id.cmp(&b.id)));
    let durations = Durations::new(&traces);
    let review_count = review_size(&durations, percent);
    let threshold_ns = durations.get(review_count.checked_sub(1)?)?;
    let slow = traces.partition_point(|trace| trace.duration_ns >= threshold_ns);
    let value = |percent| quantile(&durations, percent);
    let (typical_low_ns, typical_high_ns) =
        (value(TYPICAL.0)?.value_ns, value(TYPICAL.1)?.value_ns);
    let typical = traces.partition_point(|trace| trace.duration_ns > typical_high_ns)
        ..traces.partition_point(|trace| trace.duration_ns >= typical_low_ns);
    let p50 = value(50)?;
    let (slow_cohort, typical_cohort) =
        (Cohort::of(&traces[..slow]), Cohort::of(&traces[typical.clone()]));
    let lost = slow_cohort.weighted_ns - i128::from(p50.value_ns) * slow_cohort.weight as i128;
    let header = GroupHeader {
        root_service_name: service_name,
        root_span_name: span_name,
        slowest_percent: percent,
        trace_count: traces.len() as u64,
        incomplete_trace_count: incomplete,
        review_count: review_count as u64,
        threshold_ns,
        slow_count: slow as u64,
        slow_share: slow_cohort.weight as f64 / durations.above(traces.len()) as f64,
        tie_count: (slow - review_count) as u64,
        slow_duration_sum_ns: to_i64(slow_cohort.duration_sum_ns),
        slow_mean_duration_ns: slow_cohort.mean_ns(),
        typical_count: typical.len() as u64,
        typical_low_ns,
        typical_high_ns,
        typical_duration_sum_ns: to_i64(typical_cohort.duration_sum_ns),
        typical_mean_duration_ns: typical_cohort.mean_ns(),
        estimated_trace_count: weight::traces(durations.above(traces.len())),
        p95: value(95)?,
        p99: value(99)?,
        p50,
        impact_ns: to_i64(rounded(lost, i128::from(weight::ONE))),
    };
    Some(RankedGroup { header, traces, slow, typical, slow_cohort, typical_cohort })
}

fn small_group(group: Group) -> SmallGroup {
    SmallGroup {
        trace_count: group.traces.len() as u64,
        incomplete_trace_count: group.incomplete,
        needed_count: fewest_traces() as u64,
        slowest_ns: group.traces.iter().map(|trace| trace.duration_ns).max(),
        root_service_name: group.service_name,
        root_span_name: group.span_name,
    }
}

/// The root durations of traces in the order of the review.
struct Durations<'a> {
    traces: &'a [TraceRow],
    /// The weight of the traces before each, and of all.
    above: Vec<u128>,
    squares: u128,
}

impl<'a> Durations<'a> {
    fn new(traces: &'a [TraceRow]) -> Self {
        let mut above = Vec::with_capacity(traces.len() + 1);
        let (mut weight, mut squares) = (0, 0);
        above.push(0);
        for trace in traces {
            weight += u128::from(trace.weight);
            squares += u128::from(trace.weight).pow(2);
            above.push(weight);
        }
        Self { traces, above, squares }
    }
}

impl Descending for Durations<'_> {
    fn len(&self) -> usize {
        self.traces.len()
    }

    fn get(&self, index: usize) -> Option<i64> {
        self.traces.get(index).map(|trace| trace.duration_ns)
    }

    fn above(&self, index: usize) -> u128 {
        self.above.get(index).copied().unwrap_or(0)
    }

    fn equal_values(&self) -> usize {
        let all = self.above(self.len());
        all.checked_mul(all).map_or(self.len(), |square| (square / self.squares.max(1)) as usize)
    }
}

/// A quotient to the nearest whole number.
pub(super) fn rounded(sum: i128, parts: i128) -> i128 {
    (2 * sum + parts).div_euclid(2 * parts)
}

/// A sum as the model holds it: 292 years of trace time are the limit.
pub(super) fn to_i64(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests;
