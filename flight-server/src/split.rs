//! Cuts batches to the size of a message.
//!
//! Clients refuse messages above a limit, 4 MiB for most. The Flight encoder cuts by row
//! count and by the memory that a batch holds on to; with rows of very different size,
//! or slices of a large batch, that is far off. Here the bytes of the rows are counted.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use tonic::Status;

use crate::status;

/// Room for what is not column data: headers, paddings, the schema's names.
const OVERHEAD_BYTES: usize = 64 << 10;

/// A part of a batch, and about how many bytes it takes on the wire.
#[derive(Debug)]
pub(crate) struct Part {
    /// The rows.
    pub(crate) rows: RecordBatch,
    /// The bytes of their values.
    pub(crate) bytes: usize,
}

/// Cuts `batch` into parts that fit a message of `max_message_bytes`. No rows make no part.
///
/// # Errors
///
/// If a single row does not fit; the message names its largest column.
pub(crate) fn split(batch: &RecordBatch, max_message_bytes: usize) -> Result<Vec<Part>, Status> {
    let most = max_message_bytes.saturating_sub(OVERHEAD_BYTES);
    let aim = max_message_bytes / 2;
    let mut parts = Vec::new();
    let mut ranges = vec![(0, batch.num_rows())];
    while let Some((start, len)) = ranges.pop() {
        let bytes = batch.columns().iter().map(|column| bytes(column, start, len)).sum();
        if len > 1 && bytes > aim {
            // The first half is on top of the stack: the order of the rows stays.
            ranges.push((start + len / 2, len - len / 2));
            ranges.push((start, len / 2));
        } else if bytes > most {
            return Err(too_large(batch, start, bytes, most));
        } else if len > 0 {
            parts.push(Part { rows: batch.slice(start, len), bytes });
        }
    }
    Ok(parts)
}

fn too_large(batch: &RecordBatch, row: usize, found: usize, most: usize) -> Status {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let largest = columns.max_by_key(|(_, column)| bytes(column, row, 1));
    let name = largest.map_or("?", |(field, _)| field.name().as_str());
    status::exhausted(format!(
        "a row of {found} bytes is larger than a message of at most {most}; \
         its largest column is `{name}`: select a part of it"
    ))
}

/// About how many bytes the rows `start..start + len` of a column take in a message.
fn bytes(column: &dyn Array, start: usize, len: usize) -> usize {
    let validity = len.div_ceil(8);
    let values = match column.data_type() {
        DataType::Null => 0,
        DataType::Boolean => len.div_ceil(8),
        DataType::FixedSizeBinary(width) => len * usize::try_from(*width).unwrap_or(0),
        DataType::Utf8 => {
            let (_, inner) = range(column.as_string::<i32>().value_offsets(), start, len);
            inner + len * size_of::<i32>()
        }
        DataType::LargeUtf8 => {
            let (_, inner) = range(column.as_string::<i64>().value_offsets(), start, len);
            inner + len * size_of::<i64>()
        }
        DataType::Binary => {
            let (_, inner) = range(column.as_binary::<i32>().value_offsets(), start, len);
            inner + len * size_of::<i32>()
        }
        DataType::LargeBinary => {
            let (_, inner) = range(column.as_binary::<i64>().value_offsets(), start, len);
            inner + len * size_of::<i64>()
        }
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            let (first, inner) = range(list.value_offsets(), start, len);
            bytes(list.values(), first, inner) + len * size_of::<i32>()
        }
        DataType::Map(..) => {
            let map = column.as_map();
            let (first, inner) = range(map.value_offsets(), start, len);
            bytes(map.entries(), first, inner) + len * size_of::<i32>()
        }
        DataType::FixedSizeList(_, length) => {
            let length = usize::try_from(*length).unwrap_or(0);
            bytes(column.as_fixed_size_list().values(), start * length, len * length)
        }
        DataType::Struct(_) => {
            column.as_struct().columns().iter().map(|child| bytes(child, start, len)).sum()
        }
        other => match other.primitive_width() {
            Some(width) => len * width,
            // Unions, and types that no result has: too much rather than too little.
            None => column.slice(start, len).get_array_memory_size(),
        },
    };
    validity + values
}

/// Where the values of the rows begin, and how many they are.
fn range<O: Copy + TryInto<usize>>(offsets: &[O], start: usize, len: usize) -> (usize, usize) {
    let at = |row: usize| offsets.get(row).and_then(|o| (*o).try_into().ok()).unwrap_or(0);
    let (first, end) = (at(start), at(start + len));
    (first, end.saturating_sub(first))
}

#[cfg(test)]
mod tests;
