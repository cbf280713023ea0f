//! Assembly: fresh files become files in which every trace lies as a whole.
//!
//! ```text
//! plan     choose files; group their rows by trace; divide the traces into units, by time
//! unit     read the rows of some traces, compute their trees, order the rows
//! output   row groups and files, one at a time for each day
//! commit   the new files in the place of the old ones, in one step
//! ```
//!
//! Answers do not depend on it: readers compute from fresh rows what they read from
//! assembled ones. A trace that is assembled and has fresh rows too is computed as a
//! whole by readers, until its file is assembled again. So assembly may be late, may
//! be stopped at any moment, and may lose against another process: then its files,
//! which nobody has seen, are removed.
//!
//! Memory is bounded by the rows of two units and the compressed files of one commit.

mod attribute_columns;
mod coded;
mod fates;
mod input;
mod output;
mod plan;
mod unit;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::SchemaRef;
use object_store::{ObjectStore, ObjectStoreExt};
use schema::TraceId;
use schema::spans::{SAMPLE_WEIGHT, stored_schema};

use crate::catalog::{Change, NewFile, Replaced, Replacement, TableLog, remove_uncommitted};
use crate::clock::Clock;
use crate::content_hash::content_hash;
use crate::error::{Error, Result};
use crate::paths;
use crate::remove::Removed;
use crate::settings::CompactSettings;
use crate::snapshot::{DataFile, Layout, Snapshot};
use crate::trace_index::TraceIndexes;
use crate::write::{DataFiles, date};
pub(crate) use fates::Fates;
use input::{Input, columns_of};
use output::{Finished, Output};
pub(crate) use plan::take_rows;
use plan::{Plan, Rows};
use unit::{Slice, Unit};

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Assembled {
    /// Spans that lie in whole traces now.
    pub spans: u64,
    /// Spans that were looked at and stay fresh.
    pub left: u64,
    /// Number and bytes of the files that were replaced.
    pub files_before: usize,
    /// Their size.
    pub bytes_before: u64,
    /// Number of the files that replace them.
    pub files_after: usize,
    /// Their size.
    pub bytes_after: u64,
    /// The new table version; `None` if nothing was done.
    pub version: Option<u64>,
}

impl Assembled {
    /// This and a later run as one.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        Self {
            spans: self.spans + later.spans,
            left: later.left,
            files_before: self.files_before + later.files_before,
            bytes_before: self.bytes_before + later.bytes_before,
            files_after: self.files_after + later.files_after,
            bytes_after: self.bytes_after + later.bytes_after,
            version: later.version.or(self.version),
        }
    }
}

/// How far taking traces out has come.
#[derive(Debug)]
pub(crate) enum TakenOut {
    /// Some files are written again; others may have the traces, too.
    Some(Removed),
    /// Another process was faster, and nothing has changed.
    Lost,
    /// No file has the traces.
    Nothing,
}

/// Assembles the traces of one lake.
#[derive(Debug)]
pub(crate) struct Assembler {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) log: Arc<TableLog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) indexes: Arc<TraceIndexes>,
    pub(crate) row_group_rows: usize,
    pub(crate) settings: CompactSettings,
}

impl Assembler {
    /// One commit's worth of work, on the files of `snapshot`.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Log`] if something cannot be read or written; nothing has changed,
    /// or everything has. The call may be repeated.
    pub(crate) async fn run(&self, snapshot: &Snapshot) -> Result<Assembled> {
        let mut in_memory: Vec<u64> =
            snapshot.memory.iter().flat_map(|chunk| chunk.trace_keys().iter().copied()).collect();
        in_memory.sort_unstable();
        in_memory.dedup();
        self.indexes.keep_only(&snapshot.files);
        let now_ms = self.clock.now().timestamp_millis();
        let plan = Plan::new(snapshot, &in_memory, &self.indexes, &self.settings, now_ms).await?;
        let Some(plan) = plan else { return Ok(Assembled::default()) };
        Ok(self.carry_out(&plan, snapshot, &Fates::default()).await?.unwrap_or_default())
    }

