//! One JSON object per line. Every column is there in every line; NULL and NaN are `null`.

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::{RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use arrow::json::writer::make_encoder;

use super::cell::JSON_OPTIONS;
use super::{RowWriter, Sink, columns};

pub(super) struct Json {
    schema: SchemaRef,
    row: FieldRef,
    sink: Sink,
}

impl Json {
    pub(super) fn new(schema: &SchemaRef, sink: Sink) -> Self {
        let schema = columns::unique(schema);
        let row = Field::new("row", DataType::Struct(schema.fields().clone()), false);
        Self { schema, row: Arc::new(row), sink }
    }
}

impl RowWriter for Json {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = StructArray::from(columns::under(&self.schema, batch)?);
        let mut encoder = make_encoder(&self.row, &rows, &JSON_OPTIONS)?;
        let mut lines = Vec::new();
        for row in 0..batch.num_rows() {
            encoder.encode(row, &mut lines);
            lines.push(b'\n');
        }
        Ok(self.sink.write_all(&lines)?)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(self.sink.flush()?)
    }
}
