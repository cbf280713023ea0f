//! The order of rows in a file: by trace, then by start; one file per UTC day.

use std::ops::Range;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{AsArray, RecordBatch};
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

    /// Start in nanoseconds since the epoch.
    pub(super) fn start_ns(&self) -> i64 {
        self.start_ns
    }

    /// The UTC day of the start, `YYYY-MM-DD`.
    pub(super) fn date(&self) -> String {
        let day: DateTime<Utc> = DateTime::from_timestamp_nanos(self.day * NANOS_PER_DAY);
        day.format("%Y-%m-%d").to_string()
    }
}

/// All rows of `batches` in file order. Ties end with the span id, so the order does not depend on arrival.
pub(super) fn sorted_rows(batches: &[RecordBatch]) -> Result<Vec<Row>> {
    let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for (batch_index, batch) in batches.iter().enumerate() {
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .ok_or_else(|| Error::Internal(format!("batch without {name}")))
        };
        let trace_ids = column(TRACE_ID)?.as_fixed_size_binary();
        let span_ids = column(SPAN_ID)?.as_fixed_size_binary();
        let starts = column(START_TIME_UNIX_NANO)?.as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            rows.push(Row {
                day: starts.value(row).div_euclid(NANOS_PER_DAY),
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

fn big_endian(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |value, byte| value << 8 | u128::from(*byte))
}
