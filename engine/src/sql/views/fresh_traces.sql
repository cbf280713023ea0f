-- One row per trace of fresh spans. Exact copies of a span count once. A trace is connected
-- if it has a root and every other span's parent is there.
SELECT
    trace_id,
    max(CASE WHEN is_primary_root THEN service_name END) AS root_service_name,
    max(CASE WHEN is_primary_root THEN span_name END) AS root_span_name,
    min(start_time) AS start_time,
    max(end_time) AS end_time,
    max(CASE WHEN is_primary_root THEN duration_ns END) AS root_duration_ns,
    arrow_cast(max(end_time), 'Int64') - arrow_cast(min(start_time), 'Int64') AS trace_duration_ns,
    max(CASE WHEN is_primary_root THEN status_code END) AS root_status_code,
    sum(CASE WHEN is_duplicate THEN 0 ELSE 1 END) AS span_count,
    sum(CASE WHEN status_code = 'error' AND NOT is_duplicate THEN 1 ELSE 0 END) AS error_count,
    count(DISTINCT service_name) AS service_count,
    array_sort(array_agg(DISTINCT service_name)) AS services,
    max(depth) AS max_depth,
    bool_or(is_root) AND NOT bool_or(is_orphan) AS is_connected,
    sum(CASE WHEN is_orphan THEN 1 ELSE 0 END) AS orphan_count,
    max(CASE WHEN is_primary_root THEN shape END) AS shape,
    max(CASE WHEN is_primary_root THEN sample_weight END) AS sample_weight,
    {{root_columns}}
FROM (
{{fresh_spans}}
)
GROUP BY trace_id
