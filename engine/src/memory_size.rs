//! How much memory rows take.

use std::collections::HashSet;

use datafusion::arrow::array::{Array, ArrayData, RecordBatch};
use datafusion::arrow::buffer::Buffer;

/// Bytes of all buffers of a batch. Columns share some of them, those of rows without a value and
/// the numbers of shared values, and they are counted once.
pub(crate) fn memory_bytes(batch: &RecordBatch) -> usize {
    let mut seen = HashSet::new();
    batch.columns().iter().map(|column| of_array(&column.to_data(), &mut seen)).sum()
}

fn of_array(array: &ArrayData, seen: &mut HashSet<*const u8>) -> usize {
    let mut of_buffer = |buffer: &Buffer| {
        let is_new = seen.insert(buffer.data_ptr().as_ptr().cast_const());
        if is_new { buffer.capacity() } else { 0 }
    };
    let own: usize = array.buffers().iter().map(&mut of_buffer).sum();
    let nulls = array.nulls().map_or(0, |nulls| of_buffer(nulls.buffer()));
    own + nulls + array.child_data().iter().map(|child| of_array(child, seen)).sum::<usize>()
}

#[cfg(test)]
mod tests;
