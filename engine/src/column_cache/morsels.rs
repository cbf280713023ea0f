//! Decides, file by file, whether it is scanned in memory.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion_datasource::morsel::{Morsel, MorselPlan, MorselPlanner, Morselizer};
use futures::stream::BoxStream;

use super::row_groups::has_few_rows;
use super::scan::Scan;

/// Files from memory where they are there, or from Parquet.
#[derive(Debug)]
pub(super) struct Morsels {
    pub(super) scan: Arc<Scan>,
    /// Number of the scan.
    pub(super) number: u64,
    /// What tells its columns from others; `None` if one of them is never kept.
    pub(super) columns: Option<Vec<String>>,
    pub(super) parquet: Arc<dyn Morselizer>,
}

impl Morselizer for Morsels {
    fn plan_file(&self, file: PartitionedFile) -> Result<Box<dyn MorselPlanner>> {
        let path = &file.object_meta.location;
        // A part of a file has a part of the rows.
        let has_few_rows = file.range.is_none() && has_few_rows(&file);
        let is_kept =
            |columns: &Vec<String>| self.scan.cache.asked_before(self.number, path, columns);
        if !has_few_rows && !self.columns.as_ref().is_some_and(is_kept) {
            return self.parquet.plan_file(file);
        }
        let (scan, parquet) = (Arc::clone(&self.scan), Arc::clone(&self.parquet));
        Ok(Box::new(Unopened { scan, parquet, file, has_few_rows }))
    }
}

#[derive(Debug)]
struct Unopened {
    scan: Arc<Scan>,
    parquet: Arc<dyn Morselizer>,
    file: PartitionedFile,
    has_few_rows: bool,
}

impl MorselPlanner for Unopened {
    fn plan(self: Box<Self>) -> Result<Option<MorselPlan>> {
        Ok(Some(MorselPlan::new().with_pending_planner(async move {
            if self.has_few_rows {
                return Ok(Box::new(Rows(self.scan.few_rows(&self.file).await?)) as _);
            }
            Ok(match self.scan.open(&self.file).await? {
                Some(rows) => Box::new(Rows(rows)),
                None => self.parquet.plan_file(self.file)?,
            })
        })))
    }
}

/// The rows of a file.
struct Rows(BoxStream<'static, Result<RecordBatch>>);

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

impl MorselPlanner for Rows {
    fn plan(self: Box<Self>) -> Result<Option<MorselPlan>> {
        Ok(Some(MorselPlan::new().with_morsels(vec![self])))
    }
}

impl Morsel for Rows {
    fn into_stream(self: Box<Self>) -> BoxStream<'static, Result<RecordBatch>> {
        self.0
    }
}