    /// Takes whole traces out of some of the files that have them: one commit's worth of work.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub(crate) async fn erase(
        &self,
        snapshot: &Snapshot,
        traces: &HashSet<TraceId>,
    ) -> Result<TakenOut> {
        self.indexes.keep_only(&snapshot.files);
        let plan = Plan::without(snapshot, traces, &self.indexes, &self.settings).await?;
        let Some(plan) = plan else { return Ok(TakenOut::Nothing) };
        let fates = Fates { gone: traces.clone(), ..Fates::default() };
        self.take_out(&plan, snapshot, &fates).await
    }

    /// Writes assembled files of the snapshot again, in one commit, as `fates` says; they are thinned then.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub(crate) async fn thin(
        &self,
        snapshot: &Snapshot,
        files: Vec<DataFile>,
        fates: &Fates,
    ) -> Result<TakenOut> {
        let mut plan = Plan::again(files, &self.indexes, &self.settings).await?;
        plan.inputs.iter_mut().for_each(|file| file.is_thinned = true);
        self.take_out(&plan, snapshot, fates).await
    }

    async fn take_out(&self, plan: &Plan, snapshot: &Snapshot, fates: &Fates) -> Result<TakenOut> {
        let Some(done) = self.carry_out(plan, snapshot, fates).await? else {
            return Ok(TakenOut::Lost);
        };
        let rows: u64 = plan.inputs.iter().filter_map(|file| file.rows).sum();
        Ok(TakenOut::Some(Removed {
            spans: rows.saturating_sub(done.spans + done.left),
            files: done.files_before,
            bytes: done.bytes_before.saturating_sub(done.bytes_after),
            version: done.version,
        }))
    }

    /// Writes the new files and commits them. `None` if another process was faster.
    async fn carry_out(
        &self,
        plan: &Plan,
        snapshot: &Snapshot,
        fates: &Fates,
    ) -> Result<Option<Assembled>> {
        let mut files = Vec::new();
        let written = self.write(plan, fates, &mut files).await;
        let change = if fates.is_empty() { Change::None } else { Change::FewerRows };
        let replacement = Replacement {
            seen: snapshot,
            old: &plan.inputs,
            new: &files,
            change,
            now_ms: self.clock.now().timestamp_millis(),
        };
        let replaced = match written {
            Ok(()) => self.log.replace(replacement).await,
            Err(error) => {
                remove_uncommitted(&*self.store, &files).await;
                return Err(error);
            }
        };
        let done = |layout: fn(Layout) -> bool| -> u64 {
            files.iter().filter(|file| layout(file.layout)).map(|file| file.rows).sum()
        };
        match replaced? {
            Replaced::Done { version } => Ok(Some(Assembled {
                spans: done(|layout| layout == Layout::Assembled),
                left: done(|layout| layout != Layout::Assembled),
                files_before: plan.inputs.len(),
                bytes_before: plan.inputs.iter().map(|file| file.size_bytes).sum(),
                files_after: files.len(),
                bytes_after: files.iter().map(|file| file.size_bytes).sum(),
                version: Some(version),
            })),
            Replaced::Lost => {
                remove_uncommitted(&*self.store, &files).await;
                Ok(None)
            }
        }
    }

    /// Writes what comes in the place of the inputs. `files` has every file that may exist, even after
    /// an error.
    async fn write(&self, plan: &Plan, fates: &Fates, files: &mut Vec<NewFile>) -> Result<()> {
        let mut inputs = Vec::with_capacity(plan.inputs.len());
        for file in &plan.inputs {
            let input = Input::open(&self.store, file).await?;
            if file.rows.is_some_and(|rows| rows != input.rows() as u64) {
                let reason = "it does not have as many rows as the table log says".into();
                return Err(Error::Corrupt { path: file.path.to_string(), reason });
            }
            inputs.push(input);
        }
        let added = if fates.factors.is_empty() { &[][..] } else { &[SAMPLE_WEIGHT] };
        let schema = columns_of(&inputs, added);
        let mut output = Output::new(&schema, self.row_group_rows, &self.settings);
        let reading = Reading { inputs, fates, left_out: AtomicU64::new(0) };
        // While the slices of one unit are encoded, the next unit is read and brought into order.
        let mut units = plan.units.iter();
        let mut current = reading.slices(&schema, units.next(), self.row_group_rows).await?;
        while let Some(slices) = current {
            let encoded = blocking(move || {
                for slice in &slices {
                    output.write(slice)?;
                }
                let first_day = slices.iter().map(|slice| slice.day).min();
                let finished = output.finish_before(first_day.unwrap_or(i64::MIN))?;
                Ok((output, finished))
            });
            let following = reading.slices(&schema, units.next(), self.row_group_rows);
            let (encoded, following) = tokio::join!(encoded, following);
            let finished;
            (output, finished) = encoded?;
            current = following?;
            self.put(finished, plan, files).await?;
        }
        let finished = blocking(move || output.finish()).await?;
        self.put(finished, plan, files).await?;
        self.write_left(plan, &reading, files).await?;
        let written: u64 = files.iter().map(|file| file.rows).sum();
        let read: usize = reading.inputs.iter().map(Input::rows).sum();
        let left_out = reading.left_out.into_inner();
        if written + left_out != read as u64 {
            return Err(Error::Internal(format!(
                "{read} spans became {written}, {left_out} were to go; nothing was changed"
            )));
        }
        Ok(())
    }

    /// Writes the rows that stay fresh. They keep the age of the oldest of them.
    async fn write_left(
        &self,
        plan: &Plan,
        reading: &Reading<'_>,
        files: &mut Vec<NewFile>,
    ) -> Result<()> {
        let schema = stored_schema();
        let data_files = DataFiles {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            row_group_rows: self.row_group_rows,
        };
        let written_ms = plan
            .inputs
            .iter()
            .filter(|file| file.layout != Layout::Assembled)
            .map(|file| file.written_ms)
            .min();
        for rows in &plan.left {
            let mut batches = Vec::new();
            for batch in reading.read(&schema, rows).await? {
                batches.push(plain(&batch)?);
            }
            for mut file in data_files.write(batches).await? {
                file.written_ms = written_ms.unwrap_or(file.written_ms);
                files.push(file);
            }
        }
        Ok(())
    }

    async fn put(
        &self,
        finished: Vec<Finished>,
        plan: &Plan,
        files: &mut Vec<NewFile>,
    ) -> Result<()> {
        for Finished { day, rows, start_time_range, bytes, rollup } in finished {
            let date = date(day);
            let path = paths::new_data_file(&date);
            // A trace is thinned once. What joins thinned ones late is not thinned any more.
            let is_thinned = plan.inputs.iter().any(|input| input.is_thinned && input.date == date);
            files.push(NewFile {
                path: path.clone(),
                is_thinned,
                date,
                size_bytes: bytes.len() as u64,
                rows,
                start_time_range,
                layout: Layout::Assembled,
                written_ms: self.clock.now().timestamp_millis(),
                rollup: rollup.parts,
                hash: content_hash(&bytes),
            });
            self.store.put(&paths::in_lake(&path), bytes.into()).await?;
            rollup.put(&*self.store, &path).await?;
        }
        Ok(())
    }
}

