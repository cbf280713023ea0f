-- Which numbers are different in bad traces: attributes of spans whose values are all numbers, one row for each of
-- them in one service, ranked by how far the distributions are apart (Kolmogorov-Smirnov: the largest difference of
-- the shares at or below any value, 0 to 1), with medians and 95th percentiles. Of a trace the largest value counts.
--
-- bad PREDICATE: Which traces are bad: a condition on the columns of `traces`.
-- good PREDICATE = NULL: Which traces they are compared with, of the same time; a trace that is both is bad. Without
--   it, those of the time before that have the root service and operation of a bad one.
-- before INTERVAL = NULL: How long before `from` good traces are looked for, too. Without `good` it is as long as from
--   `from` to `to`, and INTERVAL '0 seconds' means the other traces of the same time.
-- since INTERVAL = INTERVAL '1 hour': How far to look back for bad traces.
-- least BIGINT = 5: How many bad traces must have it.
-- q DOUBLE(0 to 1) = 0.01: Which part of the rows may be there by accident.
--
-- example: SELECT rank, service_name, attribute, ks, median_shift FROM compare_numbers('root_duration_ns > 1e9')
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
), entries AS (
    SELECT
        number, is_bad, chosen.sample_weight, service_name,
        unnest(map_entries(attributes)) AS entry
    FROM chosen
    JOIN spans ON spans.trace_id = chosen.trace_id
    WHERE is_chosen AND spans.start_time < $to + INTERVAL '1 day'
        AND spans.start_time >= $from - coalesce($before, CAST($to - $from AS INTERVAL)) - INTERVAL '1 day'
), once AS (
    -- The largest of a trace counts.
    SELECT
        number, is_bad, sample_weight, service_name, entry['key'] AS attribute,
        max(try_cast(entry['value'] AS DOUBLE)) AS value,
        bool_and(try_cast(entry['value'] AS DOUBLE) IS NOT NULL) AS is_number
    FROM entries
    GROUP BY number, is_bad, sample_weight, service_name, entry['key']
), summed AS (
    SELECT
        *,
        min(CASE WHEN is_number THEN 1 ELSE 0 END) OVER one_key AS are_numbers,
        sum(CASE WHEN is_bad THEN sample_weight ELSE 0.0 END) OVER one_key AS all_bad,
        sum(CASE WHEN is_bad THEN 0.0 ELSE sample_weight END) OVER one_key AS all_good,
        sum(CASE WHEN is_bad THEN sample_weight * sample_weight ELSE 0.0 END) OVER one_key AS bad_squares,
        sum(CASE WHEN is_bad THEN 0.0 ELSE sample_weight * sample_weight END) OVER one_key AS good_squares
    FROM once
    WINDOW one_key AS (PARTITION BY service_name, attribute)
), cumulated AS (
    -- Equal values come together: the frame is a range.
    SELECT
        *,
        sum(CASE WHEN is_bad THEN sample_weight ELSE 0.0 END) OVER rising / all_bad
            - sum(CASE WHEN is_bad THEN 0.0 ELSE sample_weight END) OVER rising / all_good AS distance
    FROM summed
    WHERE are_numbers = 1 AND all_bad > 0 AND all_good > 0
    WINDOW rising AS (PARTITION BY service_name, attribute ORDER BY value)
), compared AS (
    SELECT
        service_name, attribute,
        max(abs(distance)) AS ks,
        percentile_nearest(value, 0.5) FILTER (WHERE is_bad) AS bad_median,
        percentile_nearest(value, 0.5) FILTER (WHERE NOT is_bad) AS good_median,
        percentile_nearest(value, 0.95) FILTER (WHERE is_bad) AS bad_p95,
        percentile_nearest(value, 0.95) FILTER (WHERE NOT is_bad) AS good_p95,
        max(all_bad) AS bad_traces, max(all_good) AS good_traces,
        count(*) FILTER (WHERE is_bad) AS bad_rows,
        count(DISTINCT value) AS distinct_values,
        max(all_bad * all_bad / bad_squares) AS bad_size, max(all_good * all_good / good_squares) AS good_size
    FROM cumulated
    GROUP BY service_name, attribute
), tested AS (
    SELECT
        *,
        -- Kolmogorov's distribution, of which the first term is all where it is small.
        least(2 * exp(-2 * ks * ks * bad_size * good_size / (bad_size + good_size)), 1) AS p_value
    FROM compared
    WHERE bad_rows >= $least
), ranked AS (
    SELECT *, p_value * count(*) OVER () / row_number() OVER (ORDER BY p_value) AS false_part
    FROM tested
)
SELECT
    row_number() OVER (ORDER BY ks DESC, service_name, attribute) AS rank,
    service_name, attribute, ks, bad_median, good_median, bad_median - good_median AS median_shift, bad_p95, good_p95,
    p_value, q_value, bad_traces, good_traces, distinct_values
FROM (SELECT *, min(false_part) OVER (ORDER BY p_value DESC) AS q_value FROM ranked) AS controlled
WHERE q_value <= $q
ORDER BY rank
