//! Brings the records of the log back into memory at the start.
//!
//! Memory is bounded: one segment is read at a time, decoded in slices, and flushed
//! when the memtable is full.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use schema::SpanBatch;

use super::status::Counters;
use super::{Decode, blocking, rows_of};
use crate::error::Result;
use crate::write::flush::Flusher;
use crate::write::memtable::Memtable;
use crate::write::wal::{Logged, LoggedSegment, Recovery};

/// Payload bytes that are decoded at a time.
const SLICE_BYTES: usize = 8 << 20;

/// Decodes what the table does not have, and puts it into memory.
pub(super) async fn replay(
    mut recovery: Recovery,
    decode: Arc<dyn Decode>,
    memtable: &Memtable,
    flusher: &mut Flusher,
    counters: &Counters,
    flush_bytes: u64,
) -> Result<Recovery> {
    let mut replayed = 0;
    loop {
        let (returned, segment) = blocking(move || {
            let segment = recovery.next_segment()?;
            Ok((recovery, segment))
        })
        .await?;
        recovery = returned;
        let Some(LoggedSegment { context, path, records }) = segment else { break };
        let mut reader =
            Reader { decode: Arc::clone(&decode), context, path, records: records.into() };
        let mut undecodable = Vec::new();
        while !reader.records.is_empty() {
            let (returned, slice) = blocking(move || {
                let slice = reader.next_slice();
                Ok((reader, slice))
            })
            .await?;
            reader = returned;
            for (record, decoded) in slice {
                match decoded {
                    Ok(batches) => memtable.insert(record.seq, rows_of(batches)),
                    Err(reason) => {
                        recovery.undecodable(&reader.path, &record, &reason)?;
                        undecodable.push(record.seq);
                    }
                }
                replayed += 1;
            }
            while memtable.size().bytes >= flush_bytes {
                flusher.flush_oldest().await?;
            }
        }
        if !undecodable.is_empty() {
            let path = reader.path.clone();
            recovery = blocking(move || {
                recovery.forget(&path, &undecodable)?;
                Ok(recovery)
            })
            .await?;
        }
        tracing::info!(file = %reader.path.display(), records = replayed, "read back");
    }
    let (torn_bytes, corrupt_bytes) = (recovery.torn_bytes, recovery.corrupt_bytes);
    let committed_seq = flusher.committed_seq();
    counters.update(|status| {
        status.replayed_records = replayed;
        status.torn_bytes = torn_bytes;
        status.corrupt_bytes = corrupt_bytes;
        status.committed_seq = committed_seq;
    });
    Ok(recovery)
}

/// A segment that is being decoded.
struct Reader {
    decode: Arc<dyn Decode>,
    context: String,
    path: PathBuf,
    records: VecDeque<Logged>,
}

impl Reader {
    fn next_slice(&mut self) -> Vec<(Logged, Result<Vec<SpanBatch>, String>)> {
        let mut slice = Vec::new();
        let mut bytes = 0;
        while bytes < SLICE_BYTES
            && let Some(record) = self.records.pop_front()
        {
            bytes += record.payload.bytes.len();
            let decoded = self.decode.decode(&record.payload, &self.context);
            slice.push((record, decoded));
        }
        slice
    }
}
