//! The SQL of the report: what it runs, and what it shows for others to run.
//!
//! A query that is shown computes its table from the lake alone; of the numbers it
//! contains, each is another result of the report and named in a comment. The crate's
//! integration test runs them all and compares.

use super::model::{GroupHeader, Waterfall};
use super::quantiles::fewest_values;
use super::ranking::fewest_traces;
use crate::instant;
use crate::week::Range;

mod filter;

pub(crate) use filter::quoted;
pub(super) use filter::{TraceIds, id_filters};

/// The columns of a row of a waterfall.
const WATERFALL_COLUMNS: &str = "service_name, span_name, start_time, duration_ns, self_time_ns, \
     critical_path_ns, status_code, depth, nested_left, nested_right, is_primary_root";

/// One row per trace that starts in the range.
pub(super) fn traces(range: &Range) -> String {
    format!(
        "SELECT trace_id, root_service_name, root_span_name, start_time, root_duration_ns,
    root_status_code, is_connected, orphan_count, sample_weight
FROM traces
WHERE {}",
        starts_in(range)
    )
}

/// One row about all spans that start in the range.
pub(super) fn span_facts(range: &Range) -> String {
    format!(
        "SELECT count(*) AS spans,
    sum(CASE WHEN status_code = 'unset' THEN 0 ELSE 1 END) AS with_status,
    sum(CASE WHEN negative_duration_ns > 0 THEN 1 ELSE 0 END) AS negative
FROM spans
WHERE {}",
        starts_in(range)
    )
}

/// The first and the last start of any span.
pub(super) const DATA_RANGE: &str =
    "SELECT min(start_time) AS first_start, max(start_time) AS last_start FROM spans";

/// One row per trace and operation below the trace's primary root.
///
/// A trace may have more roots, each with a critical path of its own; only the path of
/// the primary root adds up to its duration.
pub(super) fn critical_paths(ids: &TraceIds) -> String {
    format!(
        "SELECT trace_id, service_name, span_name,
    sum(critical_path_ns) AS critical_path_ns,
    sum(CASE WHEN critical_path_ns > 0 THEN 1 ELSE 0 END) AS calls,
    sum(CASE WHEN status_code = 'error' AND NOT is_duplicate THEN 1 ELSE 0 END) AS errors,
    sum(CASE WHEN is_duplicate THEN 1 ELSE 0 END) AS copies
FROM (
    SELECT trace_id, service_name, span_name, critical_path_ns, status_code, is_duplicate,
        nested_right, {ROOT_END}
    FROM spans
    WHERE {}
)
WHERE nested_right <= root_end
GROUP BY trace_id, service_name, span_name",
        ids.filter("trace_id")
    )
}

/// The nested-set number on leaving the primary root. It is the first root of a connected trace, so
/// the spans of its tree are those that are left no later.
const ROOT_END: &str =
    "max(CASE WHEN is_primary_root THEN nested_right END) OVER (PARTITION BY trace_id) AS root_end";

/// All spans of some traces, for waterfalls.
pub(super) fn spans_of(ids: &TraceIds) -> String {
    format!(
        "SELECT trace_id, {WATERFALL_COLUMNS}
FROM spans
WHERE {} AND NOT is_duplicate",
        ids.filter("trace_id")
    )
}

/// Values of the spans of some operations, and of the roots, one row per trace and operation.
///
/// `values` are SQL expressions; their columns are called `value_0`, `value_1`, ...
pub(super) fn values(ids: &TraceIds, operations: &[(&str, &str)], values: &[String]) -> String {
    let columns: String = values
        .iter()
        .enumerate()
        .map(|(number, value)| format!(",\n    max({value}) AS value_{number}"))
        .collect();
    let operations: String = operations
        .iter()
        .map(|(service, name)| {
            format!(" OR service_name = {} AND span_name = {}", quoted(service), quoted(name))
        })
        .collect();
    format!(
        "SELECT trace_id, service_name, span_name, parent_span_id IS NULL AS is_root{columns}
FROM spans
WHERE {} AND (parent_span_id IS NULL{operations})
GROUP BY trace_id, service_name, span_name, parent_span_id IS NULL",
        ids.filter("trace_id")
    )
}

/// What some traces of the range look like.
pub(super) fn looks(range: &Range, ids: &TraceIds) -> String {
    format!(
        "SELECT trace_id, shape, span_count, error_type
FROM traces
WHERE {} AND {}",
        starts_in(range),
        ids.filter("trace_id")
    )
}

/// How many spans of some traces start before their parent, and in how many traces.
pub(super) fn skewed_children(ids: &TraceIds) -> String {
    format!(
        "SELECT count(*) AS spans, count(DISTINCT child.trace_id) AS traces
FROM spans AS child
JOIN spans AS parent ON parent.trace_id = child.trace_id AND parent.span_id = child.parent_span_id
WHERE {} AND {} AND child.span_id <> child.parent_span_id AND child.start_time < parent.start_time",
        ids.filter("child.trace_id"),
        ids.filter("parent.trace_id")
    )
}

