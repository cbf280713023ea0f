//! Reads what the report needs from the lake, in four passes over ever fewer spans:
//! all traces of the range, all their operations' critical paths for the cohorts of the
//! groups shown, some attribute values, and the spans of one trace per group.

use std::collections::{BTreeMap, HashMap};

use datafusion::arrow::array::{Array, RecordBatch};
use engine::Session;
use schema::TraceId;

use super::clusters::{Look, Looks};
use super::columns::{Columns, count, holds, or_empty, or_zero};
use super::parts::{Measured, Operation, PartsBuilder};
use super::ranking::{Group, RankedGroup, TraceRow};
use super::sql;
use super::waterfall::SpanRow;
use super::weight;
use crate::error::Result;
use crate::week::Range;

/// The traces of the range.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// By root operation.
    pub(super) groups: Vec<Group>,
    pub(super) count: u64,
    pub(super) incomplete: u64,
    /// Spans whose parent is missing, in all incomplete traces.
    pub(super) orphans: u64,
    /// Traces with a weight other than 1.
    pub(super) weighted: u64,
}

/// What is known about all spans of the range.
#[derive(Debug, Default)]
pub(super) struct SpanFacts {
    pub(super) spans: u64,
    /// With a status other than `unset`.
    pub(super) with_status: u64,
    /// That end before they start.
    pub(super) negative: u64,
}

/// In which cohorts of which group a trace is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    /// The group's place among those shown.
    pub(super) group: usize,
    /// The trace's place among the slow ones.
    pub(super) slow_place: Option<u32>,
    pub(super) is_typical: bool,
    /// How many traces it stands for, in parts of [`weight::ONE`].
    pub(super) weight: u64,
}

/// The cohorts of the groups shown, by trace.
pub(super) type Members = HashMap<TraceId, Member>;

/// All traces that start in the range.
pub(super) async fn traces(session: &Session, range: &Range) -> Result<Traces> {
    let mut places: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let mut found = Traces::default();
    each_batch(session, &sql::traces(range), |columns| {
        let ids = columns.trace_ids()?;
        let services = columns.text("root_service_name")?;
        let names = columns.text("root_span_name")?;
        let starts = columns.int("start_time")?;
        let durations = columns.int("root_duration_ns")?;
        let statuses = columns.text("root_status_code")?;
        let connected = columns.boolean("is_connected")?;
        let orphans = columns.int("orphan_count")?;
        let weights = columns.float("sample_weight")?;
        for (row, id) in ids.into_iter().enumerate() {
            let (service, name) = (or_empty(&services, row), or_empty(&names, row));
            let place = places.get(service).and_then(|names| names.get(name)).copied();
            let place = place.unwrap_or_else(|| {
                let place = found.groups.len();
                places.entry(service.to_owned()).or_default().insert(name.to_owned(), place);
                let (service_name, span_name) = (service.to_owned(), name.to_owned());
                found.groups.push(Group { service_name, span_name, ..Group::default() });
                place
            });
            found.count += 1;
            found.weighted += u64::from(weights.is_valid(row) && weights.value(row) != 1.0);
            if holds(&connected, row) {
                found.groups[place].traces.push(TraceRow {
                    id,
                    start_ns: or_zero(&starts, row),
                    duration_ns: or_zero(&durations, row),
                    root_failed: or_empty(&statuses, row) == "error",
                    weight: weight::parts_of_one(if weights.is_valid(row) {
                        weights.value(row)
                    } else {
                        1.0
                    }),
                });
            } else {
                found.groups[place].incomplete += 1;
                found.incomplete += 1;
                found.orphans += count(&orphans, row);
            }
        }
        Ok(())
    })
    .await?;
    Ok(found)
}

/// Counts over all spans that start in the range.
pub(super) async fn span_facts(session: &Session, range: &Range) -> Result<SpanFacts> {
    let mut facts = SpanFacts::default();
    each_batch(session, &sql::span_facts(range), |columns| {
        for row in 0..columns.0.num_rows() {
            facts.spans += count(&columns.int("spans")?, row);
            facts.with_status += count(&columns.int("with_status")?, row);
            facts.negative += count(&columns.int("negative")?, row);
        }
        Ok(())
    })
    .await?;
    Ok(facts)
}

/// From the first to the last start of any span; `None` if the lake holds none.
pub(super) async fn data_range(session: &Session) -> Result<Option<Range>> {
    let mut range = None;
    each_batch(session, sql::DATA_RANGE, |columns| {
        let (first, last) = (columns.int("first_start")?, columns.int("last_start")?);
        if columns.0.num_rows() > 0 && first.is_valid(0) && last.is_valid(0) {
            range = Some(Range::spanning(first.value(0), last.value(0)));
        }
        Ok(())
    })
    .await?;
    Ok(range)
}

/// Who is in which cohort.
pub(super) fn members(groups: &[RankedGroup]) -> Members {
    let mut members = Members::new();
    for (group, ranked) in groups.iter().enumerate() {
        for (place, trace) in ranked.slow().iter().enumerate() {
            let slow_place = Some(place as u32);
            let weight = trace.weight;
            members.insert(trace.id, Member { group, slow_place, is_typical: false, weight });
        }
        for trace in ranked.typical() {
            let member =
                Member { group, slow_place: None, is_typical: false, weight: trace.weight };
            members.entry(trace.id).or_insert(member).is_typical = true;
        }
    }
    members
}

