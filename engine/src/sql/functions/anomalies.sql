-- What is not as usual, and since when: one row for each event, that is a metric of a service (or version, or
-- operation) that left its band. What is `ongoing` comes first, then what has had `no data` since, then what has
-- `ended`, each with the worst first. Observed and expected are those of the worst bucket; `detected_at` is when it
-- could be known. What cannot be judged at all comes last, without a rank: its `state` is `no baseline` or
-- `too few spans` (take longer buckets). `baseline` says how scores and events come about, and has every bucket.
--
-- metric TEXT('p50', 'p95', 'p99', 'error_rate', 'traffic') = NULL: Percentiles are in nanoseconds,
-- traffic is calls in the bucket; NULL for all of them.
-- since INTERVAL = INTERVAL '1 day': How far to look back. A bucket that is not over at `to` is left out.
-- service TEXT = NULL: Only this service.
-- operation TEXT = NULL: Only this `span_name`.
-- by TEXT('service', 'version', 'operation') = 'service': What is one series: a service or version, of its entry spans,
-- or an operation of any kind.
-- direction TEXT('high', 'low', 'both') = 'both': What is anomalous.
-- least_score DOUBLE = 3.5: From which score on.
-- needed BIGINT = $among: In how many buckets.
-- among BIGINT = CASE WHEN $bucket < INTERVAL '1 hour' THEN 3 ELSE 1 END: Of how many in a row.
-- bucket INTERVAL = INTERVAL '1 hour': How long a bucket is: a part of a week.
-- weeks BIGINT = 6: How many weeks before count.
-- frozen BOOLEAN = false: Whether the trend stays what it was at `from`. Else what lasts for a day becomes the trend.
-- time_zone ZONE = 'UTC': Whose hours of the week, as 'Europe/Berlin'.
--
-- example: SELECT rank, service_name, metric, direction, started_at, ended_at, expected, observed FROM anomalies()
WITH judged AS (
    SELECT
        *,
        count(score) OVER series AS scores,
        -- What is said of a series that has no score.
        min(state) OVER series AS first_state
    FROM baseline(
        metric => $metric, "from" => $from, "to" => $to, service => $service, operation => $operation, by => $by,
        direction => $direction, least_score => $least_score, needed => $needed, among => $among, bucket => $bucket,
        weeks => $weeks, frozen => $frozen, time_zone => $time_zone
    )
    WINDOW series AS (PARTITION BY service_name, span_name, span_kind, service_version, metric)
), events AS (
    SELECT
        service_name,
        span_name,
        span_kind,
        service_version,
        event,
        string_agg(DISTINCT metric, ', ' ORDER BY metric) AS metric,
        CASE
            WHEN event = 0 THEN min(first_state)
            WHEN count(*) FILTER (WHERE state = 'normal') > 0 THEN 'ended'
            WHEN last_value(state ORDER BY start_time) IN ('high', 'low') THEN 'ongoing'
            ELSE 'no data'
        END AS state,
        first_value(state ORDER BY abs(score) DESC, start_time) FILTER (WHERE state IN ('high', 'low')) AS direction,
        min(since) FILTER (WHERE state IN ('high', 'low')) AS started_at,
        min(start_time) FILTER (WHERE state IN ('high', 'low')) + $bucket AS detected_at,
        min(since) FILTER (WHERE event > 0 AND state = 'normal') AS ended_at,
        count(*) FILTER (WHERE state IN ('high', 'low')) AS buckets,
        first_value(start_time ORDER BY abs(score) DESC, start_time)
            FILTER (WHERE state IN ('high', 'low')) AS worst_at,
        first_value(observed ORDER BY abs(score) DESC, start_time) FILTER (WHERE state IN ('high', 'low')) AS observed,
        first_value(expected ORDER BY abs(score) DESC, start_time) FILTER (WHERE state IN ('high', 'low')) AS expected,
        first_value(lower ORDER BY abs(score) DESC, start_time) FILTER (WHERE state IN ('high', 'low')) AS lower,
        first_value(upper ORDER BY abs(score) DESC, start_time) FILTER (WHERE state IN ('high', 'low')) AS upper,
        first_value(score ORDER BY abs(score) DESC, start_time) FILTER (WHERE state IN ('high', 'low')) AS score,
        sum(calls) FILTER (WHERE state IN ('high', 'low')) AS calls,
        first_value(source ORDER BY abs(score) DESC, start_time) FILTER (WHERE state IN ('high', 'low')) AS source
    FROM judged
    WHERE event > 0 OR scores = 0
    GROUP BY
        service_name, span_name, span_kind, service_version, event,
        CASE WHEN scores > 0 THEN metric ELSE first_state END
)
SELECT
    CASE
        WHEN event > 0 THEN row_number() OVER (
            ORDER BY event > 0 DESC, state DESC, abs(score) DESC, service_name, span_name, span_kind, service_version,
                metric, started_at
        )
    END AS rank,
    service_name, span_name, span_kind, service_version, metric, state, direction, started_at, detected_at, ended_at,
    buckets, worst_at, observed, expected, lower, upper, score, calls, source
FROM events
ORDER BY rank NULLS LAST, service_name, span_name, span_kind, service_version, metric
