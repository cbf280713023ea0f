//! The trace that is most like all of them (semantics.md 4.5).
//!
//! The slowest trace is usually an oddity; the medoid is the one whose critical-path
//! times per operation have the least distance (L1) to the mean of the cohort. A trace counts as many times as its
//! weight says.

use super::parts::Parts;
use super::ranking::TraceRow;

/// The medoid of some slow traces, given by their places; `None` of none.
///
/// Of equal distances the one with the duration closest to the median wins, then the
/// smallest trace id. Distances are compared in integers, multiplied by the weight of all traces.
pub(super) fn medoid(parts: &Parts, slow: &[TraceRow], places: &[u32]) -> Option<u32> {
    let weight_of = |place: u32| i128::from(slow[place as usize].weight);
    let mut sums = vec![0_i128; parts.operations.len()];
    for place in places {
        for part in parts.of_slow(*place) {
            sums[part.operation as usize] += i128::from(part.critical_path_ns) * weight_of(*place);
        }
    }
    let weight: i128 = places.iter().map(|place| weight_of(*place)).sum();
    let of_nothing: i128 = sums.iter().sum();
    let distance = |place: u32| {
        // Operations that a trace does not have are in `of_nothing` already.
        parts.of_slow(place).iter().fold(of_nothing, |distance, part| {
            let sum = sums[part.operation as usize];
            distance - sum + (i128::from(part.critical_path_ns) * weight - sum).abs()
        })
    };
    let median = median_ns(slow, places)?;
    places.iter().copied().min_by_key(|place| {
        let trace = slow[*place as usize];
        (distance(*place), trace.duration_ns.abs_diff(median), trace.id)
    })
}

/// The nearest-rank median of the durations of some slow traces; `None` of none.
pub(super) fn median_ns(slow: &[TraceRow], places: &[u32]) -> Option<i64> {
    let traces = places.iter().map(|place| &slow[*place as usize]);
    let mut durations: Vec<(i64, u64)> = traces.map(|one| (one.duration_ns, one.weight)).collect();
    durations.sort_unstable();
    let all: u128 = durations.iter().map(|(_, weight)| u128::from(*weight)).sum();
    let mut up_to = 0;
    let reaches = |(_, weight): &&(i64, u64)| {
        up_to += u128::from(*weight);
        2 * up_to >= all
    };
    durations.iter().find(reaches).map(|(duration_ns, _)| *duration_ns)
}

#[cfg(test)]
mod tests;
