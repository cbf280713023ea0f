//! How a value looks in a `.slt` file.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::Result;

/// Significant digits of a number with a fraction.
const DIGITS: usize = 12;

/// NULL is `NULL`, an empty text is `(empty)`, and line breaks are visible.
pub(super) fn format(column: &ArrayRef, row: usize) -> Result<String> {
    if column.is_null(row) {
        return Ok("NULL".to_owned());
    }
    if column.data_type().is_floating() {
        let numbers = cast(&column.slice(row, 1), &DataType::Float64)?;
        return Ok(format_number(numbers.as_primitive::<Float64Type>().value(0)));
    }
    let options = FormatOptions::default().with_null("NULL");
    let text = ArrayFormatter::try_new(column, &options)?.value(row).to_string();
    if text.is_empty() {
        return Ok("(empty)".to_owned());
    }
    Ok(text.replace('\n', "\\n"))
}

/// The shortest text that has the same first 12 significant digits.
pub(super) fn format_number(number: f64) -> String {
    if !number.is_finite() {
        return number.to_string();
    }
    let rounded: f64 = format!("{number:.*e}", DIGITS - 1).parse().unwrap_or(number);
    // Negative zero looks like a sign error in a test file.
    if rounded == 0.0 { "0".to_owned() } else { rounded.to_string() }
}

#[cfg(test)]
mod tests;
