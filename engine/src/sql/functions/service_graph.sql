-- Who calls whom: one row for each caller, callee and kind of connection, with calls, errors and durations. What
-- counts as a call is said by the view `edges`, which has them one by one; durations are those of the callee if it
-- has a span.
--
-- since INTERVAL = INTERVAL '1 hour': How far to look back.
-- service TEXT = NULL: Only calls from or to this service.
--
-- example: SELECT client_service, server_service, connection_type, calls, errors, p99_ns FROM service_graph()
SELECT
    client_service,
    server_service,
    connection_type,
    calls,
    errors,
    errors / calls AS error_rate,
    -- From evidence, not from a ratio of few calls (semantics 8.3).
    CASE
        WHEN calls < 10 THEN 'idle'
        WHEN wilson_low(errors, calls) > 0.1 THEN 'failing'
        WHEN wilson_low(errors, calls) > 0.001 THEN 'degraded'
        ELSE 'healthy'
    END AS health,
    p50_ns,
    p95_ns,
    p99_ns,
    duration
FROM (
    SELECT
        client_service,
        server_service,
        connection_type,
        sum(sample_weight) AS calls,
        coalesce(sum(sample_weight) FILTER (WHERE is_failed), 0) AS errors,
        quantile(duration_ns, 0.5, sample_weight) AS p50_ns,
        quantile(duration_ns, 0.95, sample_weight) AS p95_ns,
        quantile(duration_ns, 0.99, sample_weight) AS p99_ns,
        sketch(duration_ns, sample_weight) AS duration
    FROM edges
    WHERE start_time >= $from AND start_time < $to
        AND ($service IS NULL OR client_service = $service OR server_service = $service)
    GROUP BY client_service, server_service, connection_type
) AS by_edge
ORDER BY calls DESC, client_service, server_service, connection_type
