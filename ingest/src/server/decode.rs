//! An accepted payload to rows.
//!
//! A pure function of the payload, the time it came and the rules, so that a log
//! can be replayed: the same payload gives the same rows again, also after the
//! settings have changed, if the rules of then are kept beside it.

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::{filter_record_batch, max, min};
use arrow::datatypes::Int64Type;
use schema::{SpanBatch, spans};
use serde::{Deserialize, Serialize};

use crate::batch::{Limits, SpanBatchBuilder};
use crate::error::Result;
use crate::otlp;
use crate::server::PayloadFormat;
use crate::tally::Tally;

/// What decides which spans of a payload become which rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Attributes kept of one list.
    pub max_attributes: usize,
    /// Events and links kept of one span.
    pub max_events: usize,
    /// Bytes kept of one text.
    pub max_text_bytes: usize,
    /// Bytes of rows that one request may become before it is refused.
    pub max_row_bytes: usize,
    /// How far ahead of its arrival a span may start, in seconds.
    pub future_window_seconds: u64,
    /// How long before its arrival a span may have started, in seconds.
    pub retention_seconds: Option<u64>,
}

/// What became of a payload.
#[derive(Debug)]
pub struct Decoded {
    /// The rows.
    pub batches: Vec<SpanBatch>,
    /// What was accepted, left out and repaired.
    pub tally: Tally,
    /// Bytes of the rows in memory, about.
    pub bytes: usize,
}

/// Why a span that starts too far ahead is left out.
const AHEAD: &str = "start_time_unix_nano is further ahead of the server's clock than \
                     ingest.future_window_seconds allows";
/// Why a span that started too long ago is left out.
const EXPIRED: &str = "start_time_unix_nano is longer ago than ingest.retention_seconds allows";

impl Rules {
    /// The rules as text, to be kept beside payloads.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("numbers are JSON")
    }

    /// The rules from [`Rules::to_text`].
    ///
    /// # Errors
    ///
    /// If the text is something else.
    pub fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    fn limits(&self) -> Limits {
        Limits {
            request_bytes: self.max_row_bytes,
            attributes: self.max_attributes,
            events: self.max_events,
            text_bytes: self.max_text_bytes,
            ..Limits::default()
        }
    }

    /// The first and the last start that a span may have which came at a time.
    fn window(&self, received_ns: i64) -> (i64, i64) {
        let nanos =
            |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
        let first = self
            .retention_seconds
            .map_or(i64::MIN, |seconds| received_ns.saturating_sub(nanos(seconds)));
        (first, received_ns.saturating_add(nanos(self.future_window_seconds)))
    }
}

/// Decodes a payload that came at a time (nanoseconds since the epoch).
///
/// # Errors
///
/// If the payload is not a trace request, or would become more rows than the rules allow.
pub fn decode(
    format: PayloadFormat,
    payload: &[u8],
    received_ns: i64,
    rules: &Rules,
) -> Result<Decoded> {
    let mut builder = SpanBatchBuilder::new(rules.limits());
    match format {
        PayloadFormat::Protobuf => otlp::protobuf::decode(payload, &mut builder)?,
        PayloadFormat::Json => otlp::json::decode(payload, &mut builder)?,
    }
    let bytes = builder.pending_bytes();
    let batches = builder.finish();
    let mut tally = builder.take_tally();
    let window = rules.window(received_ns);
    let mut kept = Vec::with_capacity(batches.len());
    for batch in batches {
        kept.extend(inside(batch, window, &mut tally));
    }
    Ok(Decoded { batches: kept, tally, bytes })
}

/// The rows whose start lies in the window, if there are any.
///
/// This is not among the rules of the table, which hold for files of any age as well.
fn inside(batch: SpanBatch, (first, last): (i64, i64), tally: &mut Tally) -> Option<SpanBatch> {
    let rows = batch.as_received();
    let starts = rows.column_by_name(spans::START_TIME_UNIX_NANO)?.as_primitive::<Int64Type>();
    let (earliest, latest) = (min(starts)?, max(starts)?);
    if earliest >= first && latest <= last {
        return Some(batch);
    }
    let expired = starts.values().iter().filter(|start| **start < first).count() as u64;
    let ahead = starts.values().iter().filter(|start| **start > last).count() as u64;
    for (count, reason) in [(expired, EXPIRED), (ahead, AHEAD)] {
        if count > 0 {
            *tally.rejected_by_reason.entry(reason).or_default() += count;
        }
    }
    tally.accepted -= expired + ahead;
    tally.rejected += expired + ahead;
    if (expired + ahead) as usize == starts.len() {
        return None;
    }
    let keep: BooleanArray =
        starts.values().iter().map(|start| Some((first..=last).contains(start))).collect();
    let rows = filter_record_batch(rows, &keep).expect("the mask is as long as the batch");
    Some(SpanBatch::try_new(rows).expect("filtering keeps the schema"))
}

#[cfg(test)]
mod tests;
