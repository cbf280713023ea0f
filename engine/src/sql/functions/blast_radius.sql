-- Who is affected: of users, sessions, routes, regions, versions and hosts, how many have bad traces, out of
-- how many, and which one has the most. A value counts for a trace if its root span has it.
--
-- bad PREDICATE = 'root_status_code = ''error''': Which traces are bad: a condition on the columns of `traces`.
-- since INTERVAL = INTERVAL '1 hour': How far to look back.
--
-- example: SELECT dimension, affected, seen, worst_value FROM blast_radius('root_duration_ns > 1e9')
WITH marked AS (
    SELECT *, CASE WHEN $bad THEN true END AS is_bad
    FROM traces
    WHERE start_time >= $from AND start_time < $to
), by_value AS (
    SELECT 'user' AS dimension, user_id AS value, is_bad, sample_weight FROM marked
    UNION ALL SELECT 'session', session_id, is_bad, sample_weight FROM marked
    UNION ALL SELECT 'route', http_route, is_bad, sample_weight FROM marked
    UNION ALL SELECT 'operation', root_service_name || ' ' || root_span_name, is_bad, sample_weight FROM marked
    UNION ALL SELECT 'region', cloud_region, is_bad, sample_weight FROM marked
    UNION ALL SELECT 'environment', deployment_environment, is_bad, sample_weight FROM marked
    UNION ALL SELECT 'version', root_service_name || ' ' || service_version, is_bad, sample_weight FROM marked
    UNION ALL SELECT 'host', host_name, is_bad, sample_weight FROM marked
), counted AS (
    SELECT
        dimension,
        value,
        sum(sample_weight) AS traces,
        coalesce(sum(sample_weight) FILTER (WHERE is_bad), 0) AS bad_traces
    FROM by_value
    WHERE value IS NOT NULL
    GROUP BY dimension, value
)
SELECT
    dimension,
    count(*) FILTER (WHERE bad_traces > 0) AS affected,
    count(*) AS seen,
    CAST(count(*) FILTER (WHERE bad_traces > 0) AS DOUBLE) / count(*) AS affected_share,
    sum(bad_traces) AS bad_traces,
    sum(traces) AS traces,
    first_value(value ORDER BY bad_traces DESC, traces, value) FILTER (WHERE bad_traces > 0) AS worst_value,
    max(bad_traces) AS bad_traces_of_worst
FROM counted
GROUP BY dimension
ORDER BY affected_share DESC, dimension
