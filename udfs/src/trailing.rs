//! Sums of the last rows, for windows of any size at once.

/// For each row the sum of it and the `rows - 1` before it, as far as there are any; `None` where none of them has a
/// value. `rows` is at least 1.
///
/// Nothing is taken away from a sum again, so that what left the window leaves no trace in it: rows are in blocks of
/// `rows`, and a window is the end of one block and the beginning of the next (M. van Herk, "A fast algorithm for
/// local minimum and maximum filters", 1992). Time is that of two additions a row, for any size of the window.
pub(crate) fn trailing_sums(values: &[Option<f64>], rows: usize) -> Vec<Option<f64>> {
    let mut sums = Vec::with_capacity(values.len());
    // Of the block before, from each row to its end.
    let mut ends: Vec<Option<f64>> = Vec::new();
    for block in values.chunks(rows) {
        let mut beginning = None;
        for (at, value) in block.iter().enumerate() {
            beginning = plus(beginning, *value);
            let end = ends.get(at + 1).copied().flatten();
            sums.push(plus(end, beginning));
        }
        ends.clear();
        ends.extend_from_slice(block);
        let mut sum = None;
        for end in ends.iter_mut().rev() {
            sum = plus(*end, sum);
            *end = sum;
        }
    }
    sums
}

fn plus(left: Option<f64>, right: Option<f64>) -> Option<f64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left + right),
        (one, None) => one,
        (None, other) => other,
    }
}

#[cfg(test)]
mod tests;
