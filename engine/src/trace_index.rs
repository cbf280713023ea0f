//! Where the traces of one data file lie.
//!
//! Made from two columns of the file when it is first asked for. It answers two questions
//! without touching the rest of the file: which rows are those of a trace, and do two files
//! share a trace. Most files have none of the traces that a question is about; a
//! [`TraceKeys`] says so in a sixth of the memory. [`TraceIndexes`] keeps both, within bounds.
//!
//! Traces go by a 64-bit hash of their id. Two traces with one hash are taken together
//! by everyone who uses an index; whoever computes on rows tells them apart by the id.

mod cache;
mod keys;

use std::ops::Range;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use futures::TryStreamExt;
use schema::spans::{START_TIME_UNIX_NANO, TRACE_ID};
use xxhash_rust::xxh3::xxh3_64;

use crate::data_file_reader::{DataFileReader, read_error};
use crate::error::{Error, Result};
use crate::snapshot::DataFile;

pub(crate) use cache::TraceIndexes;
use keys::TraceKeys;

/// Rows read at a time.
const BATCH_ROWS: usize = 64 << 10;

/// Rows of one trace that follow each other in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TraceRun {
    /// Hash of the trace id: see [`trace_key`].
    pub(crate) key: u64,
    /// Number of the first row in the file.
    pub(crate) first: u32,
    /// Number of rows.
    pub(crate) rows: u32,
    /// Smallest start, in nanoseconds since the epoch.
    pub(crate) start_ns: i64,
}

/// The runs of one file, sorted by key, then by row.
#[derive(Debug)]
pub(crate) struct TraceIndex {
    runs: Vec<TraceRun>,
}

/// The hash that stands for a trace id. Ids are not always random.
pub(crate) fn trace_key(trace_id: &[u8]) -> u64 {
    xxh3_64(trace_id)
}

impl TraceIndex {
    /// Reads the index of a file of the table; `reader` reads that file.
    pub(crate) async fn read(reader: DataFileReader, file: &DataFile) -> Result<Self> {
        let corrupt = |reason: String| Error::Corrupt { path: file.path.to_string(), reason };
        let unreadable = |e| read_error(file, e);
        let builder = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(unreadable)?;
        let columns =
            ProjectionMask::columns(builder.parquet_schema(), [TRACE_ID, START_TIME_UNIX_NANO]);
        let mut batches = builder
            .with_projection(columns)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(unreadable)?;
        let mut runs: Vec<TraceRun> = Vec::new();
        let mut row: u32 = 0;
        let mut last_id = [0_u8; 16];
        while let Some(batch) = batches.try_next().await.map_err(unreadable)? {
            let ids = batch.column_by_name(TRACE_ID).and_then(|c| c.as_fixed_size_binary_opt());
            let starts = batch
                .column_by_name(START_TIME_UNIX_NANO)
                .and_then(|c| c.as_primitive_opt::<Int64Type>());
            let (Some(ids), Some(starts)) = (ids, starts) else {
                return Err(corrupt(format!("{TRACE_ID} or {START_TIME_UNIX_NANO} is missing")));
            };
            for (id, start_ns) in ids.values().chunks_exact(16).zip(starts.values()) {
                match runs.last_mut() {
                    Some(run) if last_id == id => {
                        run.rows += 1;
                        run.start_ns = run.start_ns.min(*start_ns);
                    }
                    _ => {
                        last_id.copy_from_slice(id);
                        runs.push(TraceRun {
                            key: trace_key(id),
                            first: row,
                            rows: 1,
                            start_ns: *start_ns,
                        });
                    }
                }
                row = row.checked_add(1).ok_or_else(|| corrupt("it has too many rows".into()))?;
            }
        }
        runs.sort_unstable();
        Ok(Self::new(runs))
    }

    /// `runs` are sorted.
    fn new(mut runs: Vec<TraceRun>) -> Self {
        // It is kept for long, and grew by doubling.
        runs.shrink_to_fit();
        Self { runs }
    }

    /// All runs, sorted by key, then by row.
    pub(crate) fn runs(&self) -> &[TraceRun] {
        &self.runs
    }

    /// The runs of the traces with one key.
    pub(crate) fn runs_of(&self, key: u64) -> &[TraceRun] {
        let first = self.runs.partition_point(|run| run.key < key);
        let len = self.runs[first..].partition_point(|run| run.key == key);
        &self.runs[first..first + len]
    }

    /// The runs of the traces in `keys`, which are sorted.
    pub(crate) fn runs_in(&self, keys: &[u64]) -> Vec<&TraceRun> {
        // A search per key costs more than walking along once there are many keys.
        const STEPS_PER_SEARCH: usize = 16;
        if keys.len() * STEPS_PER_SEARCH < self.runs.len() {
            return keys.iter().flat_map(|key| self.runs_of(*key)).collect();
        }
        let mut keys = keys.iter().copied().peekable();
        let is_wanted = |run: &&TraceRun| {
            while keys.next_if(|key| *key < run.key).is_some() {}
            keys.peek() == Some(&run.key)
        };
        self.runs.iter().filter(is_wanted).collect()
    }

    /// The keys of all traces, sorted, each once.
    pub(crate) fn keys(&self) -> Vec<u64> {
        let mut keys: Vec<u64> = self.runs.iter().map(|run| run.key).collect();
        keys.dedup();
        keys
    }

    fn bytes(&self) -> usize {
        self.runs.len() * size_of::<TraceRun>()
    }
}

/// Row ranges in file order; neighbours are joined.
pub(crate) fn row_ranges<'a>(runs: impl IntoIterator<Item = &'a TraceRun>) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = runs
        .into_iter()
        .map(|run| run.first as usize..run.first as usize + run.rows as usize)
        .collect();
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let joins = next.start <= last.end;
        if joins {
            last.end = last.end.max(next.end);
        }
        joins
    });
    ranges
}
