-- Which spans call the same operation many times, one after the other or at once: one row for each parent and
-- callee. The slowest of many calls decides when the parent can go on, so what it takes beside the typical one
-- is what a fan-out costs.
--
-- since INTERVAL = INTERVAL '1 hour': How far to look back.
-- least BIGINT = 10: How many calls of one parent count as a fan-out.
-- service TEXT = NULL: Only parents of this service.
--
-- example: SELECT rank, parent_service_name, parent_span_name, span_name, calls_per_parent FROM fan_out(least => 5)
WITH large AS (
    -- Few spans have so many children, and only theirs are put into groups. A parent that is missing cannot tell.
    -- That `found` is asked for below keeps this side of the join in memory, and not the other one.
    SELECT large_span_id, count(*) AS found
    FROM (
        SELECT unnest(make_array(span_id, CASE WHEN is_orphan THEN parent_span_id END)) AS large_span_id
        FROM spans
        WHERE (child_count >= $least OR is_orphan)
            AND start_time >= $from - INTERVAL '1 day' AND start_time < $to + INTERVAL '1 day'
    )
    GROUP BY large_span_id
), siblings AS (
    SELECT
        trace_id, parent_span_id, parent_service_name, parent_span_name, service_name, span_name,
        max(sample_weight) AS sample_weight,
        count(*) AS calls,
        sum(duration_ns) AS total_ns,
        max(duration_ns) AS longest_ns,
        p50(duration_ns) AS typical_ns,
        arrow_cast(max(end_time), 'Int64') - arrow_cast(min(start_time), 'Int64') AS elapsed_ns
    FROM large
    JOIN spans ON parent_span_id = large_span_id
    WHERE start_time >= $from AND start_time < $to
        AND parent_span_id IS NOT NULL AND NOT is_duplicate
        AND ($service IS NULL OR parent_service_name = $service)
    GROUP BY trace_id, parent_span_id, parent_service_name, parent_span_name, service_name, span_name
    HAVING count(*) >= $least AND min(found) > 0
)
SELECT
    row_number() OVER (
        ORDER BY elapsed_ns DESC, parent_service_name, parent_span_name, service_name, span_name
    ) AS rank,
    parent_service_name, parent_span_name, service_name, span_name, parents, calls_per_parent, most_calls,
    concurrency, slowest_to_typical, elapsed_ns, affected_traces, example_trace_id
FROM (
    SELECT
        parent_service_name,
        parent_span_name,
        service_name,
        span_name,
        sum(sample_weight) AS parents,
        sum(calls * sample_weight) / sum(sample_weight) AS calls_per_parent,
        max(calls) AS most_calls,
        CAST(sum(total_ns) AS DOUBLE) / nullif(sum(elapsed_ns), 0) AS concurrency,
        CAST(sum(longest_ns) AS DOUBLE) / nullif(sum(typical_ns), 0) AS slowest_to_typical,
        sum(elapsed_ns) AS elapsed_ns,
        count(DISTINCT trace_id) AS affected_traces,
        first_value(trace_id ORDER BY calls DESC, trace_id) AS example_trace_id
    FROM siblings
    GROUP BY parent_service_name, parent_span_name, service_name, span_name
) AS by_call
ORDER BY rank
