//! How many traces take how long, on a logarithmic scale.

use super::model::Bin;
use super::ranking::TraceRow;

/// Bars at most, without the one that the threshold may split: a phone shows them three pixels wide.
const MOST_BINS: usize = 48;

/// Bars per factor of ten at most: finer ones show noise.
const BINS_PER_DECADE: f64 = 20.0;

/// Bars over all durations of traces that lie slowest first; none for no traces.
///
/// The threshold is an edge, so that a bar is slow or it is not. Zero has no
/// logarithm, so the first bar also holds whatever is below 1 ns.
pub(super) fn histogram(traces: &[TraceRow], threshold_ns: i64) -> Vec<Bin> {
    let (Some(first), Some(last)) = (traces.last(), traces.first()) else { return Vec::new() };
    let mut edges = edges(first.duration_ns, last.duration_ns);
    if (first.duration_ns..=last.duration_ns).contains(&threshold_ns) {
        edges.push(threshold_ns);
        edges.sort_unstable();
        edges.dedup();
    }
    let bin = |edge: &[i64]| {
        let [from_ns, to_ns] = [edge[0], edge[1]];
        Bin { from_ns, to_ns, trace_count: 0, is_slow: from_ns >= threshold_ns }
    };
    let mut bins: Vec<Bin> = edges.windows(2).map(bin).collect();
    let mut bin = bins.len() - 1;
    for trace in traces {
        while trace.duration_ns < bins[bin].from_ns {
            bin -= 1;
        }
        bins[bin].trace_count += 1;
    }
    bins
}

/// Ascending edges, at least two; the first is `low`, the last is beyond `high`.
fn edges(low: i64, high: i64) -> Vec<i64> {
    // The last edge lies beyond the last duration, if there is a number beyond it.
    let low = low.min(i64::MAX - 1);
    let beyond = high.saturating_add(1);
    let (from, to) = ((low.max(1) as f64).ln(), (beyond.max(2) as f64).ln());
    let decades = (to - from) / std::f64::consts::LN_10;
    let bins = ((decades * BINS_PER_DECADE).ceil() as usize).clamp(1, MOST_BINS);
    let inner =
        (1..bins).map(|i| (from + (to - from) * i as f64 / bins as f64).exp().round() as i64);
    let mut edges = vec![low];
    for edge in inner.chain([beyond]) {
        // Few nanoseconds make fewer bars than there is room for.
        if edges.last().is_some_and(|last| *last < edge) && edge <= beyond {
            edges.push(edge);
        }
    }
    edges
}

#[cfg(test)]
mod tests;
