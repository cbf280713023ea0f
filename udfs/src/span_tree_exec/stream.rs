//! One partition of the operator: collect, compute, emit, and do the same with what went to files.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::spill_file::SpillFile;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::SpillManager;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, SpillMetrics};
use futures::StreamExt;
use tokio::task::yield_now;

use super::buckets::{Buckets, MAX_LEVEL};
use super::held::{Held, Trees};
use super::plan::Window;

/// From so many rows on, traces that have ended are computed while others come, if each comes in one piece.
const ENDED_ROWS: usize = 64 << 10;

/// Where rows come from.
enum Source {
    Input(SendableRecordBatchStream),
    /// A bucket of rows that were split so many times.
    Bucket(Arc<dyn SpillFile>, u32),
}

/// The work on one partition.
pub(super) struct Partition {
    window: Arc<Window>,
    /// Whether the rows of each trace follow each other in the input.
    is_grouped: bool,
    /// What is still to be read; the last is the next.
    sources: Vec<Source>,
    held: Held,
    trees: Option<Trees>,
    /// Bytes of `trees`.
    trees_bytes: usize,
    memory: MemoryReservation,
    spill: SpillManager,
    metrics: BaselineMetrics,
}

impl Partition {
    pub(super) fn try_new(
        window: &Arc<Window>,
        is_grouped: bool,
        input: SendableRecordBatchStream,
        partition: usize,
        context: &TaskContext,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Self> {
        let memory = MemoryConsumer::new(format!("SpanTreeExec[{partition}]"))
            .with_can_spill(!is_grouped)
            .register(context.memory_pool());
        let spill = SpillManager::new(
            context.runtime_env(),
            SpillMetrics::new(metrics, partition),
            input.schema(),
        )
        .with_compression_type(context.session_config().spill_compression());
        Ok(Self {
            window: Arc::clone(window),
            is_grouped,
            sources: vec![Source::Input(input)],
            held: Held::try_new(window)?,
            trees: None,
            trees_bytes: 0,
            memory,
            spill,
            metrics: BaselineMetrics::new(metrics, partition),
        })
    }

    /// The next rows, and the rest of the work; `None` at the end.
    pub(super) async fn next(mut self) -> Result<Option<(RecordBatch, Self)>> {
        loop {
            if let Some(trees) = &mut self.trees {
                let timer = self.metrics.elapsed_compute().timer();
                let batch = trees.next().transpose()?;
                timer.done();
                if let Some(batch) = batch {
                    self.metrics.record_output(batch.num_rows());
                    return Ok(Some((batch, self)));
                }
                self.trees = None;
                self.trees_bytes = 0;
                self.memory.resize(self.held.memory_bytes());
            }
            match self.sources.pop() {
                None => return Ok(None),
                Some(source) => self.collect(source).await?,
            }
        }
    }

    /// Reads a source until it ends, or what was read can be computed.
    async fn collect(&mut self, source: Source) -> Result<()> {
        let (mut rows, level) = match source {
            Source::Input(rows) => (rows, 0),
            Source::Bucket(file, level) => {
                (self.spill.read_spill_as_stream_unbuffered(file, None)?, level)
            }
        };
        while let Some(batch) = rows.next().await.transpose()? {
            if batch.num_rows() == 0 {
                continue;
            }
            if !self.held.has_room_for(&batch) {
                let full = DataFusionError::ResourcesExhausted("more than 2^31 rows".into());
                return self.split(rows, Some(batch), level, full).await;
            }
            let timer = self.metrics.elapsed_compute().timer();
            self.held.append(batch)?;
            timer.done();
            let reserved = self.memory.try_resize(self.held.memory_bytes());
            if self.is_grouped
                && (reserved.is_err() || self.held.len() >= ENDED_ROWS)
                && let Some(ended) = self.held.take_ended()?
            {
                self.sources.push(Source::Input(rows));
                return self.compute(ended).await;
            }
            if let Err(full) = reserved {
                return self.split(rows, None, level, full).await;
            }
        }
        let all = std::mem::replace(&mut self.held, Held::try_new(&self.window)?);
        self.compute(all).await
    }

    async fn compute(&mut self, whole: Held) -> Result<()> {
        self.trees_bytes = whole.memory_bytes();
        // What the rows take was asked for when they came.
        self.memory.resize(self.trees_bytes + self.held.memory_bytes());
        self.trees = Some(whole.trees(self.metrics.elapsed_compute()).await?);
        Ok(())
    }

    /// Moves all rows to files: those held, then `next`, then the rest of a source.
    async fn split(
        &mut self,
        mut rows: SendableRecordBatchStream,
        next: Option<RecordBatch>,
        level: u32,
        full: DataFusionError,
    ) -> Result<()> {
        // Rows that come trace by trace are given away trace by trace, so here is one that is too large.
        if level == MAX_LEVEL || self.is_grouped {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "a trace does not fit into the memory that the query may use; ask for fewer columns, leave \
                 out the trace, or raise the limit: {}",
                full.strip_backtrace()
            )));
        }
        let mut buckets = Buckets::new(&self.window, &self.spill, level);
        let held = std::mem::replace(&mut self.held, Held::try_new(&self.window)?);
        for batch in held.into_batches().into_iter().chain(next) {
            buckets.append(&batch)?;
            yield_now().await;
        }
        self.memory.free();
        while let Some(batch) = rows.next().await.transpose()? {
            buckets.append(&batch)?;
        }
        let files = buckets.finish()?.into_iter();
        self.sources.extend(files.map(|file| Source::Bucket(file, level + 1)));
        Ok(())
    }
}
