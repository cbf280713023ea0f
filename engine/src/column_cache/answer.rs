//! The rows of the answer: gathered from columns in memory, and projected.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::FilterBuilder;
use datafusion::common::Result;

use super::column::Column;
use super::question::FileScan;
use super::scan::Scan;

/// The columns of the answer in a row group.
pub(super) struct Answer {
    pub(super) scan: Arc<Scan>,
    pub(super) of_file: Arc<FileScan>,
    pub(super) columns: Vec<Arc<Column>>,
    pub(super) rows: usize,
}

impl Answer {
    /// All rows.
    pub(super) fn all(self) -> impl Iterator<Item = Result<RecordBatch>> + Send {
        let at_a_time = self.scan.batch_rows;
        (0..self.rows).step_by(at_a_time).map(move |first| {
            let rows = at_a_time.min(self.rows - first);
            let columns = self.columns.iter().map(|column| column.slice(first, rows));
            self.batch(columns.collect::<Result<_>>()?, rows)
        })
    }

    /// The rows that pass.
    pub(super) fn those(
        self,
        passing: BooleanBuffer,
    ) -> impl Iterator<Item = Result<RecordBatch>> + Send {
        /// Small batches cost more to hand on than to gather.
        const BATCHES_AT_A_TIME: usize = 4;
        let batch_rows = self.scan.batch_rows;
        let is_few = passing.count_set_bits() <= batch_rows;
        let at_a_time = if is_few { self.rows } else { batch_rows * BATCHES_AT_A_TIME };
        (0..self.rows).step_by(at_a_time).flat_map(move |first| {
            let rows = at_a_time.min(self.rows - first);
            let batch = self.passing(first, rows, passing.slice(first, rows));
            let (error, batch) = match batch {
                Ok(batch) => (None, batch),
                Err(error) => (Some(Err(error)), None),
            };
            let parts = batch.into_iter().flat_map(move |batch| {
                let firsts = (0..batch.num_rows()).step_by(batch_rows);
                firsts.map(move |first| {
                    Ok(batch.slice(first, batch_rows.min(batch.num_rows() - first)))
                })
            });
            error.into_iter().chain(parts)
        })
    }

    fn passing(
        &self,
        first: usize,
        rows: usize,
        passing: BooleanBuffer,
    ) -> Result<Option<RecordBatch>> {
        let count = passing.count_set_bits();
        if count == 0 {
            return Ok(None);
        }
        let filter = FilterBuilder::new(&BooleanArray::from(passing)).optimize().build();
        let columns = self.columns.iter().map(|column| column.filtered(first, rows, &filter));
        self.batch(columns.collect::<Result<_>>()?, count).map(Some)
    }

    fn batch(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let read = Arc::clone(&self.of_file.read);
        let batch = RecordBatch::try_new_with_options(read, columns, &options)?;
        self.scan.question.projected(&self.of_file.projector, &batch)
    }
}
