//! Reads parts of a data file of the lake, for those who read it without SQL.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::DataFusionError;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::error::Error;
use crate::paths;
use crate::snapshot::DataFile;

/// One data file, in its store.
#[derive(Debug, Clone)]
pub(crate) struct DataFileReader {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size_bytes: u64,
    /// Those that queries know, and learn from it.
    footers: Option<Arc<FileMetadataCache>>,
}

impl DataFileReader {
    pub(crate) fn new(store: &Arc<dyn ObjectStore>, file: &DataFile) -> Self {
        let path = paths::in_lake(&file.path);
        Self { store: Arc::clone(store), path, size_bytes: file.size_bytes, footers: None }
    }

    /// Looks for the footer in `footers` first, and leaves it there.
    pub(crate) fn with_footers(self, footers: Option<Arc<FileMetadataCache>>) -> Self {
        Self { footers, ..self }
    }
}

impl AsyncFileReader for DataFileReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move { self.store.get_range(&self.path, range).await.map_err(ParquetError::from) }
            .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move { self.store.get_ranges(&self.path, &ranges).await.map_err(ParquetError::from) }
            .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let size_bytes = self.size_bytes;
            if let Some(footers) = &self.footers {
                let file = PartitionedFile::new(self.path.to_string(), size_bytes).object_meta;
                let footer = DFParquetMetadata::new(&*self.store, &file)
                    .with_file_metadata_cache(Some(Arc::clone(footers)))
                    .with_page_index_policy(Some(PageIndexPolicy::Optional));
                return footer.fetch_metadata().await.map_err(|error| match error {
                    DataFusionError::ParquetError(error) => *error,
                    DataFusionError::ObjectStore(error) => ParquetError::External(error),
                    other => ParquetError::General(other.to_string()),
                });
            }
            // Pages are skipped by their offsets; their bounds are not looked at.
            let metadata = ParquetMetaDataReader::new()
                .with_offset_index_policy(PageIndexPolicy::Optional)
                .with_column_index_policy(PageIndexPolicy::Skip)
                .load_and_finish(self, size_bytes)
                .await?;
            Ok(Arc::new(metadata))
        }
        .boxed()
    }
}

/// What a failure to read `file` means: the store failed, or the file is not what it should be.
pub(crate) fn read_error(file: &DataFile, error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => match source.downcast::<object_store::Error>() {
            Ok(store) => Error::Store(*store),
            Err(other) => corrupt(file, &other.to_string()),
        },
        other => corrupt(file, &other.to_string()),
    }
}

fn corrupt(file: &DataFile, reason: &str) -> Error {
    Error::Corrupt { path: file.path.to_string(), reason: reason.into() }
}
