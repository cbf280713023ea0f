//! Histograms as columns: lists of `(lower, upper, count)`, and how their buckets are asked for.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, ListArray, StructArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, exec_datafusion_err, plan_err};

use crate::sketch::{Bin, SCALE};

/// Buckets per doubling of the value, unless asked otherwise: each is 19 % wider than the one before,
/// and a chart from 1 us to 100 s has 107.
pub(crate) const DEFAULT_PER_DOUBLING: i64 = 4;

fn fields() -> Fields {
    let number = |name: &str| Field::new(name, DataType::Float64, false);
    Fields::from(vec![number("lower"), number("upper"), number("count")])
}

/// The type of a histogram.
pub(crate) fn histogram_type() -> DataType {
    DataType::new_list(DataType::Struct(fields()), false)
}

/// The scale with that many buckets per doubling.
///
/// # Errors
///
/// If there is none.
pub(crate) fn scale(function: &str, per_doubling: i64) -> Result<i8> {
    let is_whole = per_doubling.count_ones() == 1 && (1..=1 << SCALE).contains(&per_doubling);
    // Seven at most: 64 has six zeros.
    match i8::try_from(per_doubling.trailing_zeros()) {
        Ok(scale) if is_whole => Ok(scale),
        _ => plan_err!(
            "{function}: there are 1, 2, 4, 8, 16, 32 or 64 buckets per doubling of the value, \
             not {per_doubling}"
        ),
    }
}

/// A histogram per row; NULL for `None`.
pub(crate) fn histograms(rows: &[Option<Vec<Bin>>]) -> Result<ArrayRef> {
    let bins = || rows.iter().flatten().flatten();
    let column = |number: fn(&Bin) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(bins().map(number)))
    };
    let columns = vec![column(|bin| bin.lower), column(|bin| bin.upper), column(|bin| bin.count)];
    let lengths = rows.iter().map(|row| row.as_ref().map_or(0, Vec::len));
    if i32::try_from(lengths.clone().sum::<usize>()).is_err() {
        return Err(exec_datafusion_err!(
            "a batch of histograms has more than 2^31 buckets: ask for fewer per doubling"
        ));
    }
    let items = StructArray::try_new(fields(), columns, None)?;
    let item = Arc::new(Field::new_list_field(DataType::Struct(fields()), false));
    let nulls = NullBuffer::from_iter(rows.iter().map(Option::is_some));
    let lists = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(item, lists, Arc::new(items), Some(nulls))?))
}
