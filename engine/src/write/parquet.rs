//! Encodes rows as Parquet, one file per UTC day.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{FieldRef, Fields, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::parquet::arrow::add_encoded_arrow_schema_to_metadata;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::schema::types::ColumnPath;
use schema::assembled::{CHILD_TIME_NS, PARTIAL_CRITICAL_PATH_NS};
use schema::spans::{
    ATTRIBUTES, DURATION_NS, EVENTS, LINKS, PARENT_SPAN_ID, RESOURCE_ATTRIBUTES, SCOPE_ATTRIBUTES,
    SPAN_ID, START_TIME_UNIX_NANO, stored_schema,
};

use crate::error::{Error, Result};
use crate::snapshot::Layout;
use crate::write::days::{date, split_by_day, starts};
use crate::write::row_group::RowGroupWriter;
use crate::write::text_codes::coded;

/// Rows per data page: what a look-up of one trace has to decode.
const PAGE_ROWS: usize = 8 << 10;

/// Largest dictionary of a column of rows in order of arrival. It makes assembly cheaper, which
/// reads whole columns; for the look-up of one trace a large dictionary is dear.
const ARRIVAL_DICTIONARY_BYTES: usize = 16 << 20;

/// What is paid for a file. Those in order of arrival are written while requests wait, and are
/// rewritten soon.
fn zstd_level(layout: Layout) -> i32 {
    match layout {
        Layout::Arrival => 1,
        Layout::Assembled => 3,
    }
}

/// One file, in memory.
#[derive(Debug)]
pub(super) struct EncodedFile {
    /// The UTC day of every row, `YYYY-MM-DD`.
    pub(super) date: String,
    /// Number of rows.
    pub(super) rows: u64,
    /// Smallest and largest start in nanoseconds since the epoch.
    pub(super) start_time_range: (i64, i64),
    /// The Parquet file.
    pub(super) bytes: Vec<u8>,
}

/// Encodes the rows of `batches`, one file per UTC day.
pub(super) fn encode(batches: &[RecordBatch], row_group_rows: usize) -> Result<Vec<EncodedFile>> {
    let Some(first) = batches.first() else { return Ok(Vec::new()) };
    let kept = used_columns(batches);
    let stored = stored_columns(&first.schema().project(&kept).map_err(arrow)?);
    let batches: Vec<RecordBatch> = batches
        .iter()
        .map(|batch| batch.project(&kept))
        .collect::<Result<_, _>>()
        .map_err(arrow)?;
    let mut properties = writer_properties(row_group_rows, Layout::Arrival);
    // Text is encoded by numbers; readers are told that it is text.
    add_encoded_arrow_schema_to_metadata(&stored, &mut properties);
    split_by_day(&batches)?
        .into_iter()
        .map(|(day, batches)| encode_file(day, &batches, row_group_rows, &properties))
        .collect()
}

/// Columns that hold a value somewhere. A column that a file does not have reads as NULL, at no cost.
fn used_columns(batches: &[RecordBatch]) -> Vec<usize> {
    let schema = batches[0].schema();
    let used = |column: usize| {
        !schema.field(column).is_nullable()
            || batches.iter().any(|batch| has_value(batch.column(column)))
    };
    (0..schema.fields().len()).filter(|column| used(*column)).collect()
}

fn has_value(column: &ArrayRef) -> bool {
    // A shared value may be in no row; then the column is there and holds only NULLs.
    let shared = column.as_any_dictionary_opt().map_or(column, |rows| rows.values());
    column.null_count() < column.len() && shared.null_count() < shared.len()
}

/// The columns as they are in the file.
fn stored_columns(received: &Schema) -> Schema {
    let stored = stored_schema();
    let stored = |field: &FieldRef| match stored.field_with_name(field.name()) {
        Ok(stored) => Arc::new(stored.clone()),
        Err(_) => Arc::clone(field),
    };
    Schema::new(received.fields().iter().map(stored).collect::<Fields>())
}

fn encode_file(
    day: i64,
    batches: &[RecordBatch],
    row_group_rows: usize,
    properties: &WriterProperties,
) -> Result<EncodedFile> {
    let mut file = EncodedFile {
        date: date(day),
        rows: 0,
        start_time_range: (i64::MAX, i64::MIN),
        bytes: Vec::new(),
    };
    let rows = coded(batches)?;
    let mut writer = RowGroupWriter::new(rows.schema(), properties).map_err(parquet)?;
    for from in (0..rows.num_rows()).step_by(row_group_rows) {
        let group = rows.slice(from, row_group_rows.min(rows.num_rows() - from));
        writer.write(&group).map_err(parquet)?;
    }
    for batch in batches {
        for start in starts(batch)?.values() {
            file.start_time_range.0 = file.start_time_range.0.min(*start);
            file.start_time_range.1 = file.start_time_range.1.max(*start);
        }
        file.rows += batch.num_rows() as u64;
    }
    file.bytes = writer.finish().map_err(parquet)?;
    Ok(file)
}

pub(crate) fn writer_properties(row_group_rows: usize, layout: Layout) -> WriterProperties {
    let zstd = ZstdLevel::try_new(zstd_level(layout)).expect("the level is one that zstd has");
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("spanlake ", env!("CARGO_PKG_VERSION")).into())
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_row_count(Some(row_group_rows))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(1024);
    properties = match layout {
        // Bounds of text are a comparison per value, and rows of all services lie side by side.
        Layout::Assembled => properties.set_statistics_enabled(EnabledStatistics::Page),
        Layout::Arrival => properties
            .set_dictionary_page_size_limit(ARRIVAL_DICTIONARY_BYTES)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_column_statistics_enabled(START_TIME_UNIX_NANO.into(), EnabledStatistics::Page),
    };
    // Random ids do not repeat and do not compress: neither a dictionary nor zstd can win.
    for id in [SPAN_ID, PARENT_SPAN_ID] {
        properties = properties
            .set_column_dictionary_enabled(id.into(), false)
            .set_column_encoding(id.into(), Encoding::PLAIN)
            .set_column_statistics_enabled(id.into(), EnabledStatistics::None);
    }
    // Times hardly repeat. Their upper bytes do, from row to row, and their lower ones are noise.
    for time in [START_TIME_UNIX_NANO, DURATION_NS, CHILD_TIME_NS, PARTIAL_CRITICAL_PATH_NS] {
        properties = properties
            .set_column_dictionary_enabled(time.into(), false)
            .set_column_encoding(time.into(), Encoding::BYTE_STREAM_SPLIT);
    }
    // Bounds of map entries prune nothing.
    for nested in [ATTRIBUTES, RESOURCE_ATTRIBUTES, SCOPE_ATTRIBUTES] {
        for part in ["key", "value"] {
            let path = [nested, "entries", part].map(String::from).to_vec();
            properties = properties
                .set_column_statistics_enabled(ColumnPath::new(path), EnabledStatistics::None);
        }
    }
    for list in [EVENTS, LINKS] {
        for leaf in ["time_unix_nano", "name", "trace_id", "span_id"] {
            let path = [list, "list", "element", leaf].map(String::from).to_vec();
            properties = properties
                .set_column_statistics_enabled(ColumnPath::new(path), EnabledStatistics::None);
        }
    }
    properties.build()
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes it by value")]
fn arrow(error: ArrowError) -> Error {
    Error::Internal(format!("writing spans: {error}"))
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes it by value")]
fn parquet(error: ParquetError) -> Error {
    Error::Internal(format!("encoding Parquet: {error}"))
}
