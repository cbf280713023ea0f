//! UTC days: a file has rows of one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::Int64Type;
use schema::spans::START_TIME_UNIX_NANO;

use crate::error::{Error, Result};

const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// A day counted from the epoch, `YYYY-MM-DD`.
pub(crate) fn date(day: i64) -> String {
    let day: DateTime<Utc> = DateTime::from_timestamp_nanos(day * NANOS_PER_DAY);
    day.format("%Y-%m-%d").to_string()
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
