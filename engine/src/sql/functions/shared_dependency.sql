-- What troubled services have in common: one row for each service, database or peer that is worse than in the period of
-- the same length before, and that troubled callers reach, over any number of calls. `coverage` is the share of the
-- troubled callers that reach it, `specificity` the share of troubled ones among all that reach it, `score` their
-- harmonic mean. Of equals the deepest comes first: the one that most callers reach. Trouble is an error rate that
-- is twice what it was and 0.5 points more, by a test of two proportions, or a p50 or p95 that rose by 5 % and 1 ms,
-- each by 3.5 standard deviations of what chance does; `evidence` is how many there are. A dependency is judged by the
-- calls to it.
--
-- callers TEXT = NULL: The troubled services, separated by commas; by default those found in the same way.
-- since INTERVAL = INTERVAL '1 hour': How long the trouble has lasted.
--
-- example: SELECT rank, dependency, score, error_rate_before, error_rate, troubled_callers FROM shared_dependency()
WITH RECURSIVE calls AS (
    SELECT
        client_service,
        server_service,
        CASE WHEN start_time >= $from THEN 1 ELSE 0 END AS is_now,
        count(*) AS spans,
        sum(sample_weight) AS calls,
        coalesce(sum(sample_weight) FILTER (WHERE is_failed), 0) AS errors,
        sketch(duration_ns, sample_weight) AS durations
    FROM edges
    WHERE start_time >= $from - ($to - $from) AND start_time < $to
    GROUP BY 1, 2, 3
), callees AS (
    SELECT
        name,
        max(calls) FILTER (WHERE is_now = 1) AS calls,
        max(spans) FILTER (WHERE is_now = 1) AS spans,
        max(spans) FILTER (WHERE is_now = 0) AS spans_before,
        max(errors / calls) FILTER (WHERE is_now = 1) AS error_rate,
        max(errors / calls) FILTER (WHERE is_now = 0) AS error_rate_before,
        max(durations) FILTER (WHERE is_now = 1) AS durations,
        max(durations) FILTER (WHERE is_now = 0) AS durations_before
    FROM (
        SELECT
            server_service AS name,
            is_now,
            sum(spans) AS spans,
            sum(calls) AS calls,
            sum(errors) AS errors,
            sketch_merge(durations) AS durations
        FROM calls
        GROUP BY server_service, is_now
    )
    GROUP BY name
    HAVING count(*) = 2
), judged AS (
    SELECT
        *,
        CASE
            WHEN error_rate >= error_rate_before + greatest(0.005, error_rate_before) THEN coalesce(
                (error_rate - error_rate_before) / nullif(sqrt(
                    (error_rate * spans + error_rate_before * spans_before) / (spans + spans_before)
                        * (1 - (error_rate * spans + error_rate_before * spans_before) / (spans + spans_before))
                        * (1.0 / spans + 1.0 / spans_before)
                ), 0),
                0
            )
            ELSE 0
        END AS error_evidence,
        greatest(
            CASE WHEN least(spans, spans_before) >= 13 THEN (p50_ns - p50_before_ns) / greatest(
                0.05 * p50_before_ns, 1000000.0,
                sqrt(
                    power(p50_ns - sketch_quantile(durations, 0.5 - 1.75 / sqrt(spans)), 2)
                    + power(sketch_quantile(durations_before, 0.5 + 1.75 / sqrt(spans_before)) - p50_before_ns, 2)
                ) / 3.5
            ) END,
            CASE WHEN least(spans, spans_before) >= 233 THEN (p95_ns - p95_before_ns) / greatest(
                0.05 * p95_before_ns, 1000000.0,
                sqrt(
                    power(p95_ns - sketch_quantile(durations, 0.95 - 3.5 * sqrt(0.0475 / spans)), 2)
                    + power(
                        sketch_quantile(durations_before, 0.95 + 3.5 * sqrt(0.0475 / spans_before)) - p95_before_ns, 2
                    )
                ) / 3.5
            ) END,
            0
        ) AS latency_evidence
    FROM (
        SELECT
            *,
            sketch_quantile(durations, 0.5) AS p50_ns,
            sketch_quantile(durations_before, 0.5) AS p50_before_ns,
            sketch_quantile(durations, 0.95) AS p95_ns,
            sketch_quantile(durations_before, 0.95) AS p95_before_ns
        FROM callees
    )
), reach AS (
    SELECT DISTINCT client_service AS caller, server_service AS dependency
    FROM calls
    WHERE client_service <> 'user' AND client_service <> server_service
    UNION
    SELECT reach.caller, further.server_service
    FROM reach
    JOIN (SELECT DISTINCT client_service, server_service FROM calls) AS further
        ON further.client_service = reach.dependency
    WHERE further.server_service <> reach.caller
), troubled AS (
    SELECT DISTINCT trim(unnest(string_to_array($callers, ','))) AS name
    WHERE $callers IS NOT NULL
    UNION
    SELECT name
    FROM judged
    WHERE $callers IS NULL AND greatest(error_evidence, latency_evidence) >= 3.5
        AND name IN (SELECT client_service FROM calls)
), shared AS (
    SELECT
        dependency,
        count(*) AS callers,
        count(troubled.name) AS troubled_callers,
        string_agg(troubled.name, ', ' ORDER BY troubled.name) AS troubled_names,
        max(everything.callers) AS all_troubled
    FROM reach
    LEFT JOIN troubled ON troubled.name = reach.caller
    CROSS JOIN (SELECT count(*) AS callers FROM troubled) AS everything
    GROUP BY dependency
)
SELECT
    row_number() OVER (ORDER BY score DESC, callers DESC, evidence DESC, dependency) AS rank,
    dependency, score, coverage, specificity, troubled_callers, callers, troubled_names, evidence,
    error_rate_before, error_rate, p50_before_ns, p50_ns, p95_before_ns, p95_ns, calls
FROM (
    SELECT
        dependency,
        2.0 * troubled_callers / (all_troubled + callers) AS score,
        CAST(troubled_callers AS DOUBLE) / all_troubled AS coverage,
        CAST(troubled_callers AS DOUBLE) / callers AS specificity,
        troubled_callers, callers, troubled_names,
        greatest(error_evidence, latency_evidence) AS evidence,
        error_rate_before, error_rate, p50_before_ns, p50_ns, p95_before_ns, p95_ns, calls
    FROM shared
    JOIN judged ON judged.name = shared.dependency
    WHERE troubled_callers > 0 AND greatest(error_evidence, latency_evidence) >= 3.5
)
ORDER BY rank
