//! Scans the columns of a file that are in memory, and reads those that are not.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::file::metadata::PageIndexPolicy;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStore;

use super::ColumnCache;
use super::files::Footer;
use super::opened::Opened;
use super::question::Question;
use super::row_groups::{Group, groups_of};

/// One partition of a scan.
pub(super) struct Scan {
    pub(super) cache: Arc<ColumnCache>,
    pub(super) readers: Arc<dyn ParquetFileReaderFactory>,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) question: Question,
    pub(super) batch_rows: usize,
    pub(super) partition: usize,
    pub(super) metrics: ExecutionPlanMetricsSet,
    /// Row groups that were scanned here.
    pub(super) row_groups: Count,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("question", &self.question).finish_non_exhaustive()
    }
}

impl Scan {
    /// The rows of a file; `None` if it has to be read otherwise.
    pub(super) async fn open(
        self: &Arc<Self>,
        file: &PartitionedFile,
    ) -> Result<Option<BoxStream<'static, Result<RecordBatch>>>> {
        let footer = self.footer(file).await?;
        let Some(of_file) = self.question.of_file(&footer.schema)? else { return Ok(None) };
        let metadata = Arc::clone(&footer.metadata);
        let opened = Opened { scan: Arc::clone(self), file: file.clone(), metadata, of_file };
        let mut groups = groups_of(file, &opened.metadata, |_| {})?;
        let missing = |groups: &[Group]| -> usize {
            groups.iter().map(|group| opened.missing_bytes(group)).sum()
        };
        if missing(&groups) > 0 {
            // Looking at bounds takes longer than looking at columns in memory, but not than reading them.
            groups = groups_of(file, &opened.metadata, |access| opened.prune(access))?;
            let missing = missing(&groups);
            if missing > 0 && !self.cache.make_room(missing) {
                return Ok(None);
            }
        }
        let opened = Arc::new(opened);
        let batches = stream::iter(groups).then(move |group| {
            let opened = Arc::clone(&opened);
            async move { opened.rows_of(group).await.map(stream::iter) }
        });
        Ok(Some(batches.try_flatten().boxed()))
    }

    async fn footer(&self, file: &PartitionedFile) -> Result<Arc<Footer>> {
        let path = &file.object_meta.location;
        if let Some(footer) = self.cache.footer(path) {
            return Ok(footer);
        }
        let reader = &mut self.reader(file)?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Skip);
        let read = ArrowReaderMetadata::load_async(reader, options).await?;
        let (metadata, schema) = (Arc::clone(read.metadata()), Arc::clone(read.schema()));
        let footer = Arc::new(Footer { metadata, schema });
        self.cache.add_footer(path, &footer);
        Ok(footer)
    }

    pub(super) fn reader(&self, file: &PartitionedFile) -> Result<Box<dyn AsyncFileReader>> {
        Ok(self.readers.create_reader(self.partition, file.clone(), None, &self.metrics)?)
    }
}
