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
    /// What tells its columns from others.
    pub(super) columns: Vec<String>,
    pub(super) parquet: Arc<dyn Morselizer>,
}

impl Morselizer for Morsels {
    fn plan_file(&self, file: PartitionedFile) -> Result<Box<dyn MorselPlanner>> {
        let path = &file.object_meta.location;
        if has_few_rows(&file) || !self.scan.cache.asked_before(self.number, path, &self.columns) {
            return self.parquet.plan_file(file);
        }
        let scan = Arc::clone(&self.scan);
        Ok(Box::new(Unopened { scan, parquet: Arc::clone(&self.parquet), file }))
    }
}

#[derive(Debug)]
struct Unopened {
    scan: Arc<Scan>,
    parquet: Arc<dyn Morselizer>,
    file: PartitionedFile,
}

impl MorselPlanner for Unopened {
    fn plan(self: Box<Self>) -> Result<Option<MorselPlan>> {
        Ok(Some(MorselPlan::new().with_pending_planner(async move {
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
