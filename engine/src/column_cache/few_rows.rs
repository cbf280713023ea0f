//! A few rows of a file, whose numbers are known: what a look-up of a trace reads.
//!
//! The Parquet source works out anew, for each file of each query, which types its columns have and what their
//! bounds leave out, and reads the columns of the filter before all others. That takes longer than to read
//! forty rows. Here the types are kept with the file, there is nothing to leave out, and all columns are read
//! at once.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::cast::as_boolean_array;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{
    ParquetRowSelection, apply_file_schema_type_coercions,
};
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, RowSelection,
};
use datafusion::parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use datafusion::physical_expr::projection::Projector;
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::metrics::MetricBuilder;
use futures::future::ready;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};

use super::pages::File;
use super::scan::Scan;

/// A file as a table reads it.
#[derive(Debug, Clone)]
pub(super) struct Readable {
    table: SchemaRef,
    /// With the offsets of pages, and the types that the table has.
    metadata: ArrowReaderMetadata,
}

impl Readable {
    /// Whether the columns have the types of this table.
    pub(super) fn is_of(&self, table: &SchemaRef) -> bool {
        Arc::ptr_eq(&self.table, table) || self.table == *table
    }
}

/// What is asked of a file.
struct Asked {
    /// Numbers of the columns that are read, ascending.
    columns: Vec<usize>,
    /// Over these columns.
    predicate: Option<Arc<dyn PhysicalExpr>>,
    projector: Projector,
}

impl Scan {
    /// The rows of a file that are chosen by their numbers, and pass.
    pub(super) async fn few_rows(
        self: &Arc<Self>,
        file: &PartitionedFile,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let Some(chosen) = file.extensions.get::<ParquetRowSelection>() else {
            return internal_err!("no rows were chosen");
        };
        let Readable { metadata, .. } = self.readable(file).await?;
        let (schema, metadata) = (metadata.schema(), metadata.metadata());
        let asked = Arc::new(self.asked(schema)?);
        let stored = metadata.file_metadata().schema_descr();
        let mask = ProjectionMask::roots(stored, asked.columns.iter().copied());
        let leaves = (0..stored.num_columns()).filter(|leaf| mask.leaf_included(*leaf)).collect();
        let of_groups = by_row_group(chosen.selection().clone(), metadata);
        let file = Arc::new(File {
            cache: Arc::clone(&self.cache),
            store: Arc::clone(&self.store),
            path: file.object_meta.location.clone(),
            metadata: Arc::clone(metadata),
            leaves,
            fields: parquet_to_arrow_field_levels(stored, mask, Some(schema.fields()))?,
            bytes_read: MetricBuilder::new(&self.metrics).counter("bytes_scanned", self.partition),
        });
        let batch_rows = self.batch_rows;
        let batches = stream::iter(of_groups).then(move |(row_group, chosen)| {
            let file = Arc::clone(&file);
            async move {
                let batches = file.rows(row_group, chosen, batch_rows).await?;
                Ok::<_, DataFusionError>(stream::iter(batches).map_err(DataFusionError::from))
            }
        });
        let scan = Arc::clone(self);
        let batches = batches.try_flatten();
        let answers = batches.try_filter_map(move |batch| ready(scan.answer(&asked, batch)));
        Ok(answers.boxed())
    }

    async fn readable(&self, file: &PartitionedFile) -> Result<Readable> {
        let path = &file.object_meta.location;
        if let Some(known) = self.cache.readable(path, &self.question.schema) {
            return Ok(known);
        }
        let reader = &mut self.reader(file)?;
        // Offsets of pages are needed; their bounds leave out nothing here.
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load_async(reader, options.clone()).await?;
        let metadata =
            match apply_file_schema_type_coercions(&self.question.schema, metadata.schema()) {
                None => metadata,
                Some(schema) => {
                    let options = options.with_schema(Arc::new(schema));
                    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?
                }
            };
        let readable = Readable { table: Arc::clone(&self.question.schema), metadata };
        self.cache.add_readable(path, &readable);
        Ok(readable)
    }

    fn asked(&self, file: &SchemaRef) -> Result<Asked> {
        let (predicate, projection) = self.question.adapted(file)?;
        let mut columns = projection.column_indices();
        if let Some(predicate) = &predicate {
            columns.extend(collect_columns(predicate).iter().map(|column| column.index()));
        }
        columns.sort_unstable();
        columns.dedup();
        let read = Arc::new(file.project(&columns)?);
        let predicate = predicate.map(|expr| reassign_expr_columns(expr, &read)).transpose()?;
        let projection = projection.try_map_exprs(|expr| reassign_expr_columns(expr, &read))?;
        Ok(Asked { columns, predicate, projector: projection.make_projector(&read)? })
    }

    /// `None` if no row passes.
    fn answer(&self, asked: &Asked, batch: RecordBatch) -> Result<Option<RecordBatch>> {
        let passing = match &asked.predicate {
            None => batch,
            Some(predicate) => {
                let passes = predicate.evaluate(&batch)?.into_array(batch.num_rows())?;
                filter_record_batch(&batch, as_boolean_array(&passes)?)?
            }
        };
        if passing.num_rows() == 0 {
            return Ok(None);
        }
        self.question.projected(&asked.projector, &passing).map(Some)
    }
}

/// The row groups that have chosen rows, and which.
fn by_row_group(
    mut chosen: RowSelection,
    metadata: &ParquetMetaData,
) -> Vec<(usize, RowSelection)> {
    let rows = metadata.row_groups().iter().map(|group| group.num_rows() as usize);
    let of_groups = rows.map(|rows| chosen.split_off(rows)).enumerate();
    of_groups.filter(|(_, chosen)| chosen.selects_any()).collect()
}
