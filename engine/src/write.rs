//! Turns appended batches into committed Parquet files.
//!
//! ```text
//! append -> buffer -> (sort by day, trace, start) -> Parquet file per day -> commit
//! ```
//!
//! Rows of several sources (input files) share the buffer, so that a thousand small
//! sources do not make a thousand small Parquet files. A source that turns out to be
//! broken is rejected as a whole: its rows are kept apart until [`Writer::accept`].

mod parquet;
mod sort;

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use object_store::{ObjectStore, ObjectStoreExt};
use schema::SpanBatch;

use crate::catalog::{NewFile, TableLog, remove_uncommitted};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::paths;
use crate::settings::Settings;

/// Appends spans to a lake. Nothing is visible before [`Writer::commit`].
///
/// Memory is bounded by `Settings::write_buffer_bytes`: what does not fit is sorted and
/// written to files that no reader sees yet.
#[derive(Debug)]
pub struct Writer {
    store: Arc<dyn ObjectStore>,
    log: Arc<TableLog>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    accepted: Staged,
    current: Staged,
}

/// What one commit made visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        settings: Settings,
    ) -> Self {
        Self {
            store,
            log,
            clock,
            settings,
            accepted: Staged::default(),
            current: Staged::default(),
        }
    }

    /// Adds rows of the current source.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if a full buffer cannot be written; the source should then be rejected.
    pub async fn append(&mut self, batch: SpanBatch) -> Result<()> {
        let batch = batch.into_record_batch();
        self.current.bytes += batch.get_array_memory_size();
        self.current.batches.push(batch);
        if self.accepted.bytes + self.current.bytes > self.settings.write_buffer_bytes {
            let mut accepted = std::mem::take(&mut self.accepted);
            let flushed = self.flush(&mut accepted).await;
            self.accepted = accepted;
            flushed?;
        }
        if self.current.bytes > self.settings.write_buffer_bytes {
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
        remove_uncommitted(&*self.store, &current.files).await;
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
    /// [`Error::Store`] or [`Error::Log`]; the rows stay accepted, so the call may be repeated.
    pub async fn commit(&mut self) -> Result<Committed> {
        let mut accepted = std::mem::take(&mut self.accepted);
        let flushed = self.flush(&mut accepted).await;
        self.accepted = accepted;
        flushed?;
        let files = &self.accepted.files;
        let mut committed = Committed {
            spans: files.iter().map(|file| file.rows).sum(),
            files: files.len(),
            bytes: files.iter().map(|file| file.size_bytes).sum(),
            version: None,
        };
        if !files.is_empty() {
            committed.version = Some(self.log.commit(files).await?);
        }
        self.accepted = Staged::default();
        Ok(committed)
    }

    /// Removes what was written and not committed.
    pub async fn discard(mut self) {
        self.reject().await;
        remove_uncommitted(&*self.store, &self.accepted.files).await;
    }

    /// Writes the buffered rows of `staged` to sorted files, one per day. On failure the rows stay in the buffer.
    async fn flush(&self, staged: &mut Staged) -> Result<()> {
        if staged.batches.is_empty() {
            return Ok(());
        }
        let batches = staged.batches.clone();
        let row_group_rows = self.settings.row_group_rows;
        // Sorting and encoding are CPU work; the async threads stay free for I/O.
        let encoded =
            tokio::task::spawn_blocking(move || parquet::encode(&batches, row_group_rows))
                .await
                .map_err(|e| Error::Internal(format!("writing Parquet: {e}")))??;
        let mut files = Vec::with_capacity(encoded.len());
        for file in encoded {
            let path = paths::new_data_file(&file.date);
            let size_bytes = file.bytes.len() as u64;
            let written = self.store.put(&paths::in_lake(&path), file.bytes.into()).await;
            files.push(NewFile {
                path,
                date: file.date,
                size_bytes,
                rows: file.rows,
                start_time_range: file.start_time_range,
                written_ms: self.clock.now().timestamp_millis(),
            });
            if let Err(error) = written {
                remove_uncommitted(&*self.store, &files).await;
                return Err(error.into());
            }
        }
        staged.files.extend(files);
        staged.batches.clear();
        staged.bytes = 0;
        Ok(())
    }
}
