-- One row per trace that was assembled: a summary is on one of its rows.
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
