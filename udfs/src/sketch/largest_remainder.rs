//! Counts as whole numbers that keep their sum.

/// Rounds counts so that their sum is the rounded sum: each is rounded down, and those that lost
/// most get what is missing; of equal ones the first (semantics.md 3.5).
///
/// Takes counts that are not negative, of which each and the sum are below 2^64. `None` if not.
pub(super) fn round(counts: &[f64]) -> Option<Vec<u64>> {
    let total: f64 = counts.iter().sum();
    let is_whole = |x: f64| (0.0..18_446_744_073_709_551_616.0).contains(&x);
    if !(is_whole(total.round()) && counts.iter().all(|count| is_whole(*count))) {
        return None;
    }
    let mut rounded: Vec<u64> = counts.iter().map(|count| *count as u64).collect();
    let below = rounded.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count))?;
    let missing = (total.round() as u64).saturating_sub(below);
    let mut by_loss: Vec<usize> = (0..counts.len()).collect();
    // Stable: of equal remainders the first comes first.
    by_loss.sort_by(|a, b| counts[*b].fract().total_cmp(&counts[*a].fract()));
    for at in by_loss.into_iter().take(usize::try_from(missing).unwrap_or(usize::MAX)) {
        rounded[at] += 1;
    }
    Some(rounded)
}

#[cfg(test)]
mod tests;
