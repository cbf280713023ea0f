-- Rate, errors and durations: one row for each operation and step of time in which it was called. A first look at a
-- service, and what a dashboard draws. The first and the last step have what lies between `from` and `to`.
--
-- since INTERVAL = INTERVAL '1 hour': How far to look back.
-- step INTERVAL = INTERVAL '1 minute': How long a step is.
-- service TEXT = NULL: Only this service.
-- operation TEXT = NULL: Only this `span_name`.
-- kind TEXT = NULL: Only spans of this kind, as 'server'.
--
-- example: SELECT time, service_name, span_name, calls, error_rate, p99_ns FROM red(kind => 'server')
SELECT
    time,
    service_name,
    span_name,
    calls,
    calls / (arrow_cast(time + $step, 'Int64') - arrow_cast(time, 'Int64')) * 1e9 AS calls_per_second,
    errors,
    errors / calls AS error_rate,
    p50_ns,
    p95_ns,
    p99_ns
FROM (
    SELECT
        date_bin($step, start_time) AS time,
        service_name,
        span_name,
        sum(sample_weight) AS calls,
        coalesce(sum(sample_weight) FILTER (WHERE status_code = 'error'), 0) AS errors,
        quantile(duration_ns, 0.5, sample_weight) AS p50_ns,
        quantile(duration_ns, 0.95, sample_weight) AS p95_ns,
        quantile(duration_ns, 0.99, sample_weight) AS p99_ns
    FROM spans
    WHERE start_time >= $from AND start_time < $to
        AND ($service IS NULL OR service_name = $service)
        AND ($operation IS NULL OR span_name = $operation)
        AND ($kind IS NULL OR span_kind = $kind)
    GROUP BY date_bin($step, start_time), service_name, span_name
) AS steps
ORDER BY time, service_name, span_name
