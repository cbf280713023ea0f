-- Signs that something is full and others wait for it, each beside the time before, the strongest first. `sign` is
-- `rejected`: more calls are turned away than before (HTTP 429 or 503, RESOURCE_EXHAUSTED, UNAVAILABLE), as a share;
-- `waiting`: in calls to another service the client waits longer than the server works, as for a connection;
-- `message_lag`: messages lie longer before they are consumed; `self_time`: an operation works longer itself while
-- what it calls does not, as without CPU or behind a lock: these three as 90th percentiles in nanoseconds; `in_flight`:
-- a service has more requests at a time (Little's law) and does not finish more. What is half more than before, and
-- more than chance would make it, is a sign; times of a millisecond more.
--
-- before INTERVAL = NULL: How long before `from` the time is that this is compared with. Without it, as long as from
--   `from` to `to`.
-- since INTERVAL = INTERVAL '1 hour': How far to look back.
-- service TEXT = NULL: Only this service.
--
-- example: SELECT rank, sign, service_name, span_name, value, value_before, unit FROM saturation() WHERE rank <= 5
WITH work AS (
    SELECT
        service_name, span_name, trace_id, sample_weight, duration_ns, self_time_ns, is_entry,
        start_time >= $from AS is_now,
        CASE
            WHEN span_kind = 'client' AND is_paired THEN 'waiting'
            WHEN span_kind = 'consumer' AND is_paired THEN 'message_lag'
            WHEN span_kind IN ('client', 'producer') THEN 'call'
            ELSE 'self_time'
        END AS part,
        NOT (span_kind = 'client' AND is_paired) AND coalesce(
            http_response_status_code IN (429, 503) OR rpc_status_code IN ('8', '14', 'RESOURCE_EXHAUSTED', 'UNAVAILABLE')
            OR error_type IN ('429', '503', 'RESOURCE_EXHAUSTED', 'UNAVAILABLE'), false
        ) AS is_rejected
    FROM spans
    WHERE start_time >= $from - coalesce($before, CAST($to - $from AS INTERVAL)) AND start_time < $to
        AND NOT is_duplicate AND ($service IS NULL OR service_name = $service)
), operations AS (
    SELECT
        service_name, span_name, part,
        coalesce(sum(sample_weight) FILTER (WHERE is_now), 0) AS calls,
        coalesce(sum(sample_weight) FILTER (WHERE NOT is_now), 0) AS calls_before,
        coalesce(sum(sample_weight) FILTER (WHERE is_now AND is_rejected), 0) AS rejected,
        coalesce(sum(sample_weight) FILTER (WHERE NOT is_now AND is_rejected), 0) AS rejected_before,
        coalesce(sum(sample_weight) FILTER (WHERE is_now AND is_entry), 0) AS entries,
        coalesce(sum(sample_weight) FILTER (WHERE NOT is_now AND is_entry), 0) AS entries_before,
        coalesce(sum(sample_weight * duration_ns) FILTER (WHERE is_now AND is_entry), 0) AS busy_ns,
        coalesce(sum(sample_weight * duration_ns) FILTER (WHERE NOT is_now AND is_entry), 0) AS busy_before_ns,
        sketch(self_time_ns, sample_weight) FILTER (WHERE is_now) AS times,
        quantile(self_time_ns, 0.9, sample_weight) FILTER (WHERE is_now) AS time_ns,
        quantile(self_time_ns, 0.9, sample_weight) FILTER (WHERE NOT is_now) AS time_before_ns,
        quantile(duration_ns - self_time_ns, 0.9, sample_weight) FILTER (WHERE is_now) AS called_ns,
        quantile(duration_ns - self_time_ns, 0.9, sample_weight) FILTER (WHERE NOT is_now) AS called_before_ns,
        min(trace_id) FILTER (WHERE is_now AND is_rejected) AS rejected_trace_id,
        first_value(trace_id ORDER BY self_time_ns DESC, trace_id) FILTER (WHERE is_now) AS slowest_trace_id
    FROM work
    GROUP BY service_name, span_name, part
), services AS (
    SELECT
        *,
        sum(busy_ns) OVER one_service AS all_busy_ns,
        sum(busy_before_ns) OVER one_service AS all_busy_before_ns,
        sum(entries) OVER one_service AS requests,
        sum(entries_before) OVER one_service AS requests_before,
        CAST(arrow_cast($to, 'Int64') - arrow_cast($from, 'Int64') AS DOUBLE) AS length_ns,
        CAST(
            arrow_cast($from, 'Int64')
                - arrow_cast($from - coalesce($before, CAST($to - $from AS INTERVAL)), 'Int64') AS DOUBLE
        ) AS length_before_ns,
        row_number() OVER (PARTITION BY service_name ORDER BY busy_ns DESC, span_name, part) AS place
    FROM operations
    WINDOW one_service AS (PARTITION BY service_name)
), lags AS (
    SELECT
        service_name, span_name,
        sum(sample_weight) FILTER (WHERE is_now) AS calls,
        sum(sample_weight) FILTER (WHERE NOT is_now) AS calls_before,
        sketch(lag_ns, sample_weight) FILTER (WHERE is_now) AS times,
        quantile(lag_ns, 0.9, sample_weight) FILTER (WHERE is_now) AS time_ns,
        quantile(lag_ns, 0.9, sample_weight) FILTER (WHERE NOT is_now) AS time_before_ns,
        first_value(trace_id ORDER BY lag_ns DESC, trace_id) FILTER (WHERE is_now) AS slowest_trace_id
    FROM (
        SELECT
            consumer.service_name, consumer.span_name, consumer.trace_id, consumer.sample_weight,
            consumer.start_time >= $from AS is_now,
            greatest(arrow_cast(consumer.start_time, 'Int64') - arrow_cast(producer.end_time, 'Int64'), 0) AS lag_ns
        FROM spans AS consumer
        JOIN spans AS producer
            ON producer.trace_id = consumer.trace_id AND producer.span_id = consumer.parent_span_id
        WHERE consumer.span_kind = 'consumer' AND consumer.is_paired AND NOT consumer.is_duplicate
            AND producer.span_kind = 'producer' AND NOT producer.is_duplicate
            AND consumer.start_time >= $from - coalesce($before, CAST($to - $from AS INTERVAL))
            AND consumer.start_time < $to
            AND producer.start_time >= $from - coalesce($before, CAST($to - $from AS INTERVAL)) - INTERVAL '1 day'
            AND producer.start_time < $to
            AND ($service IS NULL OR consumer.service_name = $service)
    ) AS consumed
    GROUP BY service_name, span_name
), signs AS (
    SELECT
        part AS sign, service_name, span_name, CAST(time_ns AS DOUBLE) AS value,
        CAST(time_before_ns AS DOUBLE) AS value_before, 'ns' AS unit, calls, calls_before,
        slowest_trace_id AS example_trace_id,
        -- One in ten took longer before.
        wilson_low(calls * (1 - sketch_rank(times, time_before_ns)), calls) > 0.2
            AND time_ns >= 1.5 * time_before_ns AND time_ns >= time_before_ns + 1000000
            AND (part = 'waiting' OR called_ns <= 1.1 * called_before_ns) AS is_sign
    FROM services
    WHERE part IN ('waiting', 'self_time')
    UNION ALL
    SELECT
        'message_lag', service_name, span_name, CAST(time_ns AS DOUBLE), CAST(time_before_ns AS DOUBLE), 'ns',
        calls, calls_before, slowest_trace_id,
        wilson_low(calls * (1 - sketch_rank(times, time_before_ns)), calls) > 0.2
            AND time_ns >= 1.5 * time_before_ns AND time_ns >= time_before_ns + 1000000
    FROM lags
    UNION ALL
    SELECT
        'rejected', service_name, span_name, rejected / calls, coalesce(rejected_before / nullif(calls_before, 0), 0.0),
        'share', calls, calls_before, rejected_trace_id,
        rejected > 0 AND calls_before > 0
            AND wilson_low(rejected, calls) > 1.5 * rejected_before / calls_before
            AND wilson_low(rejected, calls) > wilson_high(rejected_before, calls_before)
    FROM services
    WHERE calls > 0
    UNION ALL
    SELECT
        'in_flight', service_name, NULL, all_busy_ns / length_ns, all_busy_before_ns / length_before_ns, 'requests',
        requests, requests_before, slowest_trace_id,
        requests_before >= 20 AND all_busy_ns >= length_ns
            AND all_busy_ns / length_ns >= 1.5 * all_busy_before_ns / length_before_ns
            AND requests / length_ns <= 1.1 * requests_before / length_before_ns
    FROM services
    WHERE place = 1
)
SELECT
    row_number() OVER (
        -- Who turns most away is nearest to what is full: its callers pass that on.
        ORDER BY
            CASE WHEN sign = 'rejected' THEN value END DESC NULLS LAST,
            value / nullif(value_before, 0) DESC NULLS FIRST, service_name, span_name, sign
    ) AS rank,
    sign, service_name, span_name, value, value_before, value / nullif(value_before, 0) AS ratio, unit,
    calls, calls_before, example_trace_id
FROM signs
WHERE is_sign
ORDER BY rank
