//! Spans that are acknowledged and not in the table yet.
//!
//! The list of chunks is replaced, never changed: a reader that took it keeps it.
//! A flush does not take anything out before its commit is there; readers leave out
//! what the table that they read holds already (`MemoryChunk::after`).
//!
//! # Not here
//!
//! No files, and no decision when to flush.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use schema::received::repeated_bytes_at_most;

use crate::snapshot::MemoryChunk;

/// Chunks are merged up to this number of rows: thousands of tiny ones cost more than their rows.
const MERGED_ROWS: usize = 8 << 10;
/// Bytes that a merged chunk may have beyond those in memory, once each row has all of its text. Text of
/// 2 GiB would not fit a column.
const MERGED_BYTES: usize = 1 << 30;
/// A chunk of this size stays as it is: to copy it would cost more than its neighbour does.
const LARGE_ROWS: usize = 2 << 10;

/// The spans in memory, in the order of the log.
#[derive(Debug, Default)]
pub(crate) struct Memtable {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    chunks: Vec<Timed>,
    bytes: u64,
    rows: u64,
}

#[derive(Debug, Clone)]
struct Timed {
    chunk: Arc<MemoryChunk>,
    since: Instant,
}

/// How much is in memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MemtableSize {
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    /// How long the oldest row has been there.
    pub(crate) age: Option<Duration>,
}

impl Memtable {
    /// Adds the rows of one record. Records come in the order of their numbers.
    pub(crate) fn insert(&self, seq: u64, batches: impl IntoIterator<Item = RecordBatch>) {
        let since = Instant::now();
        let mut state = self.state();
        for batch in batches {
            if batch.num_rows() == 0 {
                continue;
            }
            state.rows += batch.num_rows() as u64;
            state.push(Timed { chunk: Arc::new(MemoryChunk::new(seq, batch)), since });
        }
    }

    /// The chunks of now.
    pub(crate) fn chunks(&self) -> Vec<Arc<MemoryChunk>> {
        self.state().chunks.iter().map(|timed| Arc::clone(&timed.chunk)).collect()
    }

    /// The oldest chunks, up to about `bytes`; at least one, if there is any. Ends between two records.
    pub(crate) fn oldest(&self, bytes: u64) -> Vec<Arc<MemoryChunk>> {
        let state = self.state();
        let mut taken: Vec<Arc<MemoryChunk>> = Vec::new();
        let mut taken_bytes = 0;
        for Timed { chunk, .. } in &state.chunks {
            let fits = taken_bytes + chunk.bytes() <= bytes;
            let same_record = taken.last().is_some_and(|last| last.last_seq() == chunk.first_seq());
            if !fits && !same_record && !taken.is_empty() {
                break;
            }
            taken_bytes += chunk.bytes();
            taken.push(Arc::clone(chunk));
        }
        taken
    }

    /// Removes the rows of all records up to `seq`.
    pub(crate) fn drop_through(&self, seq: u64) {
        let mut state = self.state();
        let kept = state
            .chunks
            .iter()
            .filter_map(|Timed { chunk, since }| {
                Some(Timed { chunk: MemoryChunk::after(chunk, seq)?, since: *since })
            })
            .collect();
        state.chunks = kept;
        state.bytes = state.chunks.iter().map(|timed| timed.chunk.bytes()).sum();
        state.rows = state.chunks.iter().map(|timed| timed.chunk.rows() as u64).sum();
    }

    pub(crate) fn size(&self) -> MemtableSize {
        let state = self.state();
        MemtableSize {
            bytes: state.bytes,
            rows: state.rows,
            age: state.chunks.first().map(|timed| timed.since.elapsed()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock still holds a whole list: it is replaced in one assignment.
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    /// Adds a chunk. Neighbours of like size are merged, so each row is copied a few times at most.
    fn push(&mut self, mut new: Timed) {
        while let Some(last) = self.chunks.last()
            && new.chunk.rows() < LARGE_ROWS
            && last.chunk.rows() + new.chunk.rows() <= MERGED_ROWS
            && last.chunk.rows() <= 2 * new.chunk.rows()
            && let Some(merged) = merge(&last.chunk, &new.chunk)
        {
            new = Timed { chunk: Arc::new(merged), since: last.since };
            self.bytes -= last.chunk.bytes();
            self.chunks.pop();
        }
        self.bytes += new.chunk.bytes();
        self.chunks.push(new);
    }
}

/// `None` if the rows are too large for one batch: then they stay apart. They may be so only in a
/// query, where each row has what it shares here.
fn merge(first: &MemoryChunk, second: &MemoryChunk) -> Option<MemoryChunk> {
    let batches = [first.batch(), second.batch()];
    if batches.into_iter().map(repeated_bytes_at_most).sum::<usize>() > MERGED_BYTES {
        return None;
    }
    let batch = concat_batches(&first.batch().schema(), batches).ok()?;
    Some(first.followed_by(second, batch))
}

#[cfg(test)]
mod tests;
