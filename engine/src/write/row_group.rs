//! Batches as row groups of a Parquet file, text that is dictionary-encoded without a hash per row.
//!
//! ```text
//! Dictionary(Int32, Utf8)        text_chunk -> pages by number
//! Map of two of them             text_chunk, once for keys and once for values
//! everything else                the Arrow writer of the Parquet crate
//! ```

mod bounds;
mod packed;
#[cfg(test)]
mod tests;
mod text_chunk;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, SchemaRef};
use datafusion::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriter,
    ArrowWriterOptions, compute_leaves,
};
use datafusion::parquet::basic::Compression;
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::types::{ColumnDescPtr, ColumnPath};
use zstd::bulk::Compressor;

use text_chunk::{EncodedChunk, Rows, TextColumn};

/// A Parquet file that grows by row groups, in memory.
pub(crate) struct RowGroupWriter {
    file: SerializedFileWriter<Vec<u8>>,
    columns: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    compressor: Compressor<'static>,
}

impl std::fmt::Debug for RowGroupWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowGroupWriter").field("schema", &self.schema).finish_non_exhaustive()
    }
}

enum Encoded {
    Ours(EncodedChunk),
    Arrow(ArrowColumnChunk),
}

impl RowGroupWriter {
    /// A file with the columns of `schema`. What Arrow is to read them as is in `properties`.
    ///
    /// # Errors
    ///
    /// [`ParquetError`] if Parquet has no such type.
    pub(crate) fn new(schema: SchemaRef, properties: &WriterProperties) -> Result<Self> {
        let options = ArrowWriterOptions::new()
            .with_properties(properties.clone())
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options)?;
        let (file, columns) = writer.into_serialized_writer()?;
        let Compression::ZSTD(level) = properties.compression(&ColumnPath::new(Vec::new())) else {
            return Err(ParquetError::NYI("text is compressed with zstd".into()));
        };
        let compressor = Compressor::new(level.compression_level());
        let compressor = compressor.map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(Self { file, columns, schema, compressor })
    }

    /// Adds `rows`, which have the columns of the file, as one row group.
    ///
    /// # Errors
    ///
    /// [`ParquetError`] if something cannot be encoded; the file is of no use afterwards.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let group = self.file.flushed_row_groups().len();
        let mut leaves = Leaves {
            writers: self.columns.create_column_writers(group)?.into_iter(),
            descriptions: self.file.schema_descr().columns().iter(),
            properties: Arc::clone(self.file.properties()),
            compressor: &mut self.compressor,
        };
        let mut encoded = Vec::new();
        for (field, column) in self.schema.fields().iter().zip(rows.columns()) {
            leaves.encode(field, column, &mut encoded)?;
        }
        let mut group = self.file.next_row_group()?;
        for chunk in encoded {
            match chunk {
                Encoded::Ours((bytes, close)) => group.append_column(&bytes, close)?,
                Encoded::Arrow(chunk) => chunk.append_to_row_group(&mut group)?,
            }
        }
        group.close()?;
        Ok(())
    }

    /// The whole file.
    ///
    /// # Errors
    ///
    /// [`ParquetError`] if the footer cannot be written.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        self.file.into_inner()
    }
}

/// The Parquet columns that are not encoded yet.
struct Leaves<'a, W> {
    writers: W,
    descriptions: std::slice::Iter<'a, ColumnDescPtr>,
    properties: WriterPropertiesPtr,
    compressor: &'a mut Compressor<'static>,
}

impl<W> Leaves<'_, W>
where
    W: Iterator<Item = ArrowColumnWriter>,
{
    fn encode(&mut self, field: &Field, column: &ArrayRef, to: &mut Vec<Encoded>) -> Result<()> {
        if is_coded_text(column) {
            to.push(self.encode_text(column, Rows::Flat)?);
            return Ok(());
        }
        if let Some(map) = column.as_map_opt()
            && map.entries().columns().iter().all(is_coded_text)
        {
            let rows = Rows::Map {
                offsets: map.offsets(),
                nulls: map.nulls(),
                is_nullable: field.is_nullable(),
            };
            for leaf in map.entries().columns() {
                to.push(self.encode_text(leaf, rows)?);
            }
            return Ok(());
        }
        for leaf in compute_leaves(field, column)? {
            let mut writer = self.writers.next().ok_or_else(too_few)?;
            self.descriptions.next();
            writer.write(&leaf)?;
            to.push(Encoded::Arrow(writer.close()?));
        }
        Ok(())
    }

    fn encode_text(&mut self, leaf: &ArrayRef, rows: Rows<'_>) -> Result<Encoded> {
        let (Some(description), Some(_)) = (self.descriptions.next(), self.writers.next()) else {
            return Err(too_few());
        };
        let coded = leaf.as_dictionary::<Int32Type>();
        let column = TextColumn { codes: coded.keys(), texts: coded.values().as_string(), rows };
        Ok(Encoded::Ours(text_chunk::encode(
            description,
            &self.properties,
            &column,
            self.compressor,
        )?))
    }
}

/// Text that is dictionary-encoded, without a NULL among the texts.
fn is_coded_text(column: &ArrayRef) -> bool {
    match column.data_type() {
        DataType::Dictionary(code, text) => {
            (code.as_ref(), text.as_ref()) == (&DataType::Int32, &DataType::Utf8)
                && column.as_dictionary::<Int32Type>().values().null_count() == 0
        }
        _ => false,
    }
}

fn too_few() -> ParquetError {
    ParquetError::General("rows have more columns than the file".into())
}
