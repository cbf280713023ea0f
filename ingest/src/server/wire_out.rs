//! Writes the protobuf wire format: answers, and payloads that are rewritten.

/// Wire type of numbers.
const VARINT: u8 = 0;
/// Wire type of bytes, text and messages.
pub(super) const LENGTH: u8 = 2;

pub(super) fn tag(out: &mut Vec<u8>, field: u32, wire_type: u8) {
    varint(out, u64::from(field) << 3 | u64::from(wire_type));
}

/// A field of bytes, of text or of a message.
pub(super) fn bytes(out: &mut Vec<u8>, field: u32, content: &[u8]) {
    tag(out, field, LENGTH);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// A field of a number; 0 is the default and is not written.
pub(super) fn integer(out: &mut Vec<u8>, field: u32, value: u64) {
    if value > 0 {
        tag(out, field, VARINT);
        varint(out, value);
    }
}

/// Begins a message whose content follows. `expected` is its length, if nothing is to change.
/// Returns what [`close`] needs.
pub(super) fn open(out: &mut Vec<u8>, expected: usize) -> usize {
    varint(out, expected as u64);
    out.len()
}

/// Ends the message that began with the same `expected`: writes its length.
pub(super) fn close(out: &mut Vec<u8>, start: usize, expected: usize) {
    let actual = out.len() - start;
    if actual == expected {
        return;
    }
    let mut length = Vec::with_capacity(10);
    varint(&mut length, actual as u64);
    // The content moves only if the length takes another number of bytes.
    out.splice(start - varint_len(expected)..start, length);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint_len(value: usize) -> usize {
    (usize::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}
