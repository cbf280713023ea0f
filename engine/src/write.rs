//! Turns appended batches into committed Parquet files.
//!
//! ```text
//! import: Writer -> buffer ------------------------+
//!                                                  +-> Parquet file per day -> commit
//! live:   Intake -> wal -> memtable -> flush ------+
//! ```
//!
//! An import ([`Writer`]) promises nothing before its commit. The live path
//! ([`Intake`]) promises every request that it answers: `wal`, `memtable`, `flush`.
//!
//! # Imports
//!
//! Rows of several sources (input files) share the buffer, so that a thousand small
//! sources do not make a thousand small Parquet files. A source that turns out to be
//! broken is rejected as a whole: its rows are kept apart until [`Writer::accept`].

mod data_files;
mod days;
mod flush;
mod intake;
mod memtable;
mod parquet;
mod row_group;
mod text_codes;
mod wal;

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use object_store::ObjectStore;
use schema::SpanBatch;

use crate::catalog::{NewFile, TableLog, remove_uncommitted};
use crate::clock::Clock;
use crate::error::Result;
use crate::memory_size::memory_bytes;
use crate::settings::Settings;

pub(crate) use data_files::DataFiles;
pub(crate) use days::{date, day_of};
pub use intake::{Condition, Decode, Intake, IntakeError, IntakeStatus, TIMING_BOUNDS, Timings};
pub(crate) use intake::{Live, Parts};
pub(crate) use parquet::writer_properties;
pub(crate) use row_group::RowGroupWriter;
pub(crate) use text_codes::coded_text;

pub use wal::{Payload, count_segments};

/// Appends spans to a lake. Nothing is visible before [`Writer::commit`].
///
/// Memory is bounded by `Settings::write_buffer_bytes`: what does not fit is
/// written to files that no reader sees yet.
#[derive(Debug)]
pub struct Writer {
    files: DataFiles,
    log: Arc<TableLog>,
    buffer_bytes: usize,
    accepted: Staged,
    current: Staged,
}

/// What one commit made visible.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// Number of spans.
    pub spans: u64,
    /// Number of Parquet files.
    pub files: usize,
    /// Size of these files.
    pub bytes: u64,
    /// The table version that holds them; `None` if there was nothing to commit.
    pub version: Option<u64>,
}

impl Committed {
    fn of_files(files: &[NewFile], version: Option<u64>) -> Self {
        Self {
            spans: files.iter().map(|file| file.rows).sum(),
            files: files.len(),
            bytes: files.iter().map(|file| file.size_bytes).sum(),
            version,
        }
    }

    /// This and a later one as one.
    fn and(self, later: Self) -> Self {
        Self {
            spans: self.spans + later.spans,
            files: self.files + later.files,
            bytes: self.bytes + later.bytes,
            version: later.version.or(self.version),
        }
    }
}

#[derive(Debug, Default)]
struct Staged {
    batches: Vec<RecordBatch>,
    bytes: usize,
    files: Vec<NewFile>,
}

impl Writer {
    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        log: Arc<TableLog>,
        clock: Arc<dyn Clock>,
        settings: &Settings,
    ) -> Self {
        let row_group_rows = settings.row_group_rows;
        Self {
            files: DataFiles { store, clock, row_group_rows },
            log,
            buffer_bytes: settings.write_buffer_bytes,
            accepted: Staged::default(),
            current: Staged::default(),
        }
    }

    /// Adds rows of the current source.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Store`] if a full buffer cannot be written; the source should then be rejected.
    pub async fn append(&mut self, batch: SpanBatch) -> Result<()> {
        let batch = batch.into_received();
        self.current.bytes += memory_bytes(&batch);
        self.current.batches.push(batch);
        if self.accepted.bytes + self.current.bytes > self.buffer_bytes {
            let mut accepted = std::mem::take(&mut self.accepted);
            let flushed = self.flush(&mut accepted).await;
            self.accepted = accepted;
            flushed?;
        }
        if self.current.bytes > self.buffer_bytes {
            let mut current = std::mem::take(&mut self.current);
            let flushed = self.flush(&mut current).await;
            self.current = current;
            flushed?;
        }
        Ok(())
    }

    /// Ends the current source: its rows will be part of the next commit.
    pub fn accept(&mut self) {
        let current = std::mem::take(&mut self.current);
        self.accepted.batches.extend(current.batches);
        self.accepted.bytes += current.bytes;
        self.accepted.files.extend(current.files);
    }

    /// Forgets the rows of the current source, as if they had never been appended.
    pub async fn reject(&mut self) {
        let current = std::mem::take(&mut self.current);
        remove_uncommitted(&*self.files.store, &current.files).await;
    }

    /// Number of accepted rows in files or in the buffer that are not committed yet.
    pub fn accepted_rows(&self) -> u64 {
        let buffered: usize = self.accepted.batches.iter().map(RecordBatch::num_rows).sum();
        let written: u64 = self.accepted.files.iter().map(|file| file.rows).sum();
        buffered as u64 + written
    }

    /// Makes all accepted rows visible in one step.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Store`] or [`crate::Error::Log`]; the rows stay accepted, so the call may be repeated.
    pub async fn commit(&mut self) -> Result<Committed> {
        let mut accepted = std::mem::take(&mut self.accepted);
        let flushed = self.flush(&mut accepted).await;
        self.accepted = accepted;
        flushed?;
        let files = &self.accepted.files;
        let mut committed = Committed::of_files(files, None);
        if !files.is_empty() {
            committed.version = Some(self.log.commit(files).await?);
        }
        self.accepted = Staged::default();
        Ok(committed)
    }

    /// Removes what was written and not committed.
    pub async fn discard(mut self) {
        self.reject().await;
        remove_uncommitted(&*self.files.store, &self.accepted.files).await;
    }

    /// Writes the buffered rows of `staged` to files, one per day. On failure the rows stay in the buffer.
    async fn flush(&self, staged: &mut Staged) -> Result<()> {
        if staged.batches.is_empty() {
            return Ok(());
        }
        staged.files.extend(self.files.write(staged.batches.clone()).await?);
        staged.batches.clear();
        staged.bytes = 0;
        Ok(())
    }
}
