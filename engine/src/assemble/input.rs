//! Rows of data files, text dictionary-encoded.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, new_null_array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, RowSelection,
};
use datafusion::parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use futures::TryStreamExt;
use object_store::ObjectStore;
use schema::spans::stored_schema;

use super::coded::dictionary_type;
use crate::data_file_reader::{DataFileReader, read_error};
use crate::error::{Error, Result};
use crate::snapshot::DataFile;

/// Rows decoded at a time.
const BATCH_ROWS: usize = 32 << 10;

/// A data file that is read in parts.
#[derive(Debug)]
pub(super) struct Input {
    file: DataFile,
    metadata: ArrowReaderMetadata,
    store: Arc<dyn ObjectStore>,
}

impl Input {
    /// Reads the footer.
    pub(super) async fn open(store: &Arc<dyn ObjectStore>, file: &DataFile) -> Result<Self> {
        let mut reader = DataFileReader::new(store, file);
        let plain = ArrowReaderMetadata::load_async(&mut reader, ArrowReaderOptions::new())
            .await
            .map_err(|e| read_error(file, e))?;
        let fields: Vec<Field> = plain
            .schema()
            .fields()
            .iter()
            .map(|field| field.as_ref().clone().with_data_type(dictionary_type(field.data_type())))
            .collect();
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), options)
            .map_err(|e| read_error(file, e))?;
        Ok(Self { file: file.clone(), metadata, store: Arc::clone(store) })
    }

    /// Whether the file has a column.
    pub(super) fn has(&self, column: &str) -> bool {
        self.metadata.schema().column_with_name(column).is_some()
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.metadata.metadata().file_metadata().num_rows().max(0) as usize
    }

    /// The rows in `ranges` with the columns of `schema`, which has plain types.
    pub(super) async fn read(
        &self,
        schema: &SchemaRef,
        ranges: &[Range<usize>],
    ) -> Result<Vec<RecordBatch>> {
        let of_file = self.metadata.schema();
        let wanted = of_file
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| schema.column_with_name(field.name()).is_some())
            .map(|(at, _)| at);
        let columns = ProjectionMask::roots(self.metadata.parquet_schema(), wanted);
        let rows = RowSelection::from_consecutive_ranges(ranges.iter().cloned(), self.rows());
        let reader = DataFileReader::new(&self.store, &self.file);
        let batches: Vec<RecordBatch> =
            ParquetRecordBatchStreamBuilder::new_with_metadata(reader, self.metadata.clone())
                .with_projection(columns)
                .with_row_selection(rows)
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(|e| read_error(&self.file, e))?
                .try_collect()
                .await
                .map_err(|e| read_error(&self.file, e))?;
        batches.iter().map(|batch| self.conformed(batch, schema)).collect()
    }

    /// The columns of `schema` in its order; NULLs for those that the file does not have.
    fn conformed(&self, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        let mut fields = Vec::with_capacity(schema.fields().len());
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let wanted = dictionary_type(field.data_type());
            let column = match batch.column_by_name(field.name()) {
                None => new_null_array(&wanted, batch.num_rows()),
                Some(column) if column.data_type() == &wanted => Arc::clone(column),
                // Nested names differ between writers; a wrong type is not repaired.
                Some(column) => cast(column, &wanted).map_err(|e| Error::Corrupt {
                    path: self.file.path.to_string(),
                    reason: format!("column {}: {e}", field.name()),
                })?,
            };
            fields.push(field.as_ref().clone().with_data_type(wanted).with_nullable(true));
            columns.push(column);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .map_err(|e| Error::Internal(format!("assembling spans: {e}")))
    }
}

/// The stored columns that some of the inputs have, and `added`.
pub(super) fn columns_of(inputs: &[Input], added: &[&str]) -> SchemaRef {
    let is_there = |name: &str| added.contains(&name) || inputs.iter().any(|input| input.has(name));
    let fields: Vec<Arc<Field>> =
        stored_schema().fields().iter().filter(|field| is_there(field.name())).cloned().collect();
    Arc::new(Schema::new(fields))
}
