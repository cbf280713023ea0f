-- One row per trace. Exact copies of a span count once. A trace is connected if
-- it has a root and every other span's parent is there. What was assembled has a
-- summary on one row of each trace; the rest is summed up here.
SELECT
    trace_id_hex(trace_id) AS trace_id,
    service_name AS root_service_name,
    span_name AS root_span_name,
    {{trace_start}} AS start_time,
    {{trace_end}} AS end_time,
    duration_ns AS root_duration_ns,
    trace_end_unix_nano - trace_start_unix_nano AS trace_duration_ns,
    status_code AS root_status_code,
    trace_span_count AS span_count,
    trace_error_count AS error_count,
    CAST(cardinality(trace_services) AS BIGINT) AS service_count,
    trace_services AS services,
    trace_max_depth AS max_depth,
    trace_is_connected AS is_connected,
    trace_orphan_count AS orphan_count,
    shape,
    coalesce(sample_weight, 1.0) AS sample_weight,
    {{promoted_columns}}
FROM storage.assembled
WHERE trace_start_unix_nano IS NOT NULL
UNION ALL
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
FROM storage.fresh_spans
GROUP BY trace_id
