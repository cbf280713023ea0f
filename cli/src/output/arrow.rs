//! Arrow IPC: the stream format for pipes, the file format for `.arrow` files.

use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::{FileWriter, StreamWriter};

use super::{RowWriter, Sink, columns};

pub(super) struct Stream(StreamWriter<Sink>);

impl Stream {
    pub(super) fn try_new(schema: &SchemaRef, sink: Sink) -> Result<Self> {
        Ok(Self(StreamWriter::try_new(sink, schema)?))
    }
}

impl RowWriter for Stream {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        Ok(self.0.write(batch)?)
    }

    fn finish(&mut self) -> Result<()> {
        self.0.finish()?;
        Ok(self.0.flush()?)
    }
}

/// The file format ends with a directory of its batches; readers ask for unique column names.
pub(super) struct File {
    schema: SchemaRef,
    writer: FileWriter<Sink>,
}

impl File {
    pub(super) fn try_new(schema: &SchemaRef, sink: Sink) -> Result<Self> {
        let schema = columns::unique(schema);
        let writer = FileWriter::try_new(sink, &schema)?;
        Ok(Self { schema, writer })
    }
}

impl RowWriter for File {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        Ok(self.writer.write(&columns::under(&self.schema, batch)?)?)
    }

    fn finish(&mut self) -> Result<()> {
        self.writer.finish()?;
        Ok(self.writer.flush()?)
    }
}
