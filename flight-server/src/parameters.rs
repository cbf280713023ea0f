//! Parameter values from a client's record batches: one row, one execution.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::compute::cast_with_options;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{ParamValues, ScalarValue};
use engine::columns::{STRICT, announced, conform};
use tonic::Status;

use crate::status;

/// The parameters as clients are told them. One of unknown type is text: clients cannot bind a
/// value to the type of NULL, and values of another type are accepted too.
pub(crate) fn announced_parameters(parameters: &Schema) -> Schema {
    let fields = parameters.fields().iter().map(|field| match field.data_type() {
        DataType::Null => Field::new(field.name(), DataType::Utf8, true),
        _ => field.as_ref().clone(),
    });
    announced(&Schema::new(fields.collect::<Vec<_>>())).as_ref().clone()
}

/// One set of values for each row of `batch`.
///
/// Columns are taken by name if every parameter has one of its name, else by position.
///
/// # Errors
///
/// `INVALID_ARGUMENT` if the number of columns is wrong, or a text does not read as the type
/// of its parameter.
pub(crate) fn values(parameters: &Schema, batch: &RecordBatch) -> Result<Vec<ParamValues>, Status> {
    let expected = parameters.fields().len();
    if batch.num_columns() != expected {
        let found = batch.num_columns();
        return Err(status::invalid(format!(
            "the statement has {expected} parameters, and {found} values were bound"
        )));
    }
    // Dictionaries and views are of no use in a single value.
    let batch =
        conform(batch, &announced(&batch.schema())).map_err(|e| status::invalid(e.to_string()))?;
    let columns = parameters
        .fields()
        .iter()
        .zip(positions(parameters, &batch.schema()))
        .map(|(parameter, position)| {
            let column = batch.column(position);
            let read = is_text(column.data_type()) && !is_text(parameter.data_type());
            if !read || parameter.data_type().is_null() {
                return Ok((name(parameter), Arc::clone(column)));
            }
            // Compared as text, '10' would be less than '9'.
            let column = cast_with_options(column, parameter.data_type(), &STRICT);
            let column = column
                .map_err(|e| status::invalid(format!("parameter {}: {e}", parameter.name())))?;
            Ok((name(parameter), column))
        })
        .collect::<Result<Vec<_>, Status>>()?;
    (0..batch.num_rows())
        .map(|row| {
            let value = |(name, column): &(String, ArrayRef)| {
                let value = ScalarValue::try_from_array(column, row)
                    .map_err(|e| status::invalid(e.to_string()))?;
                Ok((name.clone(), value))
            };
            let row = columns.iter().map(value).collect::<Result<HashMap<_, _>, Status>>()?;
            Ok(ParamValues::from(row))
        })
        .collect()
}

/// The column of `bound` for each parameter.
fn positions(parameters: &Schema, bound: &Schema) -> Vec<usize> {
    let by_name = |parameter: &Field| {
        let same = |column: &str| column == parameter.name() || column == name(parameter);
        bound.fields().iter().position(|field| same(field.name()))
    };
    let named: Option<Vec<usize>> = parameters.fields().iter().map(|p| by_name(p)).collect();
    named.unwrap_or_else(|| (0..parameters.fields().len()).collect())
}

/// `1` for `$1`, `service` for `$service`: the name that values go by.
fn name(parameter: &Field) -> String {
    let mut name = parameter.name().chars();
    name.next();
    name.collect()
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

#[cfg(test)]
mod tests;
