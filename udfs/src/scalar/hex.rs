//! Ids as lowercase hex: what `trace_id_hex` and `span_id_hex` share.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayAccessor, ArrayRef, AsArray, StringArray};
use datafusion::arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err, exec_err, internal_err, plan_err};

/// Checks the argument of `function`, an id of `width` bytes.
pub(super) fn coerce(function: &str, width: i32, types: &[DataType]) -> Result<Vec<DataType>> {
    let [given] = types else {
        return plan_err!("{function} takes one argument, not {}", types.len());
    };
    match given {
        DataType::FixedSizeBinary(size) if *size == width => Ok(types.to_vec()),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Ok(types.to_vec()),
        DataType::Null => Ok(vec![DataType::Binary]),
        _ => plan_err!("{function} takes FixedSizeBinary({width}) or Binary, not {given}"),
    }
}

/// The hex text of each id. Ids are `width` bytes, or empty; NULL stays NULL.
pub(super) fn to_hex(function: &str, width: i32, ids: &ArrayRef) -> Result<ArrayRef> {
    let width = width as usize;
    let text = match ids.data_type() {
        DataType::FixedSizeBinary(_) => encode(function, width, ids.as_fixed_size_binary()),
        DataType::Binary => encode(function, width, ids.as_binary::<i32>()),
        DataType::LargeBinary => encode(function, width, ids.as_binary::<i64>()),
        DataType::BinaryView => encode(function, width, ids.as_binary_view()),
        other => internal_err!("{function} got {other}"),
    };
    Ok(Arc::new(text?))
}

#[expect(clippy::needless_pass_by_value, reason = "an accessor is a reference to an array")]
fn encode<'a>(
    function: &str,
    width: usize,
    ids: impl ArrayAccessor<Item = &'a [u8]>,
) -> Result<StringArray> {
    let mut text = Vec::with_capacity(ids.len() * 2 * width);
    let mut offsets = Vec::with_capacity(ids.len() + 1);
    offsets.push(0);
    for row in 0..ids.len() {
        if ids.is_valid(row) {
            let id = ids.value(row);
            if id.len() != width && !id.is_empty() {
                return exec_err!("{function} takes ids of {width} bytes; one has {}", id.len());
            }
            text.extend(id.iter().flat_map(|byte| HEX[usize::from(*byte)]));
        }
        offsets.push(i32::try_from(text.len()).map_err(|_| {
            exec_datafusion_err!("{function}: more than 2 GiB of text in one batch")
        })?);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(StringArray::try_new(offsets, Buffer::from_vec(text), ids.nulls().cloned())?)
}

/// The two digits of each byte.
const HEX: [[u8; 2]; 256] = hex_digits();

const fn hex_digits() -> [[u8; 2]; 256] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        digits[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    digits
}

#[cfg(test)]
mod tests;
