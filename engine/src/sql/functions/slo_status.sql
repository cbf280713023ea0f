-- How each SLO stands at a moment: one row for each, the most urgent first. `state` is the severity of the alert that
-- fires (`page` before `ticket` before others), else `ok`, `no data` or `invalid`; alerts of the last two minutes
-- count, since spans come late. The budget is that of the SLO's whole window: `budget_remaining` of the events so far,
-- `budget_remaining_projected` of those to be expected if the data does not cover the window yet.
--
-- slo SLO = NULL: Only this SLO.
-- at TIMESTAMP = now(): The moment.
--
-- example: SELECT slo, state, burn_rate_1h, budget_remaining, exhausts_at FROM slo_status()
WITH firing AS (
    SELECT
        slo,
        first_value(severity ORDER BY urgency, threshold DESC) FILTER (WHERE state = 'firing') AS severity,
        string_agg(DISTINCT CASE WHEN state = 'firing' THEN
            severity || ' ' || CAST(long_minutes AS TEXT) || 'm/' || CAST(short_minutes AS TEXT) || 'm > '
            || CAST(round(threshold, 2) AS TEXT)
        END, ', ') AS alerts,
        bool_or(state <> 'no data') AS has_data
    FROM (
        SELECT *, CASE severity WHEN 'page' THEN 1 WHEN 'ticket' THEN 2 ELSE 3 END AS urgency
        FROM burn_rate(slo => $slo, "from" => $at - INTERVAL '2 minutes', "to" => $at)
    ) AS alerts
    GROUP BY slo
), periods AS (
    SELECT
        slos.*,
        coalesce(begins, date_trunc('minute', $at) - slos.window) AS begins,
        arrow_cast(coalesce(ends - begins, arrow_cast(window_minutes * 60000000000, 'Duration(Nanosecond)')), 'Int64')
            AS period_ns
    FROM {{slos}} AS slos
    LEFT JOIN {{slo_periods}} AS period
        ON period.slo = slos.slo AND period.begins <= $at AND period.ends > $at
    WHERE $slo IS NULL OR slos.slo = $slo
), counted AS (
    SELECT
        periods.slo,
        sum(valid) AS valid,
        sum(bad) AS bad,
        min(minute) AS first_minute,
        sum(bad) FILTER (WHERE minute >= date_trunc('minute', $at) - INTERVAL '1 hour') / nullif(
            sum(valid * budget) FILTER (WHERE minute >= date_trunc('minute', $at) - INTERVAL '1 hour'), 0.0
        ) AS burn_rate_1h,
        sum(bad) FILTER (WHERE minute >= date_trunc('minute', $at) - INTERVAL '6 hours') / nullif(
            sum(valid * budget) FILTER (WHERE minute >= date_trunc('minute', $at) - INTERVAL '6 hours'), 0.0
        ) AS burn_rate_6h
    FROM periods
    JOIN sli(
        slo => $slo, "from" => date_trunc('minute', $at) - {{longest_window}}, "to" => date_trunc('minute', $at)
    ) AS events ON events.slo = periods.slo
    WHERE events.minute >= periods.begins
    GROUP BY periods.slo
), measured AS (
    SELECT
        periods.*, severity, alerts, has_data, valid, bad, burn_rate_1h, burn_rate_6h,
        bad / nullif(valid, 0.0) AS error_ratio,
        1.0 - bad / nullif(valid * budget, 0.0) AS budget_remaining,
        least(1.0, arrow_cast(date_trunc('minute', $at) - greatest(begins, first_minute), 'Int64')
            / CAST(period_ns AS DOUBLE)) AS coverage
    FROM periods
    LEFT JOIN firing ON firing.slo = periods.slo
    LEFT JOIN counted ON counted.slo = periods.slo
), projected AS (
    SELECT *, 1.0 - (1.0 - budget_remaining) * coverage AS budget_remaining_projected FROM measured
)
SELECT
    slo, service,
    CASE
        WHEN severity IS NOT NULL THEN severity
        WHEN has_data THEN 'ok'
        ELSE 'no data'
    END AS state,
    alerts, objective, window_minutes, valid, bad, error_ratio, budget_remaining, budget_remaining_projected,
    burn_rate_1h, burn_rate_6h,
    -- Farther than ten windows away nobody plans.
    CASE WHEN burn_rate_1h > 0.0 AND budget_remaining_projected > 0.0
        AND budget_remaining_projected / burn_rate_1h < 10.0
    THEN arrow_cast(
        arrow_cast($at, 'Int64') + CAST(budget_remaining_projected / burn_rate_1h * period_ns AS BIGINT),
        'Timestamp(Nanosecond, Some("UTC"))'
    ) END AS exhausts_at,
    coverage,
    -- The first event comes some time after the beginning of every window.
    coverage < 0.99 AS is_partial,
    CASE WHEN severity IS NOT NULL THEN true ELSE alert_when_no_data AND NOT coalesce(has_data, false) END
        AS is_alert,
    CAST(NULL AS TEXT) AS problem
FROM projected
UNION ALL
SELECT
    slo, NULL, 'invalid', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    file || ':' || CAST(line AS TEXT) || ': ' || reason
FROM {{slo_problems}} AS problems
WHERE $slo IS NULL OR slo = $slo
