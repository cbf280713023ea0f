//! Span ids in any spelling, as numbers whose order is the order of the ids.
//!
//! The usual forms, 8 bytes or 16 hex digits, become their big-endian number. If
//! one id of a batch is something else, all ids of the batch are numbered by the
//! order of their text instead; equal ids stay equal across both columns.

use std::borrow::Cow;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, UInt64Type};
use datafusion::common::Result;

use super::texts::Texts;

/// Bytes of a span id.
const ID_BYTES: usize = 8;

/// Reads span ids and parent ids; 0 means none.
pub(super) fn read(
    span: &ArrayRef,
    parent: &ArrayRef,
    span_ids: &mut Vec<u64>,
    parent_ids: &mut Vec<u64>,
) -> Result<()> {
    span_ids.clear();
    parent_ids.clear();
    if append_usual(span, parent, span_ids, parent_ids)? {
        Ok(())
    } else {
        read_unusual(span, parent, span_ids, parent_ids)
    }
}

/// Appends ids if all have a usual form; false if one has not, and then what was appended says nothing.
pub(super) fn append_usual(
    span: &ArrayRef,
    parent: &ArrayRef,
    span_ids: &mut Vec<u64>,
    parent_ids: &mut Vec<u64>,
) -> Result<bool> {
    Ok(append_usual_column(span, span_ids)? && append_usual_column(parent, parent_ids)?)
}

fn append_usual_column(column: &ArrayRef, ids: &mut Vec<u64>) -> Result<bool> {
    if column.data_type().is_integer() {
        let numbers = integers(column)?;
        let numbers = numbers.as_primitive::<UInt64Type>();
        ids.extend(numbers.iter().map(Option::unwrap_or_default));
        return Ok(true);
    }
    let texts = Texts::try_new(column)?;
    let is_binary = texts.is_binary();
    let mut all_usual = true;
    texts.for_each(|text| {
        let id = text.map_or(Some(0), |text| parse(text, is_binary));
        all_usual &= id.is_some();
        ids.push(id.unwrap_or_default());
    });
    Ok(all_usual)
}

/// Integers as unsigned numbers; negative ones keep their bits.
fn integers(column: &ArrayRef) -> Result<ArrayRef> {
    if *column.data_type() == DataType::UInt64 {
        return Ok(ArrayRef::clone(column));
    }
    let signed = cast(column, &DataType::Int64)?;
    Ok(ArrayRef::from(Box::new(
        signed.as_primitive::<Int64Type>().unary::<_, UInt64Type>(i64::cast_unsigned),
    ) as Box<dyn Array>))
}

/// The number of an id in a usual form.
fn parse(text: &[u8], is_binary: bool) -> Option<u64> {
    if is_binary && let Ok(bytes) = <[u8; ID_BYTES]>::try_from(text) {
        return Some(u64::from_be_bytes(bytes));
    }
    match <&[u8; 2 * ID_BYTES]>::try_from(text) {
        Ok(digits) => parse_hex(digits),
        Err(_) => is_none(text).then_some(0),
    }
}

/// Whether the text of an id means that there is none: empty, or all zeros.
fn is_none(text: &[u8]) -> bool {
    text.iter().all(|byte| *byte == b'0')
}

fn parse_hex(digits: &[u8; 2 * ID_BYTES]) -> Option<u64> {
    let mut id = 0;
    let mut seen = 0;
    for digit in digits {
        let value = HEX_VALUE[usize::from(*digit)];
        seen |= value;
        id = id << 4 | u64::from(value & 15);
    }
    (seen != NO_DIGIT).then_some(id)
}

const NO_DIGIT: u8 = u8::MAX;

/// The value of each character as a hex digit.
const HEX_VALUE: [u8; 256] = hex_values();

const fn hex_values() -> [u8; 256] {
    let mut values = [NO_DIGIT; 256];
    let mut i = 0;
    while i < 16 {
        values[b"0123456789abcdef"[i] as usize] = i as u8;
        values[b"0123456789ABCDEF"[i] as usize] = i as u8;
        i += 1;
    }
    values
}

/// Numbers the ids of both columns by text, from 1.
fn read_unusual(
    span: &ArrayRef,
    parent: &ArrayRef,
    span_ids: &mut Vec<u64>,
    parent_ids: &mut Vec<u64>,
) -> Result<()> {
    let columns = [normal_texts(span)?, normal_texts(parent)?];
    let mut known: Vec<&[u8]> = columns.iter().flatten().flatten().map(|text| &text[..]).collect();
    known.sort_unstable();
    known.dedup();
    let number = |text: &Option<Vec<u8>>| match text {
        None => 0,
        // Every text is among the known ones.
        Some(text) => known.binary_search(&&text[..]).map_or(0, |at| at as u64 + 1),
    };
    for (column, ids) in columns.iter().zip([span_ids, parent_ids]) {
        ids.clear();
        ids.extend(column.iter().map(number));
    }
    Ok(())
}

/// One spelling for each id: lowercase hex where it has a usual form, else the
/// text as it is. `None` where there is no id.
fn normal_texts(column: &ArrayRef) -> Result<Vec<Option<Vec<u8>>>> {
    if column.data_type().is_integer() {
        let numbers = integers(column)?;
        let numbers = numbers.as_primitive::<UInt64Type>();
        let hex = |id: u64| (id != 0).then(|| to_hex(id));
        return Ok(numbers.iter().map(|id| id.and_then(hex)).collect());
    }
    let texts = Texts::try_new(column)?;
    let normal = |text: &[u8]| match parse(text, texts.is_binary()) {
        Some(0) => None,
        Some(id) => Some(to_hex(id)),
        None => Some(Cow::Borrowed(text).into_owned()),
    };
    Ok((0..column.len()).map(|row| texts.get(row).and_then(normal)).collect())
}

fn to_hex(id: u64) -> Vec<u8> {
    format!("{id:016x}").into_bytes()
}
