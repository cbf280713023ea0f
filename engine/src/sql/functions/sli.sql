-- The events that SLOs count: one row for each SLO and minute (or slice of time) in which there were any. `valid`
-- and `bad` are weighted by `sample_weight`; `valid_events` and `bad_events` are what was seen.
--
-- slo SLO = NULL: Only this SLO.
-- since INTERVAL = INTERVAL '1 hour': How far to look back.
--
-- example: SELECT slo, minute, valid, bad FROM sli() ORDER BY slo, minute
SELECT slo, minute, valid, bad, valid_events, bad_events
FROM {{slis}} AS minutes
WHERE $slo IS NULL OR slo = $slo
