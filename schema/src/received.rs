//! The form that rows have between a decoder and the first file.
//!
//! Spans of one request share their resource and their scope, and spans of one kind have
//! the same attribute keys. Repeated on every row this is most of what a decoder writes
//! and a memtable holds; here a row has the number of it instead:
//!
//! ```text
//! stored schema                               here
//! service_name, scope_*, schema_url, ...      Dictionary(Int32, the stored type)
//! resource_attributes                         Dictionary(Int32, Map)
//! attributes                                  Map with keys Dictionary(Int32, Utf8)
//! everything else                             the stored type
//! ```
//!
//! The texts of a dictionary need not differ from each other, and all columns of the
//! context may share one array of numbers.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, MapArray, RecordBatch, StructArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Fields, Schema, SchemaRef};

use crate::error::{Error, Result};
use crate::promoted::{Origin, PROMOTED};
use crate::spans::{
    self, ATTRIBUTES, RESOURCE_ATTRIBUTES, SCHEMA_URL, SCOPE_ATTRIBUTES, SCOPE_NAME, SCOPE_VERSION,
    SERVICE_NAME,
};

/// The columns of [`spans::stored_schema`] as decoders make them.
pub fn received_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let stored = spans::stored_schema();
        let fields = stored.fields().iter().map(|field| {
            let received = received_type(field.name(), field.data_type());
            field.as_ref().clone().with_data_type(received)
        });
        Arc::new(Schema::new(fields.collect::<Fields>()))
    });
    Arc::clone(&SCHEMA)
}

/// Whether rows have the column from their resource or scope.
fn is_context(column: &str) -> bool {
    const CONTEXT: [&str; 6] = [
        SERVICE_NAME,
        SCOPE_NAME,
        SCOPE_VERSION,
        SCOPE_ATTRIBUTES,
        SCHEMA_URL,
        RESOURCE_ATTRIBUTES,
    ];
    let promoted = || {
        PROMOTED
            .iter()
            .any(|promoted| promoted.origin == Origin::Resource && promoted.name == column)
    };
    CONTEXT.contains(&column) || promoted()
}

fn received_type(column: &str, stored: &DataType) -> DataType {
    match stored {
        _ if is_context(column) => numbered(stored),
        DataType::Map(entries, is_sorted) if column == ATTRIBUTES => {
            let fields = match entries.data_type() {
                DataType::Struct(fields) => fields.iter().enumerate().map(|(at, field)| {
                    let data_type = field.data_type();
                    let received = if at == 0 { numbered(data_type) } else { data_type.clone() };
                    field.as_ref().clone().with_data_type(received)
                }),
                _ => unreachable!("the entries of a map are a struct"),
            };
            let entry = DataType::Struct(fields.collect());
            DataType::Map(Arc::new(entries.as_ref().clone().with_data_type(entry)), *is_sorted)
        }
        _ => stored.clone(),
    }
}

fn numbered(stored: &DataType) -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(stored.clone()))
}

/// The rows under the stored schema.
pub(crate) fn stored_rows(rows: &RecordBatch) -> Result<RecordBatch> {
    let schema = spans::stored_schema();
    let columns = rows.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>, _>>();
    columns
        .and_then(|columns| RecordBatch::try_new(schema, columns))
        .map_err(|error| Error::Batch { reason: error.to_string() })
}

/// How many bytes of text at most the stored form has beyond this form: what rows share is repeated on
/// each of them. No text column may reach 2 GiB then.
pub fn repeated_bytes_at_most(rows: &RecordBatch) -> usize {
    let of_column = |column: &ArrayRef| match column.data_type() {
        DataType::Dictionary(_, _) => of_dictionary(column),
        DataType::Map(_, _) => of_dictionary(column.as_map().keys()),
        _ => 0,
    };
    rows.columns().iter().map(of_column).sum()
}

/// As many times the longest value as there are rows.
fn of_dictionary(column: &ArrayRef) -> usize {
    let Some(dictionary) = column.as_any_dictionary_opt() else { return 0 };
    let values = dictionary.values();
    let longest = match values.data_type() {
        DataType::Utf8 => longest(values.as_string::<i32>().value_offsets()),
        DataType::Map(_, _) => {
            let map = values.as_map();
            let of_part = |part: &ArrayRef| match part.as_string_opt::<i32>() {
                Some(texts) => longest(
                    &map.value_offsets()
                        .iter()
                        .map(|entry| texts.value_offsets()[*entry as usize])
                        .collect::<Vec<_>>(),
                ),
                None => 0,
            };
            of_part(map.keys()) + of_part(map.values())
        }
        _ => 0,
    };
    longest.saturating_mul(column.len())
}

fn longest(offsets: &[i32]) -> usize {
    offsets.windows(2).map(|pair| (pair[1] - pair[0]) as usize).max().unwrap_or(0)
}

/// A column as decoders make it, from either form.
pub(crate) fn received_column(column: &ArrayRef, received: &DataType) -> Result<ArrayRef> {
    match received {
        _ if column.data_type() == received => Ok(Arc::clone(column)),
        DataType::Dictionary(_, values) if **values == *column.data_type() => number(column),
        DataType::Map(_, _) if matches!(column.data_type(), DataType::Map(_, _)) => {
            with_keys(column.as_map(), received, number)
        }
        _ => Err(wrong(column)),
    }
}

/// A dictionary with an entry for each row.
fn number(column: &ArrayRef) -> Result<ArrayRef> {
    let rows = i32::try_from(column.len()).map_err(|_| wrong(column))?;
    let numbers = Int32Array::from_iter_values(0..rows);
    let numbered = DictionaryArray::try_new(numbers, Arc::clone(column));
    Ok(Arc::new(numbered.map_err(|error| Error::Batch { reason: error.to_string() })?))
}

/// A map of that type with other keys.
fn with_keys(
    map: &MapArray,
    wanted: &DataType,
    change: impl FnOnce(&ArrayRef) -> Result<ArrayRef>,
) -> Result<ArrayRef> {
    let (DataType::Map(entries, is_sorted), Some(fields)) = (wanted, entry_types(wanted)) else {
        return Err(wrong(map));
    };
    let columns = vec![change(map.keys())?, Arc::clone(map.values())];
    let made = StructArray::try_new(fields.clone(), columns, None).and_then(|rows| {
        let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
        MapArray::try_new(Arc::clone(entries), offsets, rows, nulls, *is_sorted)
    });
    Ok(Arc::new(made.map_err(|error| Error::Batch { reason: error.to_string() })?))
}

fn entry_types(map: &DataType) -> Option<&Fields> {
    match map {
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => Some(fields),
            _ => None,
        },
        _ => None,
    }
}

fn wrong(column: &dyn Array) -> Error {
    Error::Batch { reason: format!("a column of the unexpected type {}", column.data_type()) }
}

#[cfg(test)]
mod tests;
