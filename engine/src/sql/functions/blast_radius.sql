-- Who is affected: of users, sessions, routes, regions, versions and hosts, how many have bad traces, out of
-- how many, and which one has the most. A value counts for a trace if its root span has it.
--
-- bad PREDICATE = 'root_status_code = ''error''': Which traces are bad: a condition on the columns of `traces`.
-- since INTERVAL = INTERVAL '1 hour': How far to look back.
--
-- example: SELECT dimension, affected, seen, worst_value FROM blast_radius('root_duration_ns > 1e9')
WITH marked AS (
    SELECT *, CASE WHEN $bad THEN sample_weight ELSE 0 END AS bad_weight
    FROM traces
    WHERE start_time >= $from AND start_time < $to
), counted AS (
    -- Of these there are many; what has few values is counted together first.
    SELECT 'user' AS dimension, user_id AS value, sum(sample_weight) AS traces, sum(bad_weight) AS bad_traces
    FROM marked
    GROUP BY user_id
    UNION ALL
    SELECT 'session', session_id, sum(sample_weight), sum(bad_weight)
    FROM marked
    GROUP BY session_id
    UNION ALL
    SELECT dimension, value, sum(traces), sum(bad_traces)
    FROM (
        SELECT
            unnest(make_array('route', 'operation', 'region', 'environment', 'version', 'host')) AS dimension,
            unnest(make_array(
                http_route, root_service_name || ' ' || root_span_name, cloud_region, deployment_environment,
                root_service_name || ' ' || service_version, host_name
            )) AS value,
            traces,
            bad_traces
        FROM (
            SELECT
                http_route, root_service_name, root_span_name, cloud_region, deployment_environment, service_version,
                host_name, sum(sample_weight) AS traces, sum(bad_weight) AS bad_traces
            FROM marked
            GROUP BY 1, 2, 3, 4, 5, 6, 7
        )
    )
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
WHERE value IS NOT NULL
GROUP BY dimension
ORDER BY affected_share DESC, dimension
