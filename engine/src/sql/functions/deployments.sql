-- Which versions of which services ran, since when, and how they did: one row for each service, version and
-- environment. A version is new if another one of that service and environment was seen before it.
--
-- since INTERVAL = INTERVAL '7 days': How far to look back.
-- service TEXT = NULL: Only this service.
--
-- example: SELECT service_name, service_version, first_seen, previous_version FROM deployments() WHERE is_new
SELECT
    service_name,
    service_version,
    deployment_environment,
    first_seen,
    last_seen,
    lag(service_version) OVER earlier AS previous_version,
    lag(service_version) OVER earlier IS NOT NULL AS is_new,
    calls,
    errors,
    CAST(errors AS DOUBLE) / calls AS error_rate,
    p50_ns,
    p99_ns
FROM (
    SELECT
        service_name,
        service_version,
        deployment_environment,
        min(start_time) AS first_seen,
        max(start_time) AS last_seen,
        sum(sample_weight) FILTER (WHERE is_entry) AS calls,
        coalesce(sum(sample_weight) FILTER (WHERE is_entry AND status_code = 'error'), 0) AS errors,
        quantile(duration_ns, 0.5, sample_weight) FILTER (WHERE is_entry) AS p50_ns,
        quantile(duration_ns, 0.99, sample_weight) FILTER (WHERE is_entry) AS p99_ns
    FROM spans
    WHERE start_time >= $from AND start_time < $to
        AND service_version IS NOT NULL
        AND ($service IS NULL OR service_name = $service)
    GROUP BY service_name, service_version, deployment_environment
) AS versions
WINDOW earlier AS (PARTITION BY service_name, deployment_environment ORDER BY first_seen, service_version)
ORDER BY service_name, deployment_environment, first_seen
