//! The order of rows in a file: by trace, then by start; one file per UTC day.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::Int64Type;
use schema::spans::{SPAN_ID, START_TIME_UNIX_NANO, TRACE_ID};

use crate::error::{Error, Result};

const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// One row: its sort key, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    day: i64,
    trace_id: u128,
    start_ns: i64,
    span_id: u64,
    batch: u32,
    row: u32,
}

impl Row {
    /// Index of the batch and of the row in it.
    pub(super) fn position(&self) -> (usize, usize) {
        (self.batch as usize, self.row as usize)
    }

    /// The UTC day of the start, counted from the epoch.
    pub(super) fn day(&self) -> i64 {
        self.day
    }
}

/// A day counted from the epoch, `YYYY-MM-DD`.
pub(crate) fn date(day: i64) -> String {
    let day: DateTime<Utc> = DateTime::from_timestamp_nanos(day * NANOS_PER_DAY);
    day.format("%Y-%m-%d").to_string()
}

/// All rows of `batches` in file order. Ties end with the span id, so the order does not depend on arrival.
pub(super) fn sorted_rows(batches: &[RecordBatch]) -> Result<Vec<Row>> {
    let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for (batch_index, batch) in batches.iter().enumerate() {
        let trace_ids = column(batch, TRACE_ID)?.as_fixed_size_binary();
        let span_ids = column(batch, SPAN_ID)?.as_fixed_size_binary();
        let starts = starts(batch)?;
        for row in 0..batch.num_rows() {
            rows.push(Row {
                day: day_of(starts.value(row)),
                trace_id: big_endian(trace_ids.value(row)),
                start_ns: starts.value(row),
                span_id: big_endian(span_ids.value(row)) as u64,
                batch: batch_index as u32,
                row: row as u32,
            });
        }
    }
    rows.sort_unstable();
    Ok(rows)
}

/// Splits sorted rows into ranges of one day each.
pub(super) fn days(rows: &[Row]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for chunk in rows.chunk_by(|a, b| a.day == b.day) {
        ranges.push(start..start + chunk.len());
        start += chunk.len();
    }
    ranges
}

/// The rows of each UTC day in the order in which they are. A batch of one day is not copied.
pub(super) fn split_by_day(batches: &[RecordBatch]) -> Result<BTreeMap<i64, Vec<RecordBatch>>> {
    let mut days: BTreeMap<i64, Vec<RecordBatch>> = BTreeMap::new();
    for batch in batches {
        let row_days: Vec<i64> = starts(batch)?.values().iter().map(|at| day_of(*at)).collect();
        let found: BTreeSet<i64> = row_days.iter().copied().collect();
        for day in &found {
            let part = if found.len() == 1 {
                batch.clone()
            } else {
                let is_of_day: BooleanArray = row_days.iter().map(|row| Some(row == day)).collect();
                filter_record_batch(batch, &is_of_day)
                    .map_err(|e| Error::Internal(format!("splitting spans by day: {e}")))?
            };
            days.entry(*day).or_default().push(part);
        }
    }
    Ok(days)
}

/// The starts of a batch, in nanoseconds since the epoch.
pub(super) fn starts(batch: &RecordBatch) -> Result<&Int64Array> {
    Ok(column(batch, START_TIME_UNIX_NANO)?.as_primitive::<Int64Type>())
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| Error::Internal(format!("batch without {name}")))
}

/// The UTC day of a time, counted from the epoch.
pub(crate) fn day_of(start_ns: i64) -> i64 {
    start_ns.div_euclid(NANOS_PER_DAY)
}

fn big_endian(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |value, byte| value << 8 | u128::from(*byte))
}
