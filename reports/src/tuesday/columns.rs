//! The columns of a result, by name.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use datafusion::arrow::array::{Float64Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use schema::TraceId;

use crate::error::{Error, Result};

/// One batch of a result. Whatever width or encoding a column has, it reads as one type.
#[derive(Debug)]
pub(super) struct Columns<'a>(pub(super) &'a RecordBatch);

impl Columns<'_> {
    /// A column of texts.
    pub(super) fn text(&self, name: &str) -> Result<StringArray> {
        Ok(self.cast(name, &DataType::Utf8)?.as_string::<i32>().clone())
    }

    /// A column of whole numbers; of nanoseconds since the epoch, if it holds timestamps.
    pub(super) fn int(&self, name: &str) -> Result<Int64Array> {
        Ok(self.cast(name, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
    }

    /// A column of decimal numbers.
    pub(super) fn float(&self, name: &str) -> Result<Float64Array> {
        Ok(self.cast(name, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
    }

    /// A column of truths.
    pub(super) fn boolean(&self, name: &str) -> Result<BooleanArray> {
        Ok(self.cast(name, &DataType::Boolean)?.as_boolean().clone())
    }

    /// The column `trace_id`.
    pub(super) fn trace_ids(&self) -> Result<Vec<TraceId>> {
        let texts = self.text("trace_id")?;
        let id = |text: Option<&str>| {
            let text = text.unwrap_or_default();
            text.parse().map_err(|_| internal(&format!("`{text}` as a trace id")))
        };
        texts.iter().map(id).collect()
    }

    fn cast(&self, name: &str, data_type: &DataType) -> Result<ArrayRef> {
        let column = self.0.column_by_name(name);
        let column = column.ok_or_else(|| internal(&format!("no column `{name}`")))?;
        cast(column, data_type).map_err(|e| internal(&format!("column `{name}`: {e}")))
    }
}

/// A number of a result; 0 where there is none.
pub(super) fn or_zero(column: &Int64Array, row: usize) -> i64 {
    if column.is_null(row) { 0 } else { column.value(row) }
}

/// A count of a result; 0 where there is none.
pub(super) fn count(column: &Int64Array, row: usize) -> u64 {
    u64::try_from(or_zero(column, row)).unwrap_or(0)
}

/// Whether a truth of a result is known to hold.
pub(super) fn holds(column: &BooleanArray, row: usize) -> bool {
    column.is_valid(row) && column.value(row)
}

/// A text of a result; empty where there is none.
pub(super) fn or_empty(column: &StringArray, row: usize) -> &str {
    if column.is_null(row) { "" } else { column.value(row) }
}

fn internal(found: &str) -> Error {
    Error::Internal { reason: format!("a query returned {found}") }
}