/// The inputs while they are read, and what is left out of them.
#[derive(Debug)]
struct Reading<'a> {
    inputs: Vec<Input>,
    fates: &'a Fates,
    left_out: AtomicU64,
}

impl Reading<'_> {
    /// Reads a unit and brings its rows into order. `None` if there is no more.
    async fn slices(
        &self,
        schema: &SchemaRef,
        rows: Option<&Rows>,
        slice_rows: usize,
    ) -> Result<Option<Vec<Slice>>> {
        let Some(rows) = rows else { return Ok(None) };
        let batches = self.read(schema, rows).await?;
        if batches.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let schema = Arc::clone(schema);
        blocking(move || Unit::new(schema, &batches)?.into_slices(slice_rows)).await.map(Some)
    }

    /// Reads rows; batches without any are left out.
    async fn read(&self, schema: &SchemaRef, rows: &Rows) -> Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        for (input, ranges) in rows {
            for batch in self.inputs[*input].read(schema, ranges).await? {
                let rows = batch.num_rows();
                let kept = self.fates.apply(batch)?;
                let left_out = rows - kept.num_rows();
                self.left_out.fetch_add(left_out as u64, Ordering::Relaxed);
                batches.extend(Some(kept).filter(|batch| batch.num_rows() > 0));
            }
        }
        Ok(batches)
    }
}

/// The same rows with text as text.
fn plain(batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = stored_schema();
    let columns = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| cast(column, field.data_type()))
        .collect::<Result<Vec<_>, _>>();
    columns
        .and_then(|columns| RecordBatch::try_new(Arc::clone(&schema), columns))
        .map_err(|e| Error::Internal(format!("assembling spans: {e}")))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let result = tokio::task::spawn_blocking(work).await;
    result.map_err(|e| Error::Internal(format!("assembling spans: {e}")))?
}
