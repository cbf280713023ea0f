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
use arrow::compute::take;
use arrow::datatypes::{DataType, Fields, Int32Type, Schema, SchemaRef};

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

/// A column in its stored form, from either form.
///
/// # Errors
///
/// [`Error::Batch`] if it is a column of neither.
pub fn stored_column(column: &ArrayRef, stored: &DataType) -> Result<ArrayRef> {
    match column.data_type() {
        have if have == stored => Ok(Arc::clone(column)),
        DataType::Dictionary(_, _) => {
            let column = column.as_dictionary_opt::<Int32Type>().ok_or_else(|| wrong(column))?;
            let plain = take(column.values(), column.keys(), None);
            plain.map_err(|error| Error::Batch { reason: error.to_string() })
        }
        DataType::Map(_, _) => with_keys(column.as_map(), stored, |keys| {
            let texts = entry_types(stored).map(|fields| fields[0].data_type());
            stored_column(keys, texts.unwrap_or(&DataType::Null))
        }),
        _ => Err(wrong(column)),
    }
}

/// The rows under the stored schema.
pub(crate) fn stored_rows(rows: &RecordBatch) -> Result<RecordBatch> {
    let schema = spans::stored_schema();
    let columns = rows.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| stored_column(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(schema, columns).map_err(|e| Error::Batch { reason: e.to_string() })
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
