-- When alerts of SLOs fired: one row for each time that one did, from the first minute to the last in which it fired
-- (`ended` is empty if it still does). What would have happened in the past if the SLO had been watched.
--
-- slo SLO = NULL: Only this SLO.
-- since INTERVAL = INTERVAL '7 days': How far to look back.
--
-- example: SELECT slo, severity, started, ended, peak_burn_rate FROM slo_alerts()
WITH fired AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY slo, alert ORDER BY time) AS number
    FROM (
        SELECT *, arrow_cast(time, 'Int64') / 60000000000 AS minute_number
        FROM burn_rate(slo => $slo, "from" => $from, "to" => $to)
    ) AS minutes
    WHERE is_met AND state = 'firing'
)
SELECT
    slo, severity, long_minutes, short_minutes, threshold,
    min(time) AS started,
    CASE WHEN max(time) < date_trunc('minute', $to) THEN max(time) + INTERVAL '1 minute' END AS ended,
    count(*) AS minutes,
    max(burn_rate) AS peak_burn_rate,
    max(bad) AS peak_bad
FROM fired
GROUP BY slo, alert, severity, long_minutes, short_minutes, threshold, minute_number - number
ORDER BY started, slo, long_minutes
