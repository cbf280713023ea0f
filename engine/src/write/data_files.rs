//! Puts rows into Parquet files that no reader sees yet.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::catalog::{NewFile, remove_uncommitted};
use crate::clock::Clock;
use crate::content_hash::content_hash;
use crate::error::{Error, Result};
use crate::paths;
use crate::rollup::RollupParts;
use crate::snapshot::Layout;
use crate::write::parquet;

/// Where files go.
#[derive(Debug, Clone)]
pub(crate) struct DataFiles {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) row_group_rows: usize,
}

impl DataFiles {
    /// Writes `batches`, one file per UTC day. If one cannot be written, none stays.
    pub(crate) async fn write(&self, batches: Vec<RecordBatch>) -> Result<Vec<NewFile>> {
        let row_group_rows = self.row_group_rows;
        // Encoding is CPU work; the async threads stay free for I/O.
        let encoded =
            tokio::task::spawn_blocking(move || parquet::encode(&batches, row_group_rows))
                .await
                .map_err(|e| Error::Internal(format!("writing Parquet: {e}")))??;
        let mut files = Vec::with_capacity(encoded.len());
        for file in encoded {
            let path = paths::new_data_file(&file.date);
            let size_bytes = file.bytes.len() as u64;
            let hash = content_hash(&file.bytes);
            let written = self.store.put(&paths::in_lake(&path), file.bytes.into()).await;
            files.push(NewFile {
                is_thinned: false,
                rollup: RollupParts::default(),
                path,
                date: file.date,
                size_bytes,
                rows: file.rows,
                start_time_range: file.start_time_range,
                layout: Layout::Arrival,
                written_ms: self.clock.now().timestamp_millis(),
                hash,
            });
            if let Err(error) = written {
                remove_uncommitted(&*self.store, &files).await;
                return Err(error.into());
            }
        }
        Ok(files)
    }
}
