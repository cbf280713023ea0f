//! CSV after RFC 4180: a header, one row per line. NULL is an empty field, empty text is `""`.
//!
//! Text that a spreadsheet would run as a formula gets a `'` in front: span names
//! and attributes come from whoever can send a request.

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};

use super::cell::Cells;
use super::{RowWriter, Sink, columns};

pub(super) struct Csv {
    schema: SchemaRef,
    sink: Sink,
    has_header: bool,
}

impl Csv {
    pub(super) fn new(schema: &SchemaRef, sink: Sink) -> Self {
        Self { schema: columns::unique(schema), sink, has_header: false }
    }

    fn write_header(&mut self) -> Result<()> {
        let mut line = String::new();
        for (number, field) in self.schema.fields().iter().enumerate() {
            if number > 0 {
                line.push(',');
            }
            push_field(field.name(), true, &mut line);
        }
        line.push('\n');
        self.has_header = true;
        Ok(self.sink.write_all(line.as_bytes())?)
    }
}

impl RowWriter for Csv {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if !self.has_header {
            self.write_header()?;
        }
        let schema = Arc::clone(&self.schema);
        let mut cells = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, array)| Ok((is_text(field.data_type()), Cells::try_new(field, array)?)))
            .collect::<Result<Vec<_>>>()?;
        let mut lines = String::new();
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            for (number, (is_text, cells)) in cells.iter_mut().enumerate() {
                if number > 0 {
                    lines.push(',');
                }
                text.clear();
                if cells.append(row, &mut text) {
                    push_field(&text, *is_text, &mut lines);
                }
            }
            lines.push('\n');
        }
        Ok(self.sink.write_all(lines.as_bytes())?)
    }

    fn finish(&mut self) -> Result<()> {
        if !self.has_header {
            self.write_header()?;
        }
        Ok(self.sink.flush()?)
    }
}

fn push_field(text: &str, is_text: bool, line: &mut String) {
    let is_formula = is_text && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let is_plain = !text.is_empty() && !text.contains([',', '"', '\n', '\r']);
    if is_plain && !is_formula {
        line.push_str(text);
        return;
    }
    line.push('"');
    if is_formula {
        line.push('\'');
    }
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

/// Numbers and times cannot be formulas, and `-1` must stay a number.
fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        DataType::RunEndEncoded(_, value) => is_text(value.data_type()),
        _ => false,
    }
}
