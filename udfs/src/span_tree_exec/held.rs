//! Rows in memory: the batches as they came, and what their trees are computed from.

use std::mem::{replace, take};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::Time;
use tokio::task::yield_now;

use super::plan::Window;
use super::trace_numbers::TraceNumbers;
use crate::span_columns::{CollectedSpans, TreeValues};

/// Rows of whole traces that the kernel gets at a time: few enough that they stay in the cache, and that
/// others have their turn in between.
const CHUNK_ROWS: usize = 4 << 10;

/// The most rows in memory at once: they are counted in 32 bits.
const MAX_ROWS: usize = i32::MAX as usize;

/// Rows of some traces, in the order in which they came.
pub(super) struct Held {
    window: Arc<Window>,
    batches: Vec<RecordBatch>,
    spans: CollectedSpans,
    traces: TraceNumbers,
    trace_of_row: Vec<u32>,
    batch_bytes: RecordBatchMemoryCounter,
}

impl Held {
    pub(super) fn try_new(window: &Arc<Window>) -> Result<Self> {
        Ok(Self {
            window: Arc::clone(window),
            batches: Vec::new(),
            spans: CollectedSpans::default(),
            traces: TraceNumbers::try_new(&window.trace_id_type)?,
            trace_of_row: Vec::new(),
            batch_bytes: RecordBatchMemoryCounter::new(),
        })
    }

    /// Whether the rows of a batch can be counted in.
    pub(super) fn has_room_for(&self, batch: &RecordBatch) -> bool {
        self.len() + batch.num_rows() <= MAX_ROWS
    }

    pub(super) fn append(&mut self, batch: RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        let column = |expression: &Arc<dyn PhysicalExpr>| -> Result<ArrayRef> {
            expression.evaluate(&batch)?.into_array(rows)
        };
        let arguments = self.window.arguments.iter().map(column).collect::<Result<Vec<_>>>()?;
        self.spans.append(&arguments)?;
        self.traces.append(&column(&self.window.trace_id)?, &mut self.trace_of_row)?;
        // Columns that the arguments were computed from are counted once, with the batch.
        let named = arguments.into_iter().enumerate().map(|(at, array)| (at.to_string(), array));
        self.batch_bytes.count_batch(&batch);
        self.batch_bytes.count_batch(&RecordBatch::try_from_iter(named.take(2))?);
        self.batches.push(batch);
        Ok(())
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.trace_of_row.len()
    }

    /// Bytes of memory, those included that computing the trees will take.
    pub(super) fn memory_bytes(&self) -> usize {
        let row_bytes = size_of::<u32>() + TreeValues::row_bytes(&self.window.fields);
        self.batch_bytes.memory_usage()
            + self.spans.memory_bytes()
            + self.traces.memory_bytes()
            + size_of::<u32>() * (self.trace_of_row.capacity() + self.traces.len())
            + row_bytes * self.len()
    }

    /// The batches alone.
    pub(super) fn into_batches(self) -> Vec<RecordBatch> {
        self.batches
    }

    /// Takes out all traces but that of the last row, if rows of a trace follow each other; `None` if there is
    /// only one trace.
    pub(super) fn take_ended(&mut self) -> Result<Option<Held>> {
        let last = self.traces.len().saturating_sub(1) as u32;
        let ended = self.trace_of_row.partition_point(|trace| *trace < last);
        if ended == 0 {
            return Ok(None);
        }
        let mut open = Self::try_new(&self.window)?;
        let mut first = 0;
        for batch in take(&mut self.batches) {
            let rows = batch.num_rows();
            let before = ended.saturating_sub(first).min(rows);
            if before > 0 {
                self.batches.push(batch.slice(0, before));
            }
            if before < rows {
                open.append(batch.slice(before, rows - before))?;
            }
            first += rows;
        }
        self.spans.truncate(ended);
        self.trace_of_row.truncate(ended);
        Ok(Some(replace(self, open)))
    }

    /// Computes the trees. Gives way to others now and then.
    pub(super) async fn trees(self, busy: &Time) -> Result<Trees> {
        let timer = busy.timer();
        let mut values = TreeValues::try_new(&self.window.fields, &self.spans)?;
        let (rows, ends) = by_trace(&self.trace_of_row, self.traces.len());
        timer.done();
        let mut ends = &ends[..];
        let mut start = 0;
        while !ends.is_empty() {
            let timer = busy.timer();
            let wanted = start + CHUNK_ROWS;
            // At least one trace, however large.
            let traces = ends.partition_point(|end| *end as usize <= wanted).max(1);
            let (chunk, rest) = ends.split_at(traces);
            let end = chunk.last().map_or(start, |end| *end as usize);
            let chunk = chunk.iter().map(|end| *end as usize - start);
            values.compute(&self.spans, &rows[start..end], chunk)?;
            (ends, start) = (rest, end);
            timer.done();
            yield_now().await;
        }
        let Self { window, batches, spans, .. } = self;
        let batches = batches.into_iter();
        Ok(Trees { schema: Arc::clone(&window.schema), batches, spans, values, next_row: 0 })
    }
}

/// The rows of trace 0, then those of trace 1, and so on, each in their order; and where each trace ends.
fn by_trace(trace_of_row: &[u32], traces: usize) -> (Vec<u32>, Vec<u32>) {
    let mut ends = vec![0_u32; traces];
    for trace in trace_of_row {
        ends[*trace as usize] += 1;
    }
    let mut next = 0;
    for end in &mut ends {
        // For now, where the trace starts.
        (*end, next) = (next, next + *end);
    }
    let mut rows = vec![0; trace_of_row.len()];
    for (row, trace) in (0..).zip(trace_of_row) {
        let place = &mut ends[*trace as usize];
        rows[*place as usize] = row;
        *place += 1;
    }
    (rows, ends)
}

/// Batches with their tree columns, in the order in which they came.
pub(super) struct Trees {
    schema: SchemaRef,
    batches: std::vec::IntoIter<RecordBatch>,
    spans: CollectedSpans,
    values: TreeValues,
    next_row: usize,
}

impl Trees {
    pub(super) fn next(&mut self) -> Option<Result<RecordBatch>> {
        self.batches.next().map(|batch| self.with_trees(&batch))
    }

    fn with_trees(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = self.next_row..self.next_row + batch.num_rows();
        self.next_row = rows.end;
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(self.values.rows(&self.spans, rows)?));
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}
