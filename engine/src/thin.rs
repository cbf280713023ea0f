//! Thinning: of old traces, those that matter stay, and of the rest some that stand for all.
//!
//! ```text
//! stays as it is     a trace with a failed span, a slow one, one of which spans came late
//! the rest           by root operation and hour: one in n, but never fewer than a few
//! ```
//!
//! Each of the rest that stays gets the weight (traces of its operation and hour) / (those that stay), so
//! that the weights of an hour add up to exactly the traces that there were: a stratified sample, whose
//! sums are without bias (Horvitz and Thompson; semantics.md section 9.3). Durations are not touched.
//!
//! Which of them stay goes by a hash of the trace id: the same whoever decides.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use schema::TraceId;

use crate::assemble::Fates;
use crate::error::{Error, Result};
use crate::remove::Expired;
use crate::settings::RetentionSettings;
use crate::snapshot::{Layout, Snapshot};
use crate::sql::Session;
use crate::trace_index::trace_key;

/// What decides about a trace. Hours are those of its first span.
const TRACES: &str = "
    SELECT trace_id, root_service_name, root_span_name, trace_duration_ns, error_count, span_count,
           CAST(date_part('epoch', date_trunc('hour', start_time)) AS BIGINT) AS hour
    FROM traces";

/// What of a snapshot is to be thinned: assembled files that are older than `days` whole days and were not
/// thinned before.
pub(crate) fn to_thin(snapshot: Snapshot, now: DateTime<Utc>, days: u32) -> Expired {
    let mut due = Expired::of(snapshot, now, days);
    due.keep(|file| file.layout == Layout::Assembled && !file.is_thinned);
    due
}

/// One trace of the rest.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    id: TraceId,
    spans: u64,
    /// Number of its root operation and hour.
    group: usize,
}

/// Traces by what becomes of them.
#[derive(Debug, Default)]
pub(crate) struct Thinning {
    groups: HashMap<(Option<String>, Option<String>, i64), usize>,
    rest: Vec<Candidate>,
}

impl Thinning {
    /// Reads the traces of a session. Those with a key in `late` stay.
    pub(crate) async fn read(
        session: &Session,
        late: &HashSet<u64>,
        policy: &RetentionSettings,
    ) -> Result<Self> {
        let mut thinning = Self::default();
        for batch in session.query(TRACES).await?.collect().await? {
            let added = thinning.add(&batch, late, policy);
            added.ok_or_else(|| Error::Internal("`traces` has other columns".into()))?;
        }
        Ok(thinning)
    }

    /// `None` if a column is not there.
    fn add(
        &mut self,
        batch: &RecordBatch,
        late: &HashSet<u64>,
        policy: &RetentionSettings,
    ) -> Option<()> {
        let text = |name| batch.column_by_name(name)?.as_string_opt::<i32>();
        let number = |name| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>();
        let ids = text("trace_id")?;
        let (services, operations) = (text("root_service_name")?, text("root_span_name")?);
        let (durations, errors) = (number("trace_duration_ns")?, number("error_count")?);
        let (spans, hours) = (number("span_count")?, number("hour")?);
        for row in 0..batch.num_rows() {
            let id: TraceId = ids.value(row).parse().ok()?;
            let stays = errors.value(row) > 0
                || policy.is_slow(durations.value(row))
                || late.contains(&trace_key(id.as_bytes()));
            if stays {
                continue;
            }
            let owned = |texts: &datafusion::arrow::array::StringArray| {
                texts.is_valid(row).then(|| texts.value(row).to_owned())
            };
            let number = self.groups.len();
            let group = (owned(services), owned(operations), hours.value(row));
            let group = *self.groups.entry(group).or_insert(number);
            let spans = u64::try_from(spans.value(row)).unwrap_or_default();
            self.rest.push(Candidate { id, spans, group });
        }
        Some(())
    }

    /// What becomes of each trace of the rest, and how many spans those have that go.
    pub(crate) fn fates(mut self, policy: &RetentionSettings) -> (Fates, u64) {
        self.rest.sort_unstable_by_key(|trace| (trace.group, trace_key(trace.id.as_bytes())));
        let (mut fates, mut spans) = (Fates::default(), 0);
        for group in self.rest.chunk_by(|a, b| a.group == b.group) {
            let stay = policy.stay(group.len());
            if stay == group.len() {
                continue;
            }
            let factor = group.len() as f64 / stay as f64;
            let (kept, gone) = group.split_at(stay);
            fates.factors.extend(kept.iter().map(|trace| (trace.id, factor)));
            fates.gone.extend(gone.iter().map(|trace| trace.id));
            spans += gone.iter().map(|trace| trace.spans).sum::<u64>();
        }
        (fates, spans)
    }
}

#[cfg(test)]
mod tests;
