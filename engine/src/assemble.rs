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
mod input;
mod output;
mod plan;
mod unit;

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::SchemaRef;
use object_store::{ObjectStore, ObjectStoreExt};
use schema::spans::stored_schema;

use crate::catalog::{NewFile, Replaced, TableLog, remove_uncommitted};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::paths;
use crate::settings::CompactSettings;
use crate::snapshot::{Layout, Snapshot};
use crate::trace_index::TraceIndexes;
use crate::write::{DataFiles, date};
use input::{Input, columns_of};
use output::{Finished, Output};
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
        let mut files = Vec::new();
        let written = self.write(&plan, &mut files).await;
        let replaced = match written {
            Ok(()) => self.log.replace(snapshot, &plan.inputs, &files).await,
            Err(error) => {
                remove_uncommitted(&*self.store, &files).await;
                return Err(error);
            }
        };
        let done = |layout: fn(Layout) -> bool| -> u64 {
            files.iter().filter(|file| layout(file.layout)).map(|file| file.rows).sum()
        };
        match replaced? {
            Replaced::Done { version } => Ok(Assembled {
                spans: done(|layout| layout == Layout::Assembled),
                left: done(|layout| layout != Layout::Assembled),
                files_before: plan.inputs.len(),
                bytes_before: plan.inputs.iter().map(|file| file.size_bytes).sum(),
                files_after: files.len(),
                bytes_after: files.iter().map(|file| file.size_bytes).sum(),
                version: Some(version),
            }),
            Replaced::Lost => {
                remove_uncommitted(&*self.store, &files).await;
                Ok(Assembled::default())
            }
        }
    }

    /// Writes what comes in the place of the inputs. `files` has every file that may exist, even after
    /// an error.
    async fn write(&self, plan: &Plan, files: &mut Vec<NewFile>) -> Result<()> {
        let mut inputs = Vec::with_capacity(plan.inputs.len());
        for file in &plan.inputs {
            let input = Input::open(&self.store, file).await?;
            if file.rows.is_some_and(|rows| rows != input.rows() as u64) {
                let reason = "it does not have as many rows as the table log says".into();
                return Err(Error::Corrupt { path: file.path.to_string(), reason });
            }
            inputs.push(input);
        }
        let schema = columns_of(&inputs);
        let mut output = Output::new(&schema, self.row_group_rows, self.settings.file_rows);
        // While the slices of one unit are encoded, the next unit is read and brought into order.
        let mut units = plan.units.iter();
        let mut slices = match units.next() {
            Some(rows) => slices_of(&inputs, &schema, rows, self.row_group_rows).await?,
            None => Vec::new(),
        };
        while !slices.is_empty() {
            let encoded = blocking(move || {
                for slice in &slices {
                    output.write(slice)?;
                }
                let first_day = slices.iter().map(|slice| slice.day).min().unwrap_or(i64::MIN);
                let finished = output.finish_before(first_day)?;
                Ok((output, finished))
            });
            let following = async {
                match units.next() {
                    Some(rows) => slices_of(&inputs, &schema, rows, self.row_group_rows).await,
                    None => Ok(Vec::new()),
                }
            };
            let (encoded, following) = tokio::join!(encoded, following);
            let finished;
            (output, finished) = encoded?;
            slices = following?;
            self.put(finished, files).await?;
        }
        let finished = blocking(move || output.finish()).await?;
        self.put(finished, files).await?;
        self.write_left(plan, &inputs, files).await?;
        let written: u64 = files.iter().map(|file| file.rows).sum();
        let read: usize = inputs.iter().map(Input::rows).sum();
        if written != read as u64 {
            return Err(Error::Internal(format!(
                "{read} spans became {written}; nothing was changed"
            )));
        }
        Ok(())
    }

    /// Writes the rows that stay fresh. They keep the age of the oldest of them.
    async fn write_left(
        &self,
        plan: &Plan,
        inputs: &[Input],
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
            for batch in read(inputs, &schema, rows).await? {
                batches.push(plain(&batch)?);
            }
            for mut file in data_files.write(batches).await? {
                file.written_ms = written_ms.unwrap_or(file.written_ms);
                files.push(file);
            }
        }
        Ok(())
    }

    async fn put(&self, finished: Vec<Finished>, files: &mut Vec<NewFile>) -> Result<()> {
        for Finished { day, rows, start_time_range, bytes } in finished {
            let date = date(day);
            let path = paths::new_data_file(&date);
            files.push(NewFile {
                path: path.clone(),
                date,
                size_bytes: bytes.len() as u64,
                rows,
                start_time_range,
                layout: Layout::Assembled,
                written_ms: self.clock.now().timestamp_millis(),
            });
            self.store.put(&paths::in_lake(&path), bytes.into()).await?;
        }
        Ok(())
    }
}

/// Reads a unit and brings its rows into order.
async fn slices_of(
    inputs: &[Input],
    schema: &SchemaRef,
    rows: &Rows,
    slice_rows: usize,
) -> Result<Vec<Slice>> {
    let batches = read(inputs, schema, rows).await?;
    let schema = Arc::clone(schema);
    blocking(move || Unit::new(schema, &batches)?.into_slices(slice_rows)).await
}

async fn read(inputs: &[Input], schema: &SchemaRef, rows: &Rows) -> Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    for (input, ranges) in rows {
        batches.extend(inputs[*input].read(schema, ranges).await?);
    }
    Ok(batches)
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
