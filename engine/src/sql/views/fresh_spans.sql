-- All other spans. The tree columns are computed from whole traces, and only when a
-- query names one of them.
SELECT
    {{span_columns_of_tree}}
FROM (
    SELECT
        *,
        span_tree(
            span_id, parent_span_id, start_time_unix_nano, duration_ns, span_kind,
            status_code, service_name, span_name, flags, service_instance_id
        ) OVER (PARTITION BY trace_id) AS tree
    FROM storage.fresh
)
