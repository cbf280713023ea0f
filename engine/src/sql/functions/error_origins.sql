-- Where failures start: one row for each service and operation in which an error began, with the failed requests
-- that it led to. An error begins at a span that failed while none of its children did. It is decisive for a
-- request if one comes to it from the failed root by going to the failed child that ended last, which is the last
-- of several attempts; it is first if it ended before all others that led to the failure. A call whose callee has
-- no span is blamed on the callee (`origin_service`) if it timed out or was answered 5xx, else on the caller.
--
-- since INTERVAL = INTERVAL '1 hour': How far to look back.
-- service TEXT = NULL: Only failed requests to this service: those whose root is of it.
--
-- example: SELECT rank, origin_service, span_name, error_type, decisive_traces FROM error_origins() WHERE rank <= 5
WITH origins AS (
    SELECT
        CASE
            WHEN span_kind IN ('client', 'producer') AND NOT is_paired AND (
                error_type IN ('timeout', 'UNAVAILABLE', 'DEADLINE_EXCEEDED', '14', '4')
                OR lower(error_type) LIKE '%timeout%' OR lower(error_type) LIKE '%connect%'
                OR http_response_status_code >= 500
            ) THEN coalesce(
                peer_service, db_namespace, db_system, server_address, network_peer_address, service_name
            )
            ELSE service_name
        END AS origin_service,
        service_name, span_name, span_kind, error_type, status_message, trace_id, start_time, sample_weight,
        is_first_error, is_decisive_error
    FROM spans
    WHERE start_time >= $from AND start_time < $to AND error_origin
        AND ($service IS NULL OR root_service_name = $service)
)
SELECT
    row_number() OVER (
        ORDER BY decisive_traces DESC, failed_spans DESC, origin_service, service_name, span_name, error_type
    ) AS rank,
    *
FROM (
    SELECT
        origin_service,
        service_name,
        span_name,
        span_kind,
        error_type,
        sum(sample_weight) AS failed_spans,
        coalesce(sum(sample_weight) FILTER (WHERE is_decisive_error), 0) AS decisive_traces,
        coalesce(sum(sample_weight) FILTER (WHERE is_first_error), 0) AS first_traces,
        count(DISTINCT trace_id) AS affected_traces,
        min(start_time) AS first_seen,
        max(start_time) AS last_seen,
        max(status_message) AS example_message,
        coalesce(max(trace_id) FILTER (WHERE is_decisive_error), max(trace_id)) AS example_trace_id
    FROM origins
    GROUP BY origin_service, service_name, span_name, span_kind, error_type
) AS by_operation
ORDER BY rank
