-- What is usual for services or operations at that time of the week, and what was observed: one row for each bucket
-- of time, for a chart with its band. Expected is the median of the same hour in the weeks before (and of the mean of
-- its neighbours), times the trend of the last 24 hours; buckets that were unusual themselves do not count. `score`
-- says how far from it a bucket is: the difference over the largest of the robust standard deviation of that hour,
-- that of the series, 5 %, 1 ms (for durations) and what chance does to so few spans. For error rates it is 3.5 where
-- so many errors have a probability of one in a thousand, or where the rate is 0.5 points above the usual one and
-- twice that, whichever score is less. `event` counts what was anomalous so far: an event begins when `needed` of
-- `among` buckets in a row scored `least_score`, and ends when all of `among` scored less than 5/7 of that; `since`
-- is when it did. Percentiles take 13 spans for p50, 72 for p95 and 368 for p99, else the `state` of a bucket is
-- `too few spans`; without 4 values of earlier weeks, or 12 of the last 24 hours, it is `no baseline`.
--
-- metric TEXT('p50', 'p95', 'p99', 'error_rate', 'traffic') = 'p95': Percentiles are in nanoseconds,
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
-- time_zone ZONE = 'UTC': Whose hours of the week, as 'Europe/Berlin': those after a change of the clock are compared
--   with those that had the same time of day before.
--
-- example: SELECT start_time, observed, expected, lower, upper FROM baseline('p95', service => 'checkout')
WITH counted AS (
    SELECT
        service_name,
        CASE WHEN $by = 'operation' THEN span_name END AS span_name,
        CASE WHEN $by = 'operation' OR span_kind = 'internal' THEN span_kind ELSE 'entry' END AS kind,
        CASE WHEN $by = 'version' THEN service_version END AS service_version,
        date_bin($bucket, start_time) AS start_time,
        count(*) AS spans,
        sum(sample_weight) AS calls,
        coalesce(sum(sample_weight) FILTER (WHERE status_code = 'error'), 0) AS errors,
        sketch(duration_ns) AS durations
    FROM spans
    WHERE start_time >= date_bin($bucket, $from) - INTERVAL '1 day' - $bucket
            - arrow_cast($weeks * 604800, 'Duration(Second)')
        AND start_time < date_bin($bucket, $to)
        AND ($service IS NULL OR service_name = $service)
        AND ($operation IS NULL OR span_name = $operation)
        AND ($by = 'operation' OR span_kind IN ('server', 'consumer', 'internal'))
    GROUP BY 1, 2, 3, 4, 5
), measured AS (
    -- One row for each metric. Bounds are those of the percentile by the ranks of order statistics.
    SELECT
        service_name, span_name, kind, service_version, start_time, metric, spans, calls, errors,
        CASE
            WHEN metric = 'traffic' THEN calls
            WHEN metric = 'error_rate' THEN errors / calls
            WHEN spans >= least_spans THEN sketch_quantile(durations, q)
        END AS observed,
        CASE
            WHEN metric = 'error_rate' THEN wilson_low(errors * spans / calls, spans, 3.5)
            WHEN spans >= least_spans AND q >= margin THEN sketch_quantile(durations, q - margin)
        END AS observed_low,
        CASE
            WHEN metric = 'error_rate' THEN wilson_high(errors * spans / calls, spans, 3.5)
            WHEN spans >= least_spans AND q + margin <= 1 THEN sketch_quantile(durations, q + margin)
        END AS observed_high
    FROM (
        SELECT
            *,
            CASE metric WHEN 'p50' THEN 13 WHEN 'p95' THEN 72 WHEN 'p99' THEN 368 END AS least_spans,
            3.5 * sqrt(q * (1 - q) / spans) AS margin
        FROM (
            SELECT *, CASE metric WHEN 'p50' THEN 0.5 WHEN 'p95' THEN 0.95 WHEN 'p99' THEN 0.99 END AS q
            FROM (
                SELECT
                    *,
                    -- A service that is never called is what it does by itself.
                    min(kind) OVER (PARTITION BY service_name) AS first_kind,
                    unnest(CASE
                        WHEN $metric IS NULL THEN make_array('p50', 'p95', 'p99', 'error_rate', 'traffic')
                        ELSE make_array($metric)
                    END) AS metric
                FROM counted
            )
            WHERE kind = first_kind OR $by = 'operation'
        )
    )
), filled AS (
    -- No call is a value of traffic.
    SELECT
        service_name, span_name, kind, service_version, metric, bucket_start AS start_time,
        CASE WHEN bucket_start = start_time THEN spans ELSE 0 END AS spans,
        CASE WHEN bucket_start = start_time THEN calls ELSE 0 END AS calls,
        CASE WHEN bucket_start = start_time THEN errors ELSE 0 END AS errors,
        CASE WHEN bucket_start = start_time THEN observed ELSE 0 END AS observed,
        observed_low,
        observed_high
    FROM (
        SELECT
            *,
            unnest(generate_series(
                start_time,
                CASE
                    WHEN metric = 'traffic' THEN lead(start_time, 1, date_bin($bucket, $to)) OVER series - $bucket
                    ELSE start_time
                END,
                $bucket
            )) AS bucket_start
        FROM measured
        WINDOW series AS (
            PARTITION BY service_name, span_name, kind, service_version, metric ORDER BY start_time
        )
    )
), compared AS (
    SELECT
        *,
        CASE
            WHEN metric = 'error_rate' THEN
                seasonal_rate(local_time, errors, calls, $bucket, $weeks, frozen_at) OVER series
            ELSE
                seasonal_median(local_time, observed, $bucket, $weeks, frozen_at) OVER series
        END AS usual
    FROM (
        SELECT
            *,
            to_local_time(start_time AT TIME ZONE $time_zone) AS local_time,
            CASE WHEN $frozen THEN to_local_time(date_bin($bucket, $from) AT TIME ZONE $time_zone) END AS frozen_at
        FROM filled
    ) AS clocked
    WINDOW series AS (PARTITION BY service_name, span_name, kind, service_version, metric)
), banded AS (
    SELECT
        service_name, span_name, kind, service_version, metric, start_time, spans, calls, errors,
        observed, observed_low, observed_high, usual['source'] AS source, usual['points'] AS points,
        usual['expected'] AS expected,
        CASE
            WHEN metric = 'error_rate' THEN greatest(usual['expected'], 0.005) / 3.5
            ELSE greatest(
                usual['deviation'], usual['typical_deviation'], 0.05 * usual['expected'],
                CASE WHEN metric = 'traffic' THEN 1.0 ELSE 1000000.0 END
            )
        END AS scale
    FROM compared
    WHERE start_time >= date_bin($bucket, $from)
), scored AS (
    SELECT
        *,
        CASE
            -- What is not known would be left out of the least and the greatest.
            WHEN observed IS NULL OR expected IS NULL THEN NULL
            WHEN metric = 'error_rate' AND observed <= expected THEN 0.0
            WHEN metric = 'error_rate' THEN least(
                (observed - expected) / scale,
                -3.5 / 3 * log10(greatest(
                    binomial_tail(errors * spans / nullif(calls, 0), spans, expected),
                    1e-300
                ))
            )
            WHEN metric = 'traffic' THEN signum(observed - expected) * least(
                abs(observed - expected) / scale,
                -- The root of the deviance of a Poisson distribution, for as many calls as were sampled.
                sqrt(2 * greatest(
                    CASE WHEN observed > 0 THEN observed * ln(observed / greatest(expected, 0.5)) ELSE 0 END
                        - (observed - greatest(expected, 0.5)),
                    0
                ) / CASE WHEN spans > 0 THEN calls / spans ELSE 1 END)
            )
            WHEN observed >= expected
                THEN (observed - expected) / greatest(scale, (observed - observed_low) / 3.5)
            WHEN observed_high IS NOT NULL
                THEN (observed - expected) / greatest(scale, (observed_high - observed) / 3.5)
            WHEN observed < expected THEN 0.0
        END AS score
    FROM banded
), marked AS (
    SELECT
        *,
        CASE WHEN sign * score >= $least_score THEN 1 ELSE 0 END AS hot,
        CASE WHEN sign * score < $least_score * 5 / 7 THEN 1 ELSE 0 END AS calm
    FROM (
        SELECT
            *,
            CASE $direction WHEN 'high' THEN 1.0 WHEN 'low' THEN -1.0 ELSE signum(score) END AS sign
        FROM scored
    )
), runs AS (
    -- A bucket without a score is skipped: it neither begins nor ends anything.
    SELECT
        *,
        sum(hot) OVER so_far AS hot_so_far,
        sum(calm) OVER so_far AS calm_so_far,
        CASE WHEN hot = 1 THEN lag(start_time, $needed - 1) OVER hot_ones END AS hot_since,
        CASE WHEN calm = 1 THEN lag(start_time, $among - 1) OVER calm_ones END AS calm_since
    FROM marked
    WINDOW
        so_far AS (
            PARTITION BY service_name, span_name, kind, service_version, metric, score IS NULL ORDER BY start_time
        ),
        hot_ones AS (
            PARTITION BY service_name, span_name, kind, service_version, metric, hot ORDER BY start_time
        ),
        calm_ones AS (
            PARTITION BY service_name, span_name, kind, service_version, metric, calm ORDER BY start_time
        )
), changes AS (
    SELECT
        *,
        CASE
            WHEN hot = 1 AND hot_so_far - lag(hot_so_far, $among, 0) OVER so_far >= $needed THEN 1
            WHEN calm = 1 AND calm_so_far - lag(calm_so_far, $among, 0) OVER so_far >= $among THEN 0
        END AS change
    FROM runs
    WINDOW so_far AS (
        PARTITION BY service_name, span_name, kind, service_version, metric, score IS NULL ORDER BY start_time
    )
), followed AS (
    SELECT
        *,
        coalesce(last_value(change) IGNORE NULLS OVER (
            PARTITION BY service_name, span_name, kind, service_version, metric ORDER BY start_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ), 0) AS anomalous
    FROM changes
)
SELECT
    service_name, span_name, CASE WHEN $by = 'operation' THEN kind END AS span_kind, service_version, metric,
    start_time, calls, observed, expected,
    greatest(expected - $least_score * scale, 0) AS lower,
    expected + $least_score * scale AS upper,
    observed_low, observed_high, score,
    CASE
        WHEN observed IS NULL THEN 'too few spans'
        WHEN expected IS NULL THEN 'no baseline'
        WHEN anomalous = 1 AND score < 0 THEN 'low'
        WHEN anomalous = 1 THEN 'high'
        ELSE 'normal'
    END AS state,
    source,
    points,
    CASE WHEN change = 1 THEN hot_since WHEN change = 0 THEN calm_since END AS since,
    sum(CASE WHEN anomalous = 1 AND before = 0 THEN 1 ELSE 0 END) OVER so_far AS event
FROM (
    SELECT *, lag(anomalous, 1, 0) OVER so_far AS before
    FROM followed
    WINDOW so_far AS (PARTITION BY service_name, span_name, kind, service_version, metric ORDER BY start_time)
)
WINDOW so_far AS (PARTITION BY service_name, span_name, kind, service_version, metric ORDER BY start_time)
ORDER BY service_name, span_name, span_kind, service_version, metric, start_time
