//! Rows that do not fit into memory, in files: one per bucket of trace ids.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, UInt32Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::common::Result;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::execution::spill_file::SpillFile;
use datafusion::physical_plan::SpillManager;

use super::plan::Window;

/// Files that rows are split into. Each is read again with this part of the memory it would have taken.
const BUCKETS: usize = 16;

/// How often rows are split: into 65,536 buckets at last. What does not fit then is one trace, or nearly so.
pub(super) const MAX_LEVEL: u32 = 4;

/// A file that is being written: takes batches, and with `None` ends. (DataFusion does not let its type be named.)
type Writer = Box<dyn FnMut(Option<&RecordBatch>) -> Result<Option<Arc<dyn SpillFile>>> + Send>;

/// Files that are being written.
pub(super) struct Buckets {
    window: Arc<Window>,
    manager: SpillManager,
    files: Vec<Option<Writer>>,
    /// Another one at each level, or all rows of a bucket would be in one bucket again.
    hasher: RandomState,
    hashes: Vec<u64>,
}

impl Buckets {
    pub(super) fn new(window: &Arc<Window>, manager: &SpillManager, level: u32) -> Self {
        Self {
            window: Arc::clone(window),
            manager: manager.clone(),
            files: (0..BUCKETS).map(|_| None).collect(),
            hasher: RandomState::with_seed(0x7370_616e_6c61_6b65 ^ u64::from(level)),
            hashes: Vec::new(),
        }
    }

    /// Writes each row to the file of its trace.
    pub(super) fn append(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        let ids = self.window.trace_id.evaluate(batch)?.into_array(rows)?;
        self.hashes.clear();
        self.hashes.resize(rows, 0);
        create_hashes([&ids], &self.hasher, &mut self.hashes)?;
        let mut rows_of: [Vec<u32>; BUCKETS] = Default::default();
        for (row, hash) in (0..).zip(&self.hashes) {
            // The high bits: the low ones are what rows may have been distributed by before.
            rows_of[(hash >> 32) as usize % BUCKETS].push(row);
        }
        for (file, rows) in self.files.iter_mut().zip(rows_of) {
            if rows.is_empty() {
                continue;
            }
            let part = take_record_batch(batch, &UInt32Array::from(rows))?;
            let file = match file {
                Some(file) => file,
                None => file.insert(create(&self.manager)?),
            };
            file(Some(&part))?;
        }
        Ok(())
    }

    /// The files that have rows.
    pub(super) fn finish(self) -> Result<Vec<Arc<dyn SpillFile>>> {
        let files = self.files.into_iter().flatten();
        files.filter_map(|mut file| file(None).transpose()).collect()
    }
}

fn create(manager: &SpillManager) -> Result<Writer> {
    let mut file = manager.create_in_progress_file("SpanTreeExec")?;
    Ok(Box::new(move |batch| match batch {
        Some(batch) => file.append_batch(batch).map(|_| None),
        None => file.finish(),
    }))
}
