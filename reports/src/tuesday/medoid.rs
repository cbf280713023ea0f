//! The trace that is most like all of them (semantics.md 4.5).
//!
//! The slowest trace is usually an oddity; the medoid is the one whose critical-path
//! times per operation have the least distance (L1) to the mean of the cohort.

use super::parts::Parts;
use super::quantiles::median;
use super::ranking::TraceRow;

/// The medoid of some slow traces, given by their places; `None` of none.
///
/// Of equal distances the one with the duration closest to the median wins, then the
/// smallest trace id. Distances are compared in integers, multiplied by the number of traces.
pub(super) fn medoid(parts: &Parts, slow: &[TraceRow], places: &[u32]) -> Option<u32> {
    let mut sums = vec![0_i128; parts.operations.len()];
    for part in places.iter().flat_map(|place| parts.of_slow(*place)) {
        sums[part.operation as usize] += i128::from(part.critical_path_ns);
    }
    let count = places.len() as i128;
    let of_nothing: i128 = sums.iter().sum();
    let distance = |place: u32| {
        // Operations that a trace does not have are in `of_nothing` already.
        parts.of_slow(place).iter().fold(of_nothing, |distance, part| {
            let sum = sums[part.operation as usize];
            distance - sum + (i128::from(part.critical_path_ns) * count - sum).abs()
        })
    };
    let mut durations: Vec<i64> = places.iter().map(|p| slow[*p as usize].duration_ns).collect();
    let median = median(&mut durations)?;
    places.iter().copied().min_by_key(|place| {
        let trace = slow[*place as usize];
        (distance(*place), trace.duration_ns.abs_diff(median), trace.id)
    })
}

#[cfg(test)]
mod tests;
