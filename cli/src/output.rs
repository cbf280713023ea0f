//! Writes query results: rows come as a stream and go out as they come.
//!
//! ```text
//! engine::Query -> drain -> RowWriter (one per format) -> stdout | PendingFile
//! ```

mod arrow;
mod cell;
mod columns;
mod csv;
mod json;
mod parquet;
mod pending;
mod table;

use std::io::Write;
use std::path::Path;

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;
use anyhow::Result;
use engine::Query;

use crate::args::Format;
pub(crate) use columns::type_name;
pub(crate) use pending::PendingFile;
pub(crate) use table::{Expanded, TableStyle};

/// Where rows go, as bytes.
pub(crate) type Sink = Box<dyn Write + Send>;

/// One format. Implementations hold at most a bounded number of rows.
pub(crate) trait RowWriter: Send {
    /// Writes some rows.
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Writes what is left and flushes.
    fn finish(&mut self) -> Result<()>;
}

/// How a result is to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// The format.
    pub(crate) format: Format,
    /// How tables are drawn.
    pub(crate) table: TableStyle,
    /// Whether Arrow goes to a file of its own, not to a stream.
    pub(crate) arrow_file: bool,
}

/// How many rows were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drained {
    /// Rows written.
    pub(crate) rows: u64,
    /// Whether the limit left some out.
    pub(crate) more: bool,
}

/// The format that a file name asks for.
pub(crate) fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "csv" => Some(Format::Csv),
        "json" | "jsonl" | "ndjson" => Some(Format::Json),
        "parquet" => Some(Format::Parquet),
        "arrow" | "arrows" => Some(Format::Arrow),
        "txt" => Some(Format::Table),
        _ => None,
    }
}

/// Whether `path` names a file in Arrow's file format: the stream format is `.arrows`.
pub(crate) fn is_arrow_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "arrow")
}

/// A writer of rows of that schema.
pub(crate) fn writer(layout: Layout, schema: &SchemaRef, sink: Sink) -> Result<Box<dyn RowWriter>> {
    Ok(match layout.format {
        Format::Table => Box::new(table::Table::new(schema, layout.table, sink)),
        Format::Csv => Box::new(csv::Csv::new(schema, sink)),
        Format::Json => Box::new(json::Json::new(schema, sink)),
        Format::Parquet => Box::new(parquet::Parquet::try_new(schema, sink)?),
        Format::Arrow if layout.arrow_file => Box::new(arrow::File::try_new(schema, sink)?),
        Format::Arrow => Box::new(arrow::Stream::try_new(schema, sink)?),
    })
}

/// Writes the rows of a query, up to `limit` of them.
pub(crate) async fn drain(
    mut query: Query,
    writer: &mut dyn RowWriter,
    limit: Option<u64>,
) -> Result<Drained> {
    let mut rows = 0;
    while let Some(batch) = query.next().await? {
        let left = limit.map_or(u64::MAX, |limit| limit - rows);
        let fits = left >= batch.num_rows() as u64;
        let batch = if fits { batch } else { batch.slice(0, left as usize) };
        rows += batch.num_rows() as u64;
        writer.write(&batch)?;
        if !fits {
            writer.finish()?;
            return Ok(Drained { rows, more: true });
        }
    }
    writer.finish()?;
    Ok(Drained { rows, more: false })
}

#[cfg(test)]
mod tests;