/// The critical-path times of all members, by group, and how many exact copies of spans they have.
pub(super) async fn critical_paths(
    session: &Session,
    groups: usize,
    members: &Members,
) -> Result<(Vec<PartsBuilder>, u64)> {
    let mut parts: Vec<PartsBuilder> = (0..groups).map(|_| PartsBuilder::default()).collect();
    let mut all_copies = 0;
    for ids in sql::id_filters(members.keys().copied().collect(), session.settings()) {
        each_batch(session, &sql::critical_paths(&ids), |columns| {
            let ids = columns.trace_ids()?;
            let services = columns.text("service_name")?;
            let names = columns.text("span_name")?;
            let times = columns.int("critical_path_ns")?;
            let calls = columns.int("calls")?;
            let errors = columns.int("errors")?;
            let copies = columns.int("copies")?;
            for (row, id) in ids.into_iter().enumerate() {
                all_copies += count(&copies, row);
                let Some(member) = members.get(&id) else { continue };
                let operation = Operation {
                    service_name: or_empty(&services, row).to_owned(),
                    span_name: or_empty(&names, row).to_owned(),
                };
                let measured = Measured {
                    critical_path_ns: or_zero(&times, row),
                    calls: count(&calls, row),
                    errors: count(&errors, row),
                    weight: member.weight,
                };
                parts[member.group].add(operation, member.slow_place, member.is_typical, measured);
            }
            Ok(())
        })
        .await?;
    }
    Ok((parts, all_copies))
}

/// All spans of some traces, in any order.
pub(super) async fn spans_of(
    session: &Session,
    ids: Vec<TraceId>,
) -> Result<HashMap<TraceId, Vec<SpanRow>>> {
    let mut spans: HashMap<TraceId, Vec<SpanRow>> = HashMap::new();
    for ids in sql::id_filters(ids, session.settings()) {
        each_batch(session, &sql::spans_of(&ids), |columns| {
            let ids = columns.trace_ids()?;
            let services = columns.text("service_name")?;
            let names = columns.text("span_name")?;
            let statuses = columns.text("status_code")?;
            let roots = columns.boolean("is_primary_root")?;
            let numbers = [
                columns.int("start_time")?,
                columns.int("duration_ns")?,
                columns.int("self_time_ns")?,
                columns.int("critical_path_ns")?,
                columns.int("nested_left")?,
                columns.int("nested_right")?,
            ];
            for (row, id) in ids.into_iter().enumerate() {
                let [start_ns, duration_ns, self_time_ns, critical_path_ns, left, right] =
                    [0, 1, 2, 3, 4, 5].map(|number: usize| or_zero(&numbers[number], row));
                spans.entry(id).or_default().push(SpanRow {
                    service_name: or_empty(&services, row).to_owned(),
                    span_name: or_empty(&names, row).to_owned(),
                    start_ns,
                    duration_ns,
                    self_time_ns,
                    critical_path_ns,
                    is_error: or_empty(&statuses, row) == "error",
                    is_primary_root: holds(&roots, row),
                    nested_left: left as i32,
                    nested_right: right as i32,
                });
            }
            Ok(())
        })
        .await?;
    }
    Ok(spans)
}

/// What some traces of the range look like.
pub(super) async fn looks(session: &Session, range: &Range, ids: &[TraceId]) -> Result<Looks> {
    let mut looks = Looks::new();
    for ids in sql::id_filters(ids.to_vec(), session.settings()) {
        each_batch(session, &sql::looks(range, &ids), |columns| {
            let ids = columns.trace_ids()?;
            let shapes = columns.int("shape")?;
            let spans = columns.int("span_count")?;
            let errors = columns.text("error_type")?;
            for (row, id) in ids.into_iter().enumerate() {
                let error_type = errors.is_valid(row).then(|| errors.value(row).to_owned());
                let (shape, span_count) = (or_zero(&shapes, row), count(&spans, row));
                looks.insert(id, Look { shape, span_count, error_type });
            }
            Ok(())
        })
        .await?;
    }
    Ok(looks)
}

/// Spans of some traces that start before their parent, and the traces that have such spans.
pub(super) async fn skewed_children(session: &Session, ids: Vec<TraceId>) -> Result<(u64, u64)> {
    let (mut spans, mut traces) = (0, 0);
    for ids in sql::id_filters(ids, session.settings()) {
        each_batch(session, &sql::skewed_children(&ids), |columns| {
            for row in 0..columns.0.num_rows() {
                spans += count(&columns.int("spans")?, row);
                traces += count(&columns.int("traces")?, row);
            }
            Ok(())
        })
        .await?;
    }
    Ok((spans, traces))
}

/// Runs a query and hands over its batches one by one.
pub(super) async fn each_batch(
    session: &Session,
    sql: &str,
    mut take: impl FnMut(Columns<'_>) -> Result<()>,
) -> Result<()> {
    let mut query = session.query(sql).await?;
    while let Some(batch) = query.next().await? {
        let batch: RecordBatch = batch;
        take(Columns(&batch))?;
    }
    Ok(())
}
