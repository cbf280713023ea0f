-- Whether a service (or version, or operation) is back to what is usual, and since when: one row for each metric.
-- `state` is `not recovered`, `recovered` (`since` then), `never left`, `no baseline`, or `no data` if the last `among`
-- buckets could not be judged. Give `from` as of before the trouble: the trend is kept as it was then, so that what
-- lasts does not become what is usual. `baseline` says how scores and events come about, and has every bucket.
--
-- service TEXT = NULL: Only this service; if it has no spans, a row says so.
-- metric TEXT('p50', 'p95', 'p99', 'error_rate', 'traffic') = NULL: Percentiles are in nanoseconds,
-- traffic is calls in the bucket; NULL for all of them.
-- since INTERVAL = INTERVAL '1 day': How far to look back. A bucket that is not over at `to` is left out.
-- operation TEXT = NULL: Only this `span_name`.
-- by TEXT('service', 'version', 'operation') = 'service': What is one series: a service or version, of its entry spans,
-- or an operation of any kind.
-- direction TEXT('high', 'low', 'both') = 'both': What is anomalous.
-- least_score DOUBLE = 3.5: From which score on.
-- needed BIGINT = $among: In how many buckets.
-- among BIGINT = CASE WHEN $bucket < INTERVAL '1 hour' THEN 3 ELSE 1 END: Of how many in a row.
-- bucket INTERVAL = INTERVAL '1 hour': How long a bucket is: a part of a week.
-- weeks BIGINT = 6: How many weeks before count.
-- time_zone ZONE = 'UTC': Whose hours of the week, as 'Europe/Berlin'.
--
-- example: SELECT metric, state, since, observed, expected FROM recovered('checkout', since => INTERVAL '6 hours')
WITH judged AS (
    SELECT *, max(event) OVER (PARTITION BY service_name, span_name, span_kind, service_version, metric) AS events
    FROM baseline(
        metric => $metric, "from" => $from, "to" => $to, service => $service, operation => $operation, by => $by,
        direction => $direction, least_score => $least_score, needed => $needed, among => $among, bucket => $bucket,
        weeks => $weeks, frozen => true, time_zone => $time_zone
    )
), series AS (
    SELECT
        service_name,
        span_name,
        span_kind,
        service_version,
        metric,
        events,
        max(CASE WHEN state = 'no baseline' THEN 1 ELSE 0 END) AS is_new,
        last_value(state ORDER BY start_time) FILTER (WHERE score IS NOT NULL) AS last_state,
        min(since) FILTER (WHERE event = 1 AND state IN ('high', 'low')) AS left_at,
        min(since) FILTER (WHERE event = events AND event > 0 AND state = 'normal') AS back_at,
        max(start_time) FILTER (WHERE score IS NOT NULL) AS last_at,
        last_value(observed ORDER BY start_time) FILTER (WHERE score IS NOT NULL) AS observed,
        last_value(expected ORDER BY start_time) FILTER (WHERE score IS NOT NULL) AS expected,
        last_value(lower ORDER BY start_time) FILTER (WHERE score IS NOT NULL) AS lower,
        last_value(upper ORDER BY start_time) FILTER (WHERE score IS NOT NULL) AS upper,
        last_value(score ORDER BY start_time) FILTER (WHERE score IS NOT NULL) AS score
    FROM judged
    GROUP BY service_name, span_name, span_kind, service_version, metric, events
), described AS (
    SELECT
        coalesce(service_name, asked) AS service_name,
        span_name,
        span_kind,
        service_version,
        coalesce(metric, $metric) AS metric,
        CASE
            WHEN last_at IS NULL AND is_new = 1 THEN 'no baseline'
            WHEN coalesce(
                arrow_cast(date_bin($bucket, $to), 'Int64') - arrow_cast(last_at, 'Int64')
                    > $among * arrow_cast(arrow_cast(0, 'Timestamp(Nanosecond, None)') + $bucket, 'Int64'),
                true
            ) THEN 'no data'
            WHEN last_state IN ('high', 'low') THEN 'not recovered'
            WHEN events = 0 THEN 'never left'
            ELSE 'recovered'
        END AS state,
        left_at, back_at, last_at, observed, expected, lower, upper, score
    FROM series
    FULL JOIN (SELECT $service AS asked WHERE $service IS NOT NULL) ON asked = service_name
)
SELECT
    service_name, span_name, span_kind, service_version, metric, state,
    CASE state WHEN 'recovered' THEN back_at WHEN 'not recovered' THEN left_at WHEN 'no data' THEN last_at END AS since,
    left_at, last_at, observed, expected, lower, upper, score
FROM described
ORDER BY service_name, span_name, span_kind, service_version, metric
