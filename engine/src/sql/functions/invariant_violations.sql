-- Where something happened that must never happen: span events by their name, and spans with an attribute that
-- says so. One row for each rule that was violated and operation in which it was.
--
-- since INTERVAL = INTERVAL '1 day': How far to look back.
-- event TEXT = 'invariant.violated': The name of the span event; its attribute `invariant.name` names the rule.
-- attribute TEXT = 'invariant.violated': The span attribute whose value names the rule.
--
-- example: SELECT invariant, service_name, span_name, violations FROM invariant_violations(since => INTERVAL '7 days')
WITH violations AS (
    SELECT
        coalesce(event['attributes']['invariant.name'], event['name']) AS invariant,
        service_name, span_name, trace_id, sample_weight,
        arrow_cast(event['time_unix_nano'], 'Timestamp(Nanosecond, Some("UTC"))') AS violated_at
    FROM (
        SELECT service_name, span_name, trace_id, sample_weight, unnest(events) AS event
        FROM spans
        WHERE start_time >= $from AND start_time < $to
    ) AS with_events
    WHERE event['name'] = $event
    UNION ALL
    SELECT attributes[$attribute], service_name, span_name, trace_id, sample_weight, start_time
    FROM spans
    WHERE start_time >= $from AND start_time < $to AND attributes[$attribute] IS NOT NULL
)
SELECT
    row_number() OVER (ORDER BY violations DESC, invariant, service_name, span_name) AS rank,
    *
FROM (
    SELECT
        invariant,
        service_name,
        span_name,
        sum(sample_weight) AS violations,
        count(DISTINCT trace_id) AS affected_traces,
        min(violated_at) AS first_seen,
        max(violated_at) AS last_seen,
        min(trace_id) AS example_trace_id
    FROM violations
    GROUP BY invariant, service_name, span_name
) AS by_rule
ORDER BY rank
