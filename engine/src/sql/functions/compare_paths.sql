-- Which calls are different in bad traces: those that are new, missing, in more or in fewer traces than among good
-- ones, and those that are called more often, take longer or fail more in the traces that have them. One row for each
-- call and change, ranked by effect size (Cohen's h of `bad_share` and `good_share`). Slower is what has more self
-- time in a trace than 95 % of the good ones with the call, more calls is more than 95 % of them make. Only errors
-- that began at the call count. Calls are told apart by operation, caller and depth; `path` is that from the root in
-- `example_trace_id`. Rows that may be there by accident are left out as in `compare`.
--
-- bad PREDICATE: Which traces are bad: a condition on the columns of `traces`.
-- good PREDICATE = NULL: Which traces they are compared with, of the same time; a trace that is both is bad. Without
--   it, those of the time before that have the root service and operation of a bad one.
-- before INTERVAL = NULL: How long before `from` good traces are looked for, too. Without `good` it is as long as from
--   `from` to `to`, and INTERVAL '0 seconds' means the other traces of the same time.
-- since INTERVAL = INTERVAL '1 hour': How far to look back for bad traces.
-- effect DOUBLE = 0.2: The least effect.
-- q DOUBLE(0 to 1) = 0.01: Which part of the rows may be there by accident.
--
-- example: SELECT rank, change, path, bad_share, good_share FROM compare_paths('root_status_code = ''error''')
WITH candidates AS (
    SELECT
        trace_id, root_service_name, root_span_name, sample_weight,
        CASE WHEN start_time >= $from AND $bad THEN true ELSE false END AS is_bad,
        CASE
            WHEN arrow_typeof($good) <> 'Null' THEN CASE WHEN $good THEN true ELSE false END
            ELSE start_time < $from OR coalesce($before = INTERVAL '0 seconds', false)
        END AS is_good,
        arrow_typeof($good) <> 'Null' AS has_good
    FROM traces
    WHERE start_time < $to AND start_time >= CASE
            WHEN arrow_typeof($good) <> 'Null' THEN $from - coalesce($before, INTERVAL '0 seconds')
            ELSE $from - coalesce($before, CAST($to - $from AS INTERVAL))
        END
), grouped AS (
    SELECT *, bool_or(is_bad) OVER (PARTITION BY root_service_name, root_span_name) AS is_like_bad
    FROM candidates
), marked AS (
    SELECT
        trace_id, is_bad, sample_weight,
        sum(CASE WHEN is_bad THEN sample_weight ELSE 0.0 END) OVER () AS all_bad,
        sum(CASE WHEN is_bad THEN 0.0 ELSE sample_weight END) OVER () AS all_good,
        sum(CASE WHEN is_bad THEN sample_weight * sample_weight ELSE 0.0 END) OVER () AS bad_squares,
        sum(CASE WHEN is_bad THEN 0.0 ELSE sample_weight * sample_weight END) OVER () AS good_squares
    FROM grouped
    WHERE is_bad OR is_good AND (is_like_bad OR has_good)
), chosen AS (
    SELECT *, row_number() OVER (ORDER BY trace_id) AS number, unnest(make_array(true)) AS is_chosen
    FROM marked
    WHERE all_bad > 0 AND all_good > 0
), visits AS (
    -- One row for each trace and call in it.
    SELECT
        number, depth, parent_service_name, parent_span_name, service_name, span_name,
        bool_or(is_bad) AS is_bad, max(chosen.sample_weight) AS weight,
        max(all_bad) AS all_bad, max(all_good) AS all_good,
        max(bad_squares) AS bad_squares, max(good_squares) AS good_squares,
        max(chosen.trace_id) AS trace_id, min(nested_left) AS nested_left,
        count(*) AS calls, sum(self_time_ns) AS self_time_ns,
        bool_or(status_code = 'error' AND coalesce(error_origin, false)) AS is_failed
    FROM chosen
    JOIN spans ON spans.trace_id = chosen.trace_id
    WHERE is_chosen AND NOT is_duplicate AND spans.start_time < $to + INTERVAL '1 day'
        AND spans.start_time >= $from - coalesce($before, CAST($to - $from AS INTERVAL)) - INTERVAL '1 day'
    GROUP BY number, depth, parent_service_name, parent_span_name, service_name, span_name
), limited AS (
    -- What is unusual is what few good traces do.
    SELECT
        *,
        percentile_nearest(calls, 0.95) FILTER (WHERE NOT is_bad) OVER one_call AS most_calls,
        percentile_nearest(self_time_ns, 0.95) FILTER (WHERE NOT is_bad) OVER one_call AS most_time_ns
    FROM visits
    WINDOW one_call AS (PARTITION BY depth, parent_service_name, parent_span_name, service_name, span_name)
), paths AS (
    SELECT
        depth, parent_service_name, parent_span_name, service_name, span_name,
        max(all_bad) AS all_bad, max(all_good) AS all_good,
        max(all_bad) / max(bad_squares) AS bad_scale, max(all_good) / max(good_squares) AS good_scale,
        first_value(trace_id ORDER BY is_bad DESC, calls DESC, self_time_ns DESC, number) AS example_trace_id,
        first_value(nested_left ORDER BY is_bad DESC, calls DESC, self_time_ns DESC, number) AS example_left,
        coalesce(sum(weight) FILTER (WHERE is_bad), 0) AS bad_with,
        coalesce(sum(weight) FILTER (WHERE NOT is_bad), 0) AS good_with,
        coalesce(sum(weight) FILTER (WHERE is_bad AND calls > most_calls), 0) AS bad_often,
        coalesce(sum(weight) FILTER (WHERE NOT is_bad AND calls > most_calls), 0) AS good_often,
        coalesce(sum(weight) FILTER (WHERE is_bad AND self_time_ns > most_time_ns), 0) AS bad_slow,
        coalesce(sum(weight) FILTER (WHERE NOT is_bad AND self_time_ns > most_time_ns), 0) AS good_slow,
        coalesce(sum(weight) FILTER (WHERE is_bad AND is_failed), 0) AS bad_failed,
        coalesce(sum(weight) FILTER (WHERE NOT is_bad AND is_failed), 0) AS good_failed,
        coalesce(sum(calls * weight) FILTER (WHERE is_bad), 0) AS bad_calls,
        coalesce(sum(calls * weight) FILTER (WHERE NOT is_bad), 0) AS good_calls,
        percentile_nearest(self_time_ns, 0.5) FILTER (WHERE is_bad) AS bad_self_time_ns,
        percentile_nearest(self_time_ns, 0.5) FILTER (WHERE NOT is_bad) AS good_self_time_ns
    FROM limited
    GROUP BY depth, parent_service_name, parent_span_name, service_name, span_name
), changes AS (
    SELECT
        *,
        unnest(make_array(
            named_struct(
                'name', CASE WHEN good_with = 0 THEN 'new' ELSE 'in more traces' END,
                'bad', bad_with, 'of_bad', all_bad, 'good', good_with, 'of_good', all_good
            ),
            named_struct(
                'name', CASE WHEN bad_with = 0 THEN 'missing' ELSE 'in fewer traces' END,
                'bad', all_bad - bad_with, 'of_bad', all_bad, 'good', all_good - good_with, 'of_good', all_good
            ),
            named_struct(
                'name', 'more calls', 'bad', bad_often, 'of_bad', bad_with, 'good', good_often, 'of_good', good_with
            ),
            named_struct(
                'name', 'slower', 'bad', bad_slow, 'of_bad', bad_with, 'good', good_slow, 'of_good', good_with
            ),
            named_struct(
                'name', 'fails more', 'bad', bad_failed, 'of_bad', bad_with, 'good', good_failed, 'of_good', good_with
            )
        )) AS change
    FROM paths
), tested AS (
    SELECT
        *,
        least(change['bad'] / change['of_bad'], 1.0) AS bad_share,
        least(change['good'] / change['of_good'], 1.0) AS good_share,
        fisher_greater(
            greatest(least(change['bad'], change['of_bad']), 0) * bad_scale, change['of_bad'] * bad_scale,
            greatest(least(change['good'], change['of_good']), 0) * good_scale, change['of_good'] * good_scale
        ) AS p_value
    FROM changes
    -- Of a path that only one side has, nothing else can be said.
    WHERE change['of_bad'] > 0 AND change['of_good'] > 0
), ranked AS (
    SELECT
        *,
        cohens_h(greatest(bad_share, 0), greatest(good_share, 0)) AS effect,
        p_value * count(*) OVER () / row_number() OVER (ORDER BY p_value) AS false_part
    FROM tested
), kept AS (
    SELECT
        *,
        row_number() OVER (
            ORDER BY effect DESC, depth, service_name, span_name, parent_service_name, parent_span_name, change['name']
        ) AS rank,
        unnest(make_array(true)) AS is_kept
    FROM (SELECT *, min(false_part) OVER (ORDER BY p_value DESC) AS q_value FROM ranked) AS controlled
    WHERE effect >= $effect AND q_value <= $q
)
SELECT
    rank,
    max(change['name']) AS change,
    array_to_string(array_agg(spans.service_name || ' ' || spans.span_name ORDER BY spans.nested_left), ' > ') AS path,
    max(kept.service_name) AS service_name,
    max(kept.span_name) AS span_name,
    max(effect) AS effect,
    max(bad_share) AS bad_share,
    max(good_share) AS good_share,
    max(bad_with) AS bad_traces,
    max(good_with) AS good_traces,
    max(bad_calls / nullif(bad_with, 0)) AS bad_calls_per_trace,
    max(good_calls / nullif(good_with, 0)) AS good_calls_per_trace,
    max(bad_self_time_ns) AS bad_self_time_ns,
    max(good_self_time_ns) AS good_self_time_ns,
    max(p_value) AS p_value,
    max(q_value) AS q_value,
    max(example_trace_id) AS example_trace_id
FROM kept
JOIN spans ON spans.trace_id = example_trace_id
    AND spans.nested_left <= example_left AND spans.nested_right > example_left
WHERE is_kept AND spans.start_time < $to + INTERVAL '1 day'
    AND spans.start_time >= $from - coalesce($before, CAST($to - $from AS INTERVAL)) - INTERVAL '1 day'
GROUP BY rank
ORDER BY rank
