-- Which calls were tried again, how often that helped, and what it cost: one row for each caller, call and
-- callee. Attempts are calls of one parent with the same name and callee, one after the other, of which each
-- but the last failed (or was answered 429 or 503), at most 30 s apart; or calls that say so themselves by
-- `http.request.resend_count`. Time is wasted from the start of the first attempt to that of the last, or to
-- its end if it failed, too.
--
-- since INTERVAL = INTERVAL '1 hour': How far to look back.
-- service TEXT = NULL: Only calls of this service.
--
-- example: SELECT rank, service_name, span_name, attempts_per_call, wasted_ns FROM retries() WHERE rank <= 5
WITH asked AS (
    -- Without a failure there is no retry, and few calls fail. The list of one is there as the planner would take them
    -- for as many as all spans, and keep those in memory for the join.
    SELECT unnest(make_array(asked_span_id)) AS asked_span_id, max(failures) AS failures
    FROM (
        SELECT parent_span_id AS asked_span_id, count(*) AS failures
        FROM spans
        WHERE start_time >= $from AND start_time < $to
            AND span_kind = 'client' AND parent_span_id IS NOT NULL AND NOT is_duplicate
            AND ($service IS NULL OR service_name = $service)
            AND (status_code = 'error' OR http_response_status_code IN (429, 503) OR http_resend_count > 0)
        GROUP BY parent_span_id
    )
    GROUP BY asked_span_id
), calls AS (
    SELECT
        trace_id, parent_span_id, service_name, span_name,
        coalesce(peer_service, server_address, network_peer_address, db_system) AS callee,
        start_time, end_time, duration_ns, sample_weight, root_service_name, root_span_name,
        status_code = 'error' OR coalesce(http_response_status_code, 0) IN (429, 503) AS is_failed,
        coalesce(http_resend_count, 0) AS resend_count
    FROM asked
    JOIN spans ON parent_span_id = asked_span_id
    WHERE start_time >= $from AND start_time < $to
        AND span_kind = 'client' AND NOT is_duplicate
        AND ($service IS NULL OR service_name = $service)
        AND failures > 0
), followed AS (
    SELECT
        *,
        lag(is_failed) OVER one_after_another AS after_failed,
        lag(end_time) OVER one_after_another AS after_end
    FROM calls
    WINDOW one_after_another AS (
        PARTITION BY trace_id, parent_span_id, service_name, span_name, callee ORDER BY start_time, end_time
    )
), numbered AS (
    SELECT
        *,
        sum(CASE
            WHEN resend_count > 0 THEN 0
            WHEN after_failed AND start_time >= after_end
                AND start_time <= after_end + INTERVAL '30 seconds' THEN 0
            ELSE 1
        END) OVER (
            PARTITION BY trace_id, parent_span_id, service_name, span_name, callee ORDER BY start_time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS chain
    FROM followed
), chains AS (
    SELECT
        trace_id, service_name, span_name, callee, chain,
        count(*) AS attempts,
        max(sample_weight) AS sample_weight,
        max(root_service_name) AS root_service_name,
        max(root_span_name) AS root_span_name,
        NOT last_value(is_failed ORDER BY start_time, end_time) AS is_recovered,
        arrow_cast(max(CASE WHEN is_failed THEN end_time ELSE start_time END), 'Int64')
            - arrow_cast(min(start_time), 'Int64') AS wasted_ns
    FROM numbered
    GROUP BY trace_id, parent_span_id, service_name, span_name, callee, chain
)
SELECT
    row_number() OVER (ORDER BY wasted_ns DESC, by_call.service_name, by_call.span_name, by_call.callee) AS rank,
    by_call.service_name, by_call.span_name, by_call.callee, attempts - repeated AS calls, retried_calls, attempts,
    attempts / (attempts - repeated) AS attempts_per_call,
    recovered, exhausted, wasted_ns, affected_traces, example_trace_id
FROM (
    SELECT
        service_name,
        span_name,
        callee,
        sum(sample_weight) FILTER (WHERE attempts > 1) AS retried_calls,
        sum((attempts - 1) * sample_weight) AS repeated,
        coalesce(sum(sample_weight) FILTER (WHERE attempts > 1 AND is_recovered), 0) AS recovered,
        coalesce(sum(sample_weight) FILTER (WHERE attempts > 1 AND NOT is_recovered), 0) AS exhausted,
        sum(wasted_ns) FILTER (WHERE attempts > 1) AS wasted_ns,
        count(DISTINCT trace_id) FILTER (WHERE attempts > 1) AS affected_traces,
        max(trace_id) FILTER (WHERE attempts > 1) AS example_trace_id
    FROM chains
    GROUP BY service_name, span_name, callee
) AS by_call
JOIN (
    SELECT
        service_name,
        span_name,
        coalesce(peer_service, server_address, network_peer_address, db_system) AS callee,
        sum(sample_weight) AS attempts
    FROM spans
    WHERE start_time >= $from AND start_time < $to
        AND span_kind = 'client' AND parent_span_id IS NOT NULL AND NOT is_duplicate
        AND ($service IS NULL OR service_name = $service)
    GROUP BY 1, 2, 3
) AS everything
    ON everything.service_name = by_call.service_name AND everything.span_name = by_call.span_name
    AND everything.callee IS NOT DISTINCT FROM by_call.callee
WHERE retried_calls > 0
ORDER BY rank
