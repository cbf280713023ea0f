-- How fast SLOs burn their error budgets: one row for each SLO, alert and minute, over the time before that minute.
-- A burn rate of 1 uses up the budget just at the end of the SLO's window. An alert fires if the long and the short
-- window both burn faster than `threshold`. It is `suppressed` if chance would do that one time in a hundred
-- although the service burns no faster (few requests), or if there is less data than the short window is long; and
-- `pending` if it must last longer first; `is_met` in both cases.
--
-- slo SLO = NULL: Only this SLO.
-- since INTERVAL = INTERVAL '1 minute': How far to look back.
-- step BIGINT = 1: Minutes from one row to the next.
-- min_events BIGINT = 10: Events that a window needs which is longer than there is data.
--
-- example: SELECT slo, severity, long_minutes, burn_rate, threshold, state FROM burn_rate()
WITH alerts AS (
    SELECT alert.*, slo.budget
    FROM {{slo_alerts}} AS alert
    JOIN {{slos}} AS slo ON slo.slo = alert.slo
    WHERE $slo IS NULL OR alert.slo = $slo
), events AS (
    SELECT slo, arrow_cast(minute, 'Int64') / 60000000000 AS minute_number, valid, bad, valid_events, bad_events
    FROM sli(
        slo => $slo,
        "from" => date_trunc('minute', $from) - {{longest_alert}} - {{longest_after}},
        "to" => date_trunc('minute', $to)
    )
), every_minute AS (
    SELECT slo, unnest(generate_series(
        arrow_cast(date_trunc('minute', $from) - {{longest_alert}} - {{longest_after}}, 'Int64') / 60000000000,
        arrow_cast(date_trunc('minute', $to), 'Int64') / 60000000000 - 1
    )) AS minute_number
    FROM (SELECT DISTINCT slo FROM alerts) AS slos
), dense AS (
    SELECT
        every_minute.slo, every_minute.minute_number,
        coalesce(valid, 0.0) AS valid, coalesce(bad, 0.0) AS bad,
        coalesce(valid_events, 0) AS valid_events, coalesce(bad_events, 0) AS bad_events,
        CASE WHEN valid_events > 0 THEN every_minute.minute_number END AS seen
    FROM every_minute
    LEFT JOIN events ON events.slo = every_minute.slo AND events.minute_number = every_minute.minute_number
), windows AS (
    -- A row is about the time before the end of its minute.
    SELECT
        slo,
        minute_number + 1 AS minute_number,
        minute_number + 1 - min(seen) OVER (
            PARTITION BY slo ORDER BY minute_number ROWS UNBOUNDED PRECEDING
        ) AS age_minutes,
        {{slo_window_sums}}
    FROM dense
), measured AS (
    SELECT
        alerts.slo, alert, severity, compare, threshold, budget, long_minutes, short_minutes, after_minutes,
        minute_number, coalesce(age_minutes, 0) AS age_minutes,
        valid[long_at] AS valid, bad[long_at] AS bad,
        CAST(valid_events[long_at] AS BIGINT) AS valid_events, CAST(bad_events[long_at] AS BIGINT) AS bad_events,
        bad[long_at] / nullif(valid[long_at], 0.0) AS error_ratio,
        bad[long_at] / nullif(valid[long_at] * budget, 0.0) AS burn_rate,
        bad[short_at] / nullif(valid[short_at] * budget, 0.0) AS burn_rate_short
    FROM windows
    JOIN alerts ON alerts.slo = windows.slo
    WHERE minute_number > arrow_cast(date_trunc('minute', $from) - {{longest_after}}, 'Int64') / 60000000000
), judged AS (
    SELECT
        *,
        CASE
            WHEN burn_rate IS NULL OR burn_rate_short IS NULL THEN false
            WHEN compare = '>' THEN burn_rate > threshold AND burn_rate_short > threshold
            WHEN compare = '>=' THEN burn_rate >= threshold AND burn_rate_short >= threshold
            WHEN compare = '<' THEN burn_rate < threshold AND burn_rate_short < threshold
            ELSE burn_rate <= threshold AND burn_rate_short <= threshold
        END AS is_over,
        CASE WHEN valid_events > 0 AND compare IN ('>', '>=') THEN binomial_tail(
            bad_events, valid_events, least(threshold * budget, 1.0)
        ) END AS tail_probability
    FROM measured
), gated AS (
    SELECT
        *,
        is_over AND coalesce(tail_probability, 0.0) <= 0.01 AND age_minutes >= short_minutes
            AND (age_minutes >= long_minutes OR valid_events >= $min_events) AS is_met
    FROM judged
), runs AS (
    -- Minutes that follow each other, and are met or not, have the same difference. Who only wants those that are met
    -- has no others in here.
    SELECT
        *,
        minute_number - row_number() OVER (PARTITION BY slo, alert, is_met ORDER BY minute_number) AS run
    FROM gated
), lasting AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY slo, alert, is_met, run ORDER BY minute_number) AS met_minutes
    FROM runs
)
SELECT
    slo,
    arrow_cast(minute_number * 60000000000, 'Timestamp(Nanosecond, Some("UTC"))') AS time,
    alert, severity, long_minutes, short_minutes, threshold, burn_rate, burn_rate_short, error_ratio,
    valid, bad, valid_events, bad_events,
    least(age_minutes, long_minutes) / CAST(long_minutes AS DOUBLE) AS coverage,
    age_minutes < long_minutes AS is_partial,
    tail_probability,
    CASE
        WHEN valid_events = 0 THEN 'no data'
        WHEN is_met AND met_minutes > after_minutes THEN 'firing'
        WHEN is_met THEN 'pending'
        WHEN is_over THEN 'suppressed'
        ELSE 'quiet'
    END AS state,
    is_met
FROM lasting
WHERE minute_number > arrow_cast(date_trunc('minute', $from), 'Int64') / 60000000000
    AND (minute_number - arrow_cast(date_trunc('minute', $to), 'Int64') / 60000000000) % $step = 0
ORDER BY slo, time, alert
