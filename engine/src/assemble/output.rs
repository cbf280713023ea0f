//! Assembled files while they are written, one at a time for each day.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::parquet::arrow::add_encoded_arrow_schema_to_metadata;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;
use schema::assembled::assembled_schema;
use schema::spans::stored_schema;

use super::attribute_columns::AttributeColumns;
use super::unit::Slice;
use crate::error::{Error, Result};
use crate::rollup::{Rollup, RollupBuilder};
use crate::settings::CompactSettings;
use crate::snapshot::Layout;
use crate::write::{RowGroupWriter, writer_properties};

/// The files that are being written.
#[derive(Debug)]
pub(super) struct Output {
    properties: WriterProperties,
    schema: Schema,
    file_rows: u64,
    rollup_spans_per_row: u64,
    open: BTreeMap<i64, OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    writer: RowGroupWriter,
    attributes: AttributeColumns,
    rows: u64,
    start_time_range: (i64, i64),
    rollup: RollupBuilder,
}

/// A file that is complete, in memory.
#[derive(Debug)]
pub(super) struct Finished {
    /// The UTC day of its traces, counted from the epoch.
    pub(super) day: i64,
    pub(super) rows: u64,
    pub(super) start_time_range: (i64, i64),
    pub(super) bytes: Vec<u8>,
    pub(super) rollup: Rollup,
}

impl Output {
    /// Files with the `stored` columns and those that assembly adds.
    pub(super) fn new(stored: &Schema, row_group_rows: usize, settings: &CompactSettings) -> Self {
        let all_stored = stored_schema();
        let has = |schema: &Schema, name: &str| schema.column_with_name(name).is_some();
        let fields: Vec<_> = assembled_schema()
            .fields()
            .iter()
            .filter(|field| !has(&all_stored, field.name()) || has(stored, field.name()))
            .cloned()
            .collect();
        let schema = Schema::new(fields);
        let properties = writer_properties(row_group_rows, Layout::Assembled);
        let CompactSettings { file_rows, rollup_spans_per_row, .. } = *settings;
        Self { properties, schema, file_rows, rollup_spans_per_row, open: BTreeMap::new() }
    }

    /// Adds a slice as a row group of its own.
    pub(super) fn write(&mut self, slice: &Slice) -> Result<()> {
        let (file, rows) = match self.open.entry(slice.day) {
            Entry::Occupied(open) => {
                let file = open.into_mut();
                let rows = file.attributes.add_to(&slice.rows)?;
                (file, rows)
            }
            Entry::Vacant(new) => {
                let attributes = AttributeColumns::choose(&slice.rows);
                let rows = attributes.add_to(&slice.rows)?;
                let fields = self.schema.fields().iter().cloned();
                let fields = fields.chain(attributes.fields().map(Arc::new));
                let schema = Schema::new(fields.collect::<Vec<_>>());
                let mut properties = self.properties.clone();
                // Text is given dictionary-encoded; readers are told that it is text.
                add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
                let writer = RowGroupWriter::new(rows.schema(), &properties).map_err(parquet)?;
                let start_time_range = (i64::MAX, i64::MIN);
                let rollup = RollupBuilder::default();
                let file = OpenFile { writer, attributes, rows: 0, start_time_range, rollup };
                (new.insert(file), rows)
            }
        };
        file.writer.write(&rows).map_err(parquet)?;
        file.rollup.add(&slice.rows)?;
        file.rows += slice.rows.num_rows() as u64;
        let (from, to) = slice.start_time_range;
        file.start_time_range.0 = file.start_time_range.0.min(from);
        file.start_time_range.1 = file.start_time_range.1.max(to);
        Ok(())
    }

    /// Ends the files that are large enough, and those of days before `day`.
    pub(super) fn finish_before(&mut self, day: i64) -> Result<Vec<Finished>> {
        let done: Vec<i64> = self
            .open
            .iter()
            .filter(|(of, file)| **of < day || file.rows >= self.file_rows)
            .map(|(of, _)| *of)
            .collect();
        let spans_per_row = self.rollup_spans_per_row;
        let done = done.into_iter().filter_map(|of| Some((of, self.open.remove(&of)?)));
        done.map(|(day, file)| finish(day, file, spans_per_row)).collect()
    }

    /// Ends all files.
    pub(super) fn finish(mut self) -> Result<Vec<Finished>> {
        self.finish_before(i64::MAX)
    }
}

fn finish(day: i64, file: OpenFile, rollup_spans_per_row: u64) -> Result<Finished> {
    let OpenFile { writer, rows, start_time_range, rollup, .. } = file;
    let rollup = rollup.finish(rollup_spans_per_row)?;
    let bytes = writer.finish().map_err(parquet)?;
    Ok(Finished { day, rows, start_time_range, bytes, rollup })
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes it by value")]
fn parquet(error: ParquetError) -> Error {
    Error::Internal(format!("encoding Parquet: {error}"))
}
