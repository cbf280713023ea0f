-- Calls, errors and durations of every edge, by the minute, each call counted `sample_weight` times.
SELECT
    minute AS start_time,
    client_service,
    server_service,
    connection_type,
    sum(sample_weight) AS calls,
    coalesce(sum(sample_weight) FILTER (WHERE is_failed), 0) AS errors,
    sketch(duration_ns, sample_weight) AS duration
FROM (SELECT *, date_trunc('minute', start_time) AS minute FROM edges)
GROUP BY minute, client_service, server_service, connection_type
