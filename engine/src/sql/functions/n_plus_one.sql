-- Where one request asks the same question again and again, one after the other, instead of once: one row for
-- each caller and statement. Calls of one parent with the same statement (`db.query.summary`, else the text of
-- the query, else the name of the span) count if there are at least `least` of them, none overlaps another, and
-- they take at least 50 ms and a tenth of the parent together.
--
-- since INTERVAL = INTERVAL '1 hour': How far to look back.
-- least BIGINT = 5: How many calls of one parent are too many.
-- service TEXT = NULL: Only calls of this service.
--
-- example: SELECT rank, service_name, parent_span_name, statement, calls_per_parent FROM n_plus_one() WHERE rank <= 5
WITH large AS (
    -- Few spans have so many children, and take as long as those that they wait for. What is asked for of them below
    -- keeps this side of the join in memory; the list of one is there as the planner would take them for as many as
    -- all spans, and keep those.
    SELECT large_span_id, min(duration_ns) AS parent_ns
    FROM (
        SELECT unnest(make_array(span_id)) AS large_span_id, duration_ns
        FROM spans
        WHERE child_count >= $least AND duration_ns >= 50000000
            AND start_time >= $from - INTERVAL '1 day' AND start_time < $to
    )
    GROUP BY large_span_id
), candidates AS (
    -- Fewer of them repeat themselves so much: only their calls are put in order.
    SELECT unnest(make_array(parent_span_id)) AS candidate_span_id, max(parent_ns) AS parent_ns
    FROM (
        SELECT parent_span_id, min(parent_ns) AS parent_ns
        FROM large
        JOIN spans ON parent_span_id = large_span_id
        WHERE start_time >= $from AND start_time < $to
            AND span_kind = 'client' AND NOT is_duplicate
            AND ($service IS NULL OR service_name = $service)
        GROUP BY parent_span_id, coalesce(db_query_summary, db_query_text, span_name)
        HAVING count(*) >= $least AND sum(duration_ns) >= 50000000 AND sum(duration_ns) * 10 >= min(parent_ns)
    )
    GROUP BY parent_span_id
), calls AS (
    SELECT
        trace_id, parent_span_id, service_name, parent_span_name,
        coalesce(db_query_summary, db_query_text, span_name) AS statement,
        start_time, end_time, duration_ns, sample_weight, parent_ns
    FROM candidates
    JOIN spans ON parent_span_id = candidate_span_id
    WHERE start_time >= $from AND start_time < $to
        AND span_kind = 'client' AND NOT is_duplicate
        AND ($service IS NULL OR service_name = $service)
), overlaps AS (
    SELECT
        *,
        start_time < max(end_time) OVER (
            PARTITION BY trace_id, parent_span_id, service_name, statement ORDER BY start_time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS is_overlapping
    FROM calls
), found AS (
    SELECT
        trace_id, parent_span_id, service_name, parent_span_name, statement,
        max(sample_weight) AS sample_weight,
        count(*) AS calls,
        sum(duration_ns) AS total_ns,
        max(duration_ns) AS longest_ns
    FROM overlaps
    GROUP BY trace_id, parent_span_id, service_name, parent_span_name, statement
    HAVING count(*) >= $least
        AND sum(duration_ns) >= 50000000
        AND sum(duration_ns) * 10 >= min(parent_ns)
        AND count(*) FILTER (WHERE is_overlapping) = 0
)
SELECT
    row_number() OVER (ORDER BY saving_ns DESC, service_name, parent_span_name, statement) AS rank,
    service_name, parent_span_name, statement, parents, calls_per_parent, most_calls, total_ns, saving_ns,
    affected_traces, example_trace_id
FROM (
    SELECT
        service_name,
        parent_span_name,
        statement,
        sum(sample_weight) AS parents,
        sum(calls * sample_weight) / sum(sample_weight) AS calls_per_parent,
        max(calls) AS most_calls,
        sum(total_ns) AS total_ns,
        sum(total_ns - longest_ns) AS saving_ns,
        count(DISTINCT trace_id) AS affected_traces,
        first_value(trace_id ORDER BY calls DESC, trace_id) AS example_trace_id
    FROM found
    GROUP BY service_name, parent_span_name, statement
) AS by_statement
ORDER BY rank
