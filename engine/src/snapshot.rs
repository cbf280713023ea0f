//! The one value that the write path and the read path share.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::error::ArrowError;
use object_store::path::Path;
use schema::spans::TRACE_ID;

use crate::memory_size::memory_bytes;
use crate::rollup::RollupParts;
use crate::trace_index::trace_key;

/// One version of the `spans` table: the files that it consists of, and acknowledged
/// rows that are in none of them yet. Immutable.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Version of the table log.
    pub version: u64,
    /// The data files, in the order of their paths.
    pub files: Arc<[DataFile]>,
    /// Rows in memory, in the order in which they came.
    pub memory: Arc<[Arc<MemoryChunk>]>,
}

impl Snapshot {
    /// No rows.
    pub(crate) fn empty() -> Self {
        Self { version: 0, files: Arc::default(), memory: Arc::default() }
    }
}

/// One Parquet file of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Path relative to the table folder.
    pub path: Path,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Number of rows, if the log says.
    pub rows: Option<u64>,
    /// Smallest and largest `start_time_unix_nano`, if the log says.
    pub start_time_range: Option<(i64, i64)>,
    /// How rows lie in it.
    pub layout: Layout,
    /// The partition, `YYYY-MM-DD`.
    pub date: String,
    /// When it was written, in milliseconds since the epoch.
    pub written_ms: i64,
    /// Whether some of its traces stand for others that are gone: see [`crate::Engine::thin`].
    pub is_thinned: bool,
    /// What there is of its rollup.
    pub rollup: RollupParts,
    /// XXH3 of its content in 128 bits as hex, if the log says.
    pub hash: Option<String>,
}

/// How rows lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As they came, or as another writer wanted.
    Arrival,
    /// Every trace as a whole, its rows side by side, with tree columns and a summary.
    Assembled,
}

/// Rows of one or more records of the write-ahead log, in no order.
#[derive(Debug)]
pub struct MemoryChunk {
    batch: RecordBatch,
    bytes: u64,
    /// Number of each record, and where its rows end.
    ends: Vec<(u64, usize)>,
    /// The keys of its traces, sorted, each once; made when first asked for.
    trace_keys: OnceLock<Vec<u64>>,
}

impl Snapshot {
    /// Number of rows in memory.
    pub fn memory_rows(&self) -> usize {
        self.memory.iter().map(|chunk| chunk.rows()).sum()
    }

    /// Number of the last log record whose rows are in memory; 0 if there are none. With the
    /// version it says which rows the snapshot has.
    pub fn memory_seq(&self) -> u64 {
        self.memory.last().map_or(0, |chunk| chunk.last_seq())
    }
}

impl MemoryChunk {
    pub(crate) fn new(seq: u64, batch: RecordBatch) -> Self {
        let ends = vec![(seq, batch.num_rows())];
        Self { bytes: memory_bytes(&batch) as u64, ends, batch, trace_keys: OnceLock::new() }
    }

    /// This chunk and the next one, whose rows together are `batch`.
    pub(crate) fn followed_by(&self, next: &Self, batch: RecordBatch) -> Self {
        let rows = self.rows();
        let mut ends = self.ends.clone();
        ends.extend(next.ends.iter().map(|(seq, end)| (*seq, rows + end)));
        Self { bytes: memory_bytes(&batch) as u64, ends, batch, trace_keys: OnceLock::new() }
    }

    /// The rows of the records behind `seq`, if there are any.
    pub(crate) fn after(chunk: &Arc<Self>, seq: u64) -> Option<Arc<Self>> {
        if chunk.last_seq() <= seq {
            return None;
        }
        if chunk.first_seq() > seq {
            return Some(Arc::clone(chunk));
        }
        let kept = chunk.ends.partition_point(|(record, _)| *record <= seq);
        let start = chunk.ends[..kept].last().map_or(0, |(_, end)| *end);
        Some(Arc::new(Self {
            batch: chunk.batch.slice(start, chunk.rows() - start),
            bytes: chunk.bytes,
            ends: chunk.ends[kept..].iter().map(|(seq, end)| (*seq, end - start)).collect(),
            trace_keys: OnceLock::new(),
        }))
    }

    /// The rows, as they were received: see [`schema::received`].
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// The keys of the traces that rows are of, sorted, each once.
    pub(crate) fn trace_keys(&self) -> &[u64] {
        self.trace_keys.get_or_init(|| {
            let ids = self.batch.column_by_name(TRACE_ID).map(|ids| ids.as_fixed_size_binary());
            let mut keys: Vec<u64> =
                ids.iter().flat_map(|ids| ids.iter().flatten()).map(trace_key).collect();
            keys.sort_unstable();
            keys.dedup();
            keys
        })
    }

    /// Whether there are rows of a trace with that key.
    pub(crate) fn has(&self, key: u64) -> bool {
        self.trace_keys().binary_search(&key).is_ok()
    }

    /// The rows of the traces in `keys`, which are sorted; `None` if there are none.
    pub(crate) fn rows_of(&self, keys: &[u64]) -> Result<Option<RecordBatch>, ArrowError> {
        if !keys.iter().any(|key| self.has(*key)) {
            return Ok(None);
        }
        let Some(ids) = self.batch.column_by_name(TRACE_ID) else { return Ok(None) };
        let is_wanted =
            |id: Option<&[u8]>| id.is_some_and(|id| keys.binary_search(&trace_key(id)).is_ok());
        let wanted: BooleanArray =
            ids.as_fixed_size_binary().iter().map(|id| Some(is_wanted(id))).collect();
        filter_record_batch(&self.batch, &wanted).map(Some)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn first_seq(&self) -> u64 {
        self.ends.first().map_or(0, |(seq, _)| *seq)
    }

    pub(crate) fn last_seq(&self) -> u64 {
        self.ends.last().map_or(0, |(seq, _)| *seq)
    }
}
