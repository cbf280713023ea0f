//! Small numbers as runs and packed groups, as Parquet stores levels and dictionary indices.
//!
//! The hybrid of <https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE>: either
//! a value and how often it follows itself, or groups of eight values of `bits` bits each.

use datafusion::arrow::buffer::NullBuffer;

/// From this length on a run is shorter as a run: packed it would take `bits` bytes and more.
const SHORTEST_RUN: usize = 8;
const GROUP: usize = 8;

/// The bits that numbers up to `largest` need.
pub(super) fn bits_for(largest: u32) -> u8 {
    (u32::BITS - largest.leading_zeros()) as u8
}

/// Appends `values`, each below `2^bits`.
pub(super) fn append(values: &[u32], bits: u8, out: &mut Vec<u8>) {
    let mut packed_from = 0;
    let mut at = 0;
    while at < values.len() {
        let run = values[at..].iter().take_while(|value| **value == values[at]).count();
        let in_group = (at - packed_from) % GROUP;
        // Without bits nothing can be packed.
        if in_group == 0 && (run >= SHORTEST_RUN || bits == 0) {
            append_packed(&values[packed_from..at], bits, out);
            append_varint((run as u64) << 1, out);
            out.extend_from_slice(&values[at].to_le_bytes()[..usize::from(bits.div_ceil(8))]);
            at += run;
            packed_from = at;
        } else {
            // Only whole groups may stand between runs.
            at += run.min(GROUP - in_group);
        }
    }
    append_packed(&values[packed_from..], bits, out);
}

/// Appends a one-bit number for each of `rows`: whether it is valid.
pub(super) fn append_bits(validity: Option<&NullBuffer>, rows: usize, out: &mut Vec<u8>) {
    let invalid = validity.map_or(0, NullBuffer::null_count);
    match validity {
        Some(validity) if invalid > 0 && invalid < rows => {
            append_varint(((rows.div_ceil(GROUP) as u64) << 1) | 1, out);
            out.extend_from_slice(&validity.inner().sliced());
            // What is beyond the last row is filled up with zeros.
            if let (Some(last), beyond @ 1..) = (out.last_mut(), rows % GROUP) {
                *last &= (1 << beyond) - 1;
            }
        }
        _ => {
            append_varint((rows as u64) << 1, out);
            out.push(u8::from(invalid == 0));
        }
    }
}

fn append_packed(values: &[u32], bits: u8, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    append_varint(((values.len().div_ceil(GROUP) as u64) << 1) | 1, out);
    for group in values.chunks(GROUP) {
        let mut pending = 0_u64;
        let mut pending_bits = 0;
        for value in group {
            pending |= u64::from(*value) << pending_bits;
            pending_bits += u32::from(bits);
            while pending_bits >= 8 {
                out.push(pending as u8);
                pending >>= 8;
                pending_bits -= 8;
            }
        }
        // The last group is filled up with zeros.
        let missing = usize::from(bits) - (group.len() * usize::from(bits)) / 8;
        if group.len() < GROUP {
            out.push(pending as u8);
            out.extend(std::iter::repeat_n(0, missing - 1));
        }
    }
}

fn append_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
