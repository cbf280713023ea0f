//! The bytes of a segment: its header, and its records.
//!
//! ```text
//! segment = header | record...
//! header  = magic | version u32 | epoch u32 | base_seq u64 | id [16] | len u32 | context | crc32 | zeros
//! record  = len u32 | type u8 | epoch u32 | seq u64 | group u64 | crc32 | body
//! ```
//!
//! Numbers are little endian. The checksum of a record covers its header, its body
//! and the random id of its segment, so that a block recycled from an older file
//! cannot validate. `group` is the offset up to which the segment was on disk when
//! the record was written: what lies before it can be lost by damage only, what lies
//! behind it also by a power cut. That is how a torn tail is told from corruption.
//!
//! # Not here
//!
//! No files: bytes in, bytes out.

use std::ops::Range;

use bytes::{Buf, BufMut, Bytes};
use uuid::Uuid;

use crate::write::wal::Payload;

const MAGIC: &[u8; 8] = b"SPANWAL\n";

/// Version of the format of segments. A reader refuses a higher one.
pub(super) const FORMAT_VERSION: u32 = 1;

/// Length of a header. Fixed, so that a damaged one still tells whether records follow.
pub(super) const HEADER_BYTES: usize = 16 << 10;

/// Length of what comes before the context.
const FIXED_FIELD_BYTES: usize = 8 + 4 + 4 + 8 + 16 + 4;

/// Longest context.
pub(crate) const MAX_CONTEXT_BYTES: usize = HEADER_BYTES - FIXED_FIELD_BYTES - 4;

/// Length of a record without its body.
pub(super) const RECORD_HEADER_BYTES: usize = 4 + 1 + 4 + 8 + 8 + 4;

/// Length of a payload's body without its bytes.
const PAYLOAD_HEADER_BYTES: usize = 1 + 8 + 8;

const PAYLOAD: u8 = 1;
const GAP: u8 = 2;

/// The header of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// Counts the starts of the writer.
    pub(super) epoch: u32,
    /// Number of the first record.
    pub(super) base_seq: u64,
    /// Random.
    pub(super) id: Uuid,
    /// What the decoder needs to decode as the first time.
    pub(super) context: String,
}

/// Why a header cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// It is damaged, or was never written whole.
    Damaged,
    /// A newer build wrote it.
    Newer(u32),
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.put_slice(MAGIC);
        out.put_u32_le(FORMAT_VERSION);
        out.put_u32_le(self.epoch);
        out.put_u64_le(self.base_seq);
        out.put_slice(self.id.as_bytes());
        out.put_u32_le(self.context.len() as u32);
        out.put_slice(self.context.as_bytes());
        out.put_u32_le(crc32fast::hash(&out));
        out.resize(HEADER_BYTES, 0);
        out
    }

    /// The header at the start of `bytes`.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        let bytes = bytes.get(..HEADER_BYTES).ok_or(BadHeader::Damaged)?;
        let mut rest = bytes;
        if !rest.starts_with(MAGIC) {
            return Err(BadHeader::Damaged);
        }
        rest.advance(MAGIC.len());
        let version = rest.get_u32_le();
        let epoch = rest.get_u32_le();
        let base_seq = rest.get_u64_le();
        let id = Uuid::from_u128(rest.get_u128());
        let context_len = rest.get_u32_le() as usize;
        // The version comes before the checksum: a later format may have another one.
        if version > FORMAT_VERSION {
            return Err(BadHeader::Newer(version));
        }
        if context_len > MAX_CONTEXT_BYTES {
            return Err(BadHeader::Damaged);
        }
        let end = FIXED_FIELD_BYTES + context_len;
        let stored = (&bytes[end..]).get_u32_le();
        if stored != crc32fast::hash(&bytes[..end]) {
            return Err(BadHeader::Damaged);
        }
        let context = String::from_utf8(bytes[FIXED_FIELD_BYTES..end].to_vec())
            .map_err(|_| BadHeader::Damaged)?;
        Ok(Self { epoch, base_seq, id, context })
    }
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// An accepted request.
    Payload(Payload),
    /// The records from the one with this number up to the given one, inclusive, were lost to damage.
    GapUpTo(u64),
}

