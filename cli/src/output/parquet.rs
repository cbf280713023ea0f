//! Parquet, compressed with zstd. Holds one row group.

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;

use super::{RowWriter, Sink, columns};

/// Rows per row group: bounds the memory, and is what one thread reads at a time later.
const ROW_GROUP_ROWS: usize = 128 << 10;

pub(super) struct Parquet {
    schema: SchemaRef,
    writer: ArrowWriter<Sink>,
}

impl Parquet {
    pub(super) fn try_new(schema: &SchemaRef, sink: Sink) -> Result<Self> {
        let schema = columns::unique(schema);
        let properties = WriterProperties::builder()
            .set_created_by(concat!("spanlake ", env!("CARGO_PKG_VERSION")).into())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(sink, Arc::clone(&schema), Some(properties))?;
        Ok(Self { schema, writer })
    }
}

impl RowWriter for Parquet {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        Ok(self.writer.write(&columns::under(&self.schema, batch)?)?)
    }

    fn finish(&mut self) -> Result<()> {
        self.writer.finish()?;
        Ok(self.writer.inner_mut().flush()?)
    }
}
