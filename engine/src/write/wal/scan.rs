//! Finds the records of a segment, and tells a torn tail from damage.
//!
//! A power cut can lose or tear what was written since the last sync, which is the
//! last group of the last segment. Anything else that does not validate is damage.
//!
//! # Not here
//!
//! No files, and no decision about what to do with damage.

use std::ops::Range;

use bytes::Bytes;

use super::record::{HEADER_BYTES, Record, SegmentHeader, decode_record};

/// What a segment holds.
#[derive(Debug)]
pub(super) struct Scan {
    /// The valid records, in the order of their numbers.
    pub(super) records: Vec<Record>,
    /// Bytes that were being written when the power went: no success was answered for them.
    pub(super) torn_bytes: u64,
    /// Where records were lost that may have been acknowledged.
    pub(super) damage: Vec<Damage>,
}

/// A place where a segment does not hold what was written to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    /// The bytes that hold no valid record.
    pub(super) range: Range<usize>,
    /// The numbers of the records that are missing.
    pub(super) lost: Range<u64>,
}

/// Reads the records of a segment.
pub(super) fn scan(header: &SegmentHeader, bytes: &Bytes, is_last: bool) -> Scan {
    let mut records: Vec<Record> = Vec::new();
    let mut damage = Vec::new();
    // Room that was reserved and not used reads as zeros.
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let mut offset = HEADER_BYTES;
    let mut expected = header.base_seq;
    while offset < end {
        let next = (offset..end).find_map(|at| {
            decode_record(header, bytes, at).filter(|record| record.seq >= expected)
        });
        let Some(record) = next else {
            damage.push(Damage { range: offset..end, lost: expected..expected + 1 });
            break;
        };
        if record.range.start != offset || record.seq != expected {
            let range = offset..record.range.start;
            damage.push(Damage { range, lost: expected..record.seq });
        }
        offset = record.range.end;
        expected = record.last_seq() + 1;
        records.push(record);
    }
    let mut torn_bytes = 0;
    if is_last {
        // No record behind it was written after it had been synced. Complete records of a torn
        // group stay: a request without an answer may be stored.
        let synced = records.last().map_or(0, |record| record.group as usize);
        let torn = damage.iter().position(|damage| damage.range.start >= synced);
        let torn = damage.split_off(torn.unwrap_or(damage.len()));
        torn_bytes = torn.iter().map(|damage| damage.range.len() as u64).sum();
    }
    Scan { records, torn_bytes, damage }
}

#[cfg(test)]
mod tests;
