//! The columns of an answer: types that every Arrow client reads.
//!
//! Views, dictionaries and run-ends save memory and time while a query runs, but older
//! clients do not know them. So text is `Utf8`, bytes are `Binary`, lists are `List`, at any depth.
//!
//! Every column may hold NULL, as far as clients are told. The planner's word on that
//! differs between the plan, which is announced, and the stream, which must match what
//! was announced; that NULLs are possible is true of both.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::FormatOptions;

/// A value that does not fit is an error, never silently NULL.
pub const STRICT: CastOptions<'static> =
    CastOptions { safe: false, format_options: FormatOptions::new() };

/// The schema that clients are told for columns of `schema`.
pub fn announced(schema: &Schema) -> SchemaRef {
    let fields: Fields = schema.fields().iter().map(announced_field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The rows of `batch` with the announced `schema`.
///
/// # Errors
///
/// If the columns are not those that `schema` was announced for.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if batch.num_columns() != schema.fields().len() {
        return Err(ArrowError::SchemaError("the number of columns changed".into()));
    }
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
}

fn cast(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    if column.data_type() == data_type {
        return Ok(Arc::clone(column));
    }
    cast_with_options(column, data_type, &STRICT)
}

fn announced_field(field: &FieldRef) -> FieldRef {
    let data_type = announced_type(field.data_type());
    Arc::new(Field::new(field.name(), data_type, true).with_metadata(field.metadata().clone()))
}

pub(super) fn announced_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Dictionary(_, values) => announced_type(values),
        DataType::RunEndEncoded(_, values) => announced_type(values.data_type()),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => DataType::List(announced_field(item)),
        DataType::FixedSizeList(item, length) => {
            DataType::FixedSizeList(announced_field(item), *length)
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(announced_field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(announced_entries(entries), *sorted),
        other => other.clone(),
    }
}

/// The entries of a map: the struct and its keys are never NULL.
fn announced_entries(entries: &FieldRef) -> FieldRef {
    let DataType::Struct(fields) = entries.data_type() else { return Arc::clone(entries) };
    let fields = fields.iter().enumerate().map(|(position, field)| {
        let announced = announced_field(field);
        match position {
            0 => Arc::new(announced.as_ref().clone().with_nullable(false)),
            _ => announced,
        }
    });
    let data_type = DataType::Struct(fields.collect());
    Arc::new(Field::new(entries.name(), data_type, false).with_metadata(entries.metadata().clone()))
}

#[cfg(test)]
mod tests;