/// A valid record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) seq: u64,
    /// The segment was on disk up to here when the record was written.
    pub(super) group: u64,
    /// Where it lies in the segment.
    pub(super) range: Range<usize>,
    pub(super) entry: Entry,
}

impl Record {
    /// Number of the last record that it stands for.
    pub(super) fn last_seq(&self) -> u64 {
        match self.entry {
            Entry::Payload(_) => self.seq,
            Entry::GapUpTo(last) => last,
        }
    }
}

/// Length of the record of a payload.
pub(super) fn payload_record_bytes(payload: &Payload) -> usize {
    RECORD_HEADER_BYTES + PAYLOAD_HEADER_BYTES + payload.bytes.len()
}

/// Appends a record to `out`.
pub(super) fn encode_record(
    out: &mut Vec<u8>,
    segment: &SegmentHeader,
    (seq, group): (u64, u64),
    entry: &Entry,
) {
    let start = out.len();
    let (kind, body_bytes) = match entry {
        Entry::Payload(payload) => (PAYLOAD, PAYLOAD_HEADER_BYTES + payload.bytes.len()),
        Entry::GapUpTo(_) => (GAP, 8),
    };
    out.reserve(RECORD_HEADER_BYTES + body_bytes);
    out.put_u32_le(body_bytes as u32);
    out.put_u8(kind);
    out.put_u32_le(segment.epoch);
    out.put_u64_le(seq);
    out.put_u64_le(group);
    let crc_at = out.len();
    out.put_u32_le(0);
    match entry {
        Entry::Payload(payload) => {
            out.put_u8(payload.format);
            out.put_i64_le(payload.received_ns);
            out.put_u64_le(payload.spans);
            out.put_slice(&payload.bytes);
        }
        Entry::GapUpTo(last) => out.put_u64_le(*last),
    }
    let crc = checksum(segment, &out[start..crc_at], &out[crc_at + 4..]);
    out[crc_at..crc_at + 4].copy_from_slice(&crc.to_le_bytes());
}

/// The record at `offset`, if a valid one starts there.
pub(super) fn decode_record(
    segment: &SegmentHeader,
    bytes: &Bytes,
    offset: usize,
) -> Option<Record> {
    let header = bytes.get(offset..offset.checked_add(RECORD_HEADER_BYTES)?)?;
    let mut rest = header;
    let body_bytes = rest.get_u32_le() as usize;
    let kind = rest.get_u8();
    let epoch = rest.get_u32_le();
    let seq = rest.get_u64_le();
    let group = rest.get_u64_le();
    let stored = rest.get_u32_le();
    // Cheap checks first: a search for records tries every offset.
    if epoch != segment.epoch || seq < segment.base_seq || group > offset as u64 {
        return None;
    }
    let body_start = offset + RECORD_HEADER_BYTES;
    let end = body_start.checked_add(body_bytes)?;
    let body = bytes.get(body_start..end)?;
    let entry = match kind {
        PAYLOAD if body_bytes >= PAYLOAD_HEADER_BYTES => {
            let mut fields = body;
            Entry::Payload(Payload {
                format: fields.get_u8(),
                received_ns: fields.get_i64_le(),
                spans: fields.get_u64_le(),
                bytes: bytes.slice(body_start + PAYLOAD_HEADER_BYTES..end),
            })
        }
        GAP if body_bytes == 8 => Entry::GapUpTo((&body[..]).get_u64_le()),
        _ => return None,
    };
    let valid = stored == checksum(segment, &header[..RECORD_HEADER_BYTES - 4], body);
    valid.then_some(Record { seq, group, range: offset..end, entry })
}

fn checksum(segment: &SegmentHeader, header: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(segment.id.as_bytes());
    hasher.update(header);
    hasher.update(body);
    hasher.finalize()
}