/// The table of root operations.
pub(super) fn shown_groups(range: &Range) -> String {
    let (p99, p95) = (fewest_values(99), fewest_values(95));
    format!(
        "-- Root operations with enough complete traces, and what their slowest cost. A sampled trace
-- counts as many times as its weight says.
WITH placed AS (
    SELECT root_service_name, root_span_name, root_duration_ns, sample_weight,
        count(*) OVER one_group AS n,
        sum(sample_weight) OVER one_group AS weight,
        sum(sample_weight) OVER (
            PARTITION BY root_service_name, root_span_name
            ORDER BY root_duration_ns DESC, trace_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - sample_weight AS above
    FROM traces
    WHERE {} AND is_connected
    WINDOW one_group AS (PARTITION BY root_service_name, root_span_name)
), listed AS (
    -- p99 has an upper confidence bound from {p99} traces on, p95 from {p95}. A millionth of a
    -- millionth makes up for the last bit of a product.
    SELECT *,
        above < weight * (1 - 1e-12) * CASE WHEN n >= {p99} THEN 0.01 ELSE 0.05 END AS is_listed,
        weight - above >= weight * (1 - 1e-12) * 0.5 AS from_p50
    FROM placed
    WHERE n >= {p95}
), marked AS (
    SELECT *,
        min(root_duration_ns) FILTER (WHERE is_listed) OVER one_group AS threshold_ns,
        min(root_duration_ns) FILTER (WHERE from_p50) OVER one_group AS median_ns
    FROM listed
    WINDOW one_group AS (PARTITION BY root_service_name, root_span_name)
)
SELECT root_service_name, root_span_name, n AS trace_count,
    count(*) FILTER (WHERE is_listed) AS review_count, threshold_ns,
    count(*) FILTER (WHERE root_duration_ns >= threshold_ns) AS slow_count,
    percentile_nearest(root_duration_ns, 0.5, sample_weight) AS p50_ns,
    percentile_nearest(root_duration_ns, 0.95, sample_weight) AS p95_ns,
    percentile_nearest(root_duration_ns, 0.99, sample_weight) AS p99_ns,
    CAST(round(sum(sample_weight * (root_duration_ns - median_ns))
        FILTER (WHERE root_duration_ns >= threshold_ns)) AS BIGINT) AS impact_ns
FROM marked
GROUP BY root_service_name, root_span_name, n, threshold_ns
ORDER BY impact_ns DESC, root_service_name, root_span_name",
        starts_in(range)
    )
}

/// The versions that were first seen in the range.
pub(super) fn deployments(before: &Range, range: &Range) -> String {
    let (earliest, from) = (instant::to_text(&before.from()), instant::to_text(&range.from()));
    format!(
        "-- Versions that were first seen in the range, of services that had another one before.
SELECT service_name, service_version, deployment_environment, previous_version, first_seen,
    error_rate, p99_ns
FROM deployments(\"from\" => '{earliest}', \"to\" => '{}')
WHERE is_new AND first_seen >= '{from}'
ORDER BY first_seen, service_name, service_version",
        instant::to_text(&range.to())
    )
}

/// The table of root operations with too few traces.
pub(super) fn shown_small_groups(range: &Range) -> String {
    format!(
        "-- Root operations with too few complete traces to say which are slow.
SELECT root_service_name, root_span_name,
    sum(CASE WHEN is_connected THEN 1 ELSE 0 END) AS trace_count,
    sum(CASE WHEN is_connected THEN 0 ELSE 1 END) AS incomplete_trace_count,
    max(CASE WHEN is_connected THEN root_duration_ns END) AS slowest_ns
FROM traces
WHERE {}
GROUP BY root_service_name, root_span_name
HAVING sum(CASE WHEN is_connected THEN 1 ELSE 0 END) < {}
ORDER BY trace_count DESC, root_service_name, root_span_name",
        starts_in(range),
        fewest_traces()
    )
}

/// The review list of one root operation.
pub(super) fn shown_review_list(range: &Range, group: &GroupHeader) -> String {
    format!(
        "-- The slowest {} % of {} traces.
SELECT trace_id, start_time, root_duration_ns, root_status_code
FROM traces
WHERE {}
    AND is_connected
    AND {}
ORDER BY root_duration_ns DESC, trace_id
LIMIT {}",
        group.slowest_percent,
        group.trace_count,
        starts_in(range),
        root_is(group),
        group.review_count
    )
}

/// The causes of one root operation.
pub(super) fn shown_causes(range: &Range, group: &GroupHeader) -> String {
    let GroupHeader { threshold_ns, typical_low_ns, typical_high_ns, .. } = group;
    format!(
        "-- Mean time on the critical path per operation, in {} slow traces (the {} slowest, and those
-- as slow as the last) and in {} typical ones (40th to 60th percentile), largest excess first.
-- Sums are of the stored traces; means count a sampled one as many times as its weight says.
WITH picked AS (
    SELECT trace_id AS picked_id, sample_weight AS weight,
        sum(sample_weight) FILTER (WHERE root_duration_ns >= {threshold_ns}) OVER () AS slow_weight,
        sum(sample_weight) FILTER (WHERE root_duration_ns BETWEEN {typical_low_ns} AND {typical_high_ns})
            OVER () AS typical_weight,
        root_duration_ns >= {threshold_ns} AS is_slow,
        root_duration_ns BETWEEN {typical_low_ns} AND {typical_high_ns} AS is_typical
    FROM traces
    WHERE {}
        AND is_connected
        AND {}
        AND (root_duration_ns >= {threshold_ns}
            OR root_duration_ns BETWEEN {typical_low_ns} AND {typical_high_ns})
), timed AS (
    SELECT service_name, span_name, critical_path_ns, is_slow, is_typical, nested_right,
        weight, slow_weight, typical_weight, {ROOT_END}
    FROM spans JOIN picked ON trace_id = picked_id
)
SELECT service_name, span_name,
    sum(CASE WHEN is_slow THEN critical_path_ns ELSE 0 END) AS slow_sum_ns,
    sum(CASE WHEN is_typical THEN critical_path_ns ELSE 0 END) AS typical_sum_ns,
    sum(CASE WHEN is_slow AND critical_path_ns > 0 THEN 1 ELSE 0 END) AS slow_calls,
    sum(CASE WHEN is_typical AND critical_path_ns > 0 THEN 1 ELSE 0 END) AS typical_calls,
    sum(CASE WHEN is_slow THEN weight * critical_path_ns ELSE 0.0 END) / max(slow_weight)
        - sum(CASE WHEN is_typical THEN weight * critical_path_ns ELSE 0.0 END) / max(typical_weight)
        AS excess_ns
FROM timed
WHERE nested_right <= root_end
GROUP BY service_name, span_name
ORDER BY excess_ns DESC, service_name, span_name",
        group.slow_count,
        group.review_count,
        group.typical_count,
        starts_in(range),
        root_is(group)
    )
}

/// The kinds of slow traces of one root operation.
pub(super) fn shown_clusters(range: &Range, group: &GroupHeader) -> String {
    format!(
        "-- Slow traces by call tree, main cause and error.
SELECT rank, dominant_service_name, dominant_span_name, error_type, shape, slow_traces, share, excess_ns,
    median_ns, example_trace_id, slowest_trace_id, latest_trace_id
FROM slow_clusters(fraction => {}, service => {}, operation => {}, \"from\" => '{}', \"to\" => '{}')
ORDER BY rank",
        f64::from(group.slowest_percent) / 100.0,
        quoted(&group.root_service_name),
        quoted(&group.root_span_name),
        instant::to_text(&range.from()),
        instant::to_text(&range.to())
    )
}

/// The spans of one trace.
pub(super) fn shown_waterfall(waterfall: &Waterfall) -> String {
    format!(
        "-- The spans of one trace in calling order.
SELECT {WATERFALL_COLUMNS}
FROM spans
WHERE trace_id = {} AND NOT is_duplicate
ORDER BY nested_left",
        quoted(&waterfall.trace_id)
    )
}

/// The incomplete traces of the range.
pub(super) fn shown_incomplete(range: &Range) -> String {
    format!(
        "SELECT trace_id, root_service_name, root_span_name, span_count, orphan_count
FROM traces
WHERE {} AND NOT is_connected
ORDER BY orphan_count DESC, trace_id
LIMIT 100",
        starts_in(range)
    )
}

/// The spans of the range that end before they start.
pub(super) fn shown_negative_durations(range: &Range) -> String {
    format!(
        "SELECT service_name, span_name, count(*) AS spans, max(negative_duration_ns) AS worst_ns
FROM spans
WHERE {} AND negative_duration_ns > 0
GROUP BY service_name, span_name
ORDER BY spans DESC, service_name, span_name",
        starts_in(range)
    )
}

/// The weights of the range's traces.
pub(super) fn shown_weights(range: &Range) -> String {
    format!(
        "SELECT sample_weight, count(*) AS traces
FROM traces
WHERE {}
GROUP BY sample_weight
ORDER BY sample_weight",
        starts_in(range)
    )
}

fn starts_in(range: &Range) -> String {
    let (from, to) = (instant::to_text(&range.from()), instant::to_text(&range.to()));
    format!("start_time >= '{from}' AND start_time < '{to}'")
}

fn root_is(group: &GroupHeader) -> String {
    format!(
        "root_service_name = {} AND root_span_name = {}",
        quoted(&group.root_service_name),
        quoted(&group.root_span_name)
    )
}
