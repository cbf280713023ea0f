-- What is different about bad traces: attribute values that are more frequent among them than among good ones,
-- ranked by effect size (Cohen's h: 0.2 is small, 0.5 medium, 0.8 large). A row is a value of an attribute in one
-- service, or that it is absent there, counted once per trace, over all spans and resources; deprecated names count as
-- those that took their place. Rows have a small effect or more, so many bad traces, and a p-value (Fisher's
-- exact test) that says that at most the part `q` of all rows is there by accident (Benjamini-Hochberg). Values of the
-- same traces are one row: the one nearest to the root, with the others in `same_traces`. `risk_ratio` is the chance
-- to be bad with the value as a multiple of that without, `lift` as one of that of all traces, `divergence` how different
-- all values of the attribute are spread (Jensen-Shannon, 0 to 1). An attribute that nearly every trace has a value of
-- its own for is left out. Two values that a fifth of the bad traces have, and that together make a trace bad at least
-- 1.2 times as likely as either, are a row below the first one, with the other in `combined_with`: at most ten of them.
--
-- bad PREDICATE: Which traces are bad: a condition on the columns of `traces`.
-- good PREDICATE = NULL: Which traces they are compared with, of the same time; a trace that is both is bad. Without
--   it, those of the time before that have the root service and operation of a bad one.
-- before INTERVAL = NULL: How long before `from` good traces are looked for, too. Without `good` it is as long as from
--   `from` to `to`, and INTERVAL '0 seconds' means the other traces of the same time.
-- since INTERVAL = INTERVAL '1 hour': How far to look back for bad traces.
-- deepest BIGINT = NULL: Only spans at most so deep. Zero are roots: of many traces that is much faster.
-- support DOUBLE(0 to 1) = 0.05: Which part of the bad traces must have a value, unless no good one has it.
-- least BIGINT = 5: How many bad traces must have it in any case.
-- effect DOUBLE = 0.2: The least effect.
-- q DOUBLE(0 to 1) = 0.01: Which part of the rows may be there by accident.
--
-- example: SELECT rank, service_name, attribute, value, effect FROM compare('root_status_code = ''error''')
WITH candidates AS (
    SELECT
        trace_id, date_trunc('day', start_time) AS day, root_service_name, root_span_name, sample_weight,
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
        trace_id, day, is_bad, sample_weight,
        sum(CASE WHEN is_bad THEN sample_weight ELSE 0.0 END) OVER () AS all_bad,
        sum(CASE WHEN is_bad THEN 0.0 ELSE sample_weight END) OVER () AS all_good,
        sum(CASE WHEN is_bad THEN sample_weight * sample_weight ELSE 0.0 END) OVER () AS bad_squares,
        sum(CASE WHEN is_bad THEN 0.0 ELSE sample_weight * sample_weight END) OVER () AS good_squares
    FROM grouped
    WHERE is_bad OR is_good AND (is_like_bad OR has_good)
), chosen AS (
    -- Bad traces come first, so that their numbers are without gaps, and traces in the order of files.
    SELECT *, row_number() OVER (ORDER BY is_bad DESC, day, trace_id) AS number, unnest(make_array(true)) AS is_chosen
    FROM marked
    WHERE all_bad > 0 AND all_good > 0
), looked_at AS (
    SELECT
        number, is_bad, chosen.sample_weight, all_bad, all_good, bad_squares, good_squares, service_name, depth,
        attributes
    FROM chosen
    JOIN spans ON spans.trace_id = chosen.trace_id
    WHERE is_chosen AND ($deepest IS NULL OR depth <= $deepest) AND spans.start_time < $to + INTERVAL '1 day'
        AND spans.start_time >= $from - coalesce($before, CAST($to - $from AS INTERVAL)) - INTERVAL '1 day'
    UNION ALL
    -- A process has the same resource attributes in all of its spans, and an entry span in each of its traces.
    SELECT
        number, is_bad, chosen.sample_weight, all_bad, all_good, bad_squares, good_squares, service_name, depth,
        resource_attributes AS attributes
    FROM chosen
    JOIN spans ON spans.trace_id = chosen.trace_id
    WHERE is_chosen AND ($deepest IS NULL OR depth <= $deepest) AND (is_entry OR is_orphan)
        AND spans.start_time < $to + INTERVAL '1 day'
        AND spans.start_time >= $from - coalesce($before, CAST($to - $from AS INTERVAL)) - INTERVAL '1 day'
), by_service AS (
    SELECT
        service_name,
        max(all_bad) AS all_bad, max(all_good) AS all_good,
        max(all_bad) / max(bad_squares) AS bad_scale, max(all_good) / max(good_squares) AS good_scale,
        attribute_traces(number, is_bad, sample_weight, depth, attributes) AS found
    FROM looked_at
    GROUP BY service_name
), counted AS (
    -- The first is about all spans of the service.
    SELECT
        service_name, all_bad, all_good, bad_scale, good_scale,
        found[1]['bad_traces'] AS bad_of_service, found[1]['good_traces'] AS good_of_service,
        found[1]['bad_rows'] AS bad_rows_of_service,
        unnest(found) AS one
    FROM by_service
), items AS (
    -- What nearly every trace has a value of its own for says nothing. That it is absent may.
    SELECT
        service_name, one['attribute'] AS attribute, one['depth'] AS depth,
        all_bad, all_good, bad_scale, good_scale, one['bad_set'] AS bad_set, one['good_set'] AS good_set,
        one['bad_weights'] AS bad_weights, one['good_weights'] AS good_weights,
        one['value'] IS NULL AS is_absent,
        coalesce(one['value'], '(absent)') AS value,
        CASE WHEN one['value'] IS NULL THEN bad_of_service - one['bad_traces'] ELSE one['bad_traces'] END AS bad_traces,
        CASE WHEN one['value'] IS NULL THEN good_of_service - one['good_traces'] ELSE one['good_traces'] END
            AS good_traces,
        CASE WHEN one['value'] IS NULL THEN bad_rows_of_service - one['bad_rows'] ELSE one['bad_rows'] END AS bad_rows
    FROM counted
    WHERE one['attribute'] IS NOT NULL AND one['attribute'] NOT IN (
        'service.name', 'url.full', 'url.path', 'url.query', 'http.url', 'http.target', 'exception.stacktrace'
    )
), shares AS (
    SELECT
        *,
        least(bad_traces / all_bad, 1.0) AS bad_share,
        least(good_traces / all_good, 1.0) AS good_share,
        bad_traces / nullif(sum(bad_traces) OVER one_key, 0) AS p,
        good_traces / nullif(sum(good_traces) OVER one_key, 0) AS q,
        fisher_greater(
            bad_traces * bad_scale, all_bad * bad_scale, good_traces * good_scale, all_good * good_scale
        ) AS p_value
    FROM items
    WHERE bad_traces + good_traces > 0
    WINDOW one_key AS (PARTITION BY service_name, attribute)
), tested AS (
    SELECT
        *,
        cohens_h(bad_share, good_share) AS effect,
        sum(jensen_shannon(coalesce(p, 0.0), coalesce(q, 0.0))) OVER (PARTITION BY service_name, attribute)
            AS divergence,
        -- Of the tests that come out as sure as this one, the part that does so by accident.
        p_value * count(*) OVER () / row_number() OVER (ORDER BY p_value) AS false_part
    FROM shares
), kept AS (
    SELECT *
    FROM (SELECT *, min(false_part) OVER (ORDER BY p_value DESC) AS q_value FROM tested) AS controlled
    WHERE (bad_share >= $support OR good_traces = 0) AND bad_rows >= $least AND effect >= $effect AND q_value <= $q
    ORDER BY effect DESC, bad_rows DESC, service_name, attribute, value
    LIMIT 500
), linked AS (
    -- Values of the same bad traces come one after the other, and are one finding.
    SELECT
        *,
        CASE
            WHEN effect < 0.95 * lag(effect) OVER similar THEN true
            WHEN is_absent <> lag(is_absent) OVER similar THEN true
            -- What lacks two attributes is what does not have them, within a service.
            WHEN is_absent AND service_name <> lag(service_name) OVER similar THEN true
            WHEN roaring_jaccard(bad_set, lag(bad_set) OVER similar) >= 0.95 THEN false
            ELSE true
        END AS is_new
    FROM kept
    WINDOW similar AS (ORDER BY effect DESC, bad_rows DESC, is_absent, attribute, value, service_name)
), clustered AS (
    SELECT
        *,
        sum(CASE WHEN is_new THEN 1 ELSE 0 END) OVER (
            ORDER BY effect DESC, bad_rows DESC, is_absent, attribute, value, service_name
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS cluster,
        ((bad_traces + 0.5) / (bad_traces + good_traces + 1))
            / ((all_bad - bad_traces + 0.5) / (all_bad + all_good - bad_traces - good_traces + 1)) AS smoothed_ratio
    FROM linked
), shown AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY cluster ORDER BY depth, bad_traces + good_traces DESC, service_name, attribute, value
        ) AS place,
        array_agg(service_name || ' ' || attribute || '=' || value) OVER (PARTITION BY cluster) AS names
    FROM clustered
), named AS (
    SELECT
        *,
        row_number() OVER (ORDER BY effect DESC, smoothed_ratio DESC, depth, service_name, attribute, value) AS number,
        service_name || ' ' || attribute || '=' || value AS name
    FROM shown
    WHERE place = 1
), overlaps AS (
    SELECT
        *,
        roaring_overlaps(label, CASE WHEN bad_share >= 0.2 THEN bad_set END, bad_weights) OVER by_number AS of_bad,
        roaring_overlaps(label, CASE WHEN bad_share >= 0.2 THEN good_set END, good_weights) OVER by_number AS of_good
    FROM (
        SELECT
            *,
            named_struct(
                'number', number, 'service_name', service_name, 'attribute', attribute, 'value', value,
                'smoothed_ratio', smoothed_ratio
            ) AS label
        FROM named
    ) AS labelled
    WINDOW by_number AS (ORDER BY number)
), unfolded AS (
    -- A pair is a row of the one that stands out more.
    SELECT *, both_bad['label'] AS leader, both_bad['label']['number'] <> number AS is_pair
    FROM (SELECT *, unnest(of_bad) AS both_bad, unnest(of_good) AS both_good FROM overlaps) AS unnested
), combined AS (
    SELECT
        leader['number'] AS number,
        leader['service_name'] AS service_name,
        leader['attribute'] AS attribute,
        leader['value'] AS value,
        is_pair,
        CASE WHEN is_pair THEN name END AS combined_with,
        CASE WHEN is_pair THEN both_bad['total'] ELSE bad_traces END AS bad_traces,
        CASE WHEN is_pair THEN both_good['total'] ELSE good_traces END AS good_traces,
        CASE WHEN is_pair THEN both_bad['rows'] ELSE bad_rows END AS bad_rows,
        greatest(smoothed_ratio, leader['smoothed_ratio']) AS ratio_of_one,
        p_value AS p_value_of_one, q_value AS q_value_of_one, divergence AS divergence_of_one,
        all_bad, all_good, bad_scale, good_scale, names, name
    FROM unfolded
), weighed AS (
    SELECT
        *,
        least(bad_traces / all_bad, 1.0) AS bad_share,
        least(good_traces / all_good, 1.0) AS good_share,
        CASE
            WHEN is_pair
            THEN fisher_greater(
                bad_traces * bad_scale, all_bad * bad_scale, good_traces * good_scale, all_good * good_scale
            )
            ELSE p_value_of_one
        END AS p_value,
        ((bad_traces + 0.5) / (bad_traces + good_traces + 1))
            / ((all_bad - bad_traces + 0.5) / (all_bad + all_good - bad_traces - good_traces + 1)) AS smoothed_ratio
    FROM combined
), weighed_again AS (
    SELECT
        *,
        cohens_h(bad_share, good_share) AS effect,
        p_value * count(*) OVER (PARTITION BY is_pair)
            / row_number() OVER (PARTITION BY is_pair ORDER BY p_value) AS false_part
    FROM weighed
), answers AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY is_pair ORDER BY effect DESC, smoothed_ratio DESC, number, combined_with) AS place
    FROM (
        SELECT
            *,
            CASE
                WHEN is_pair THEN min(false_part) OVER (PARTITION BY is_pair ORDER BY p_value DESC)
                ELSE q_value_of_one
            END AS q_value
        FROM weighed_again
    ) AS controlled
    WHERE NOT is_pair OR (
        bad_share >= 0.2 AND bad_rows >= $least AND effect >= $effect AND q_value <= $q
        AND smoothed_ratio >= 1.2 * ratio_of_one
    )
)
SELECT
    row_number() OVER (ORDER BY number, is_pair, place) AS rank,
    service_name, attribute, value, effect, bad_share, good_share, bad_traces, good_traces,
    risk_ratio(bad_traces, all_bad, good_traces, all_good) AS risk_ratio,
    p_value, q_value,
    CASE WHEN NOT is_pair THEN divergence_of_one END AS divergence,
    CASE WHEN NOT is_pair AND array_length(names) > 1 THEN array_sort(array_remove(names, name)) END AS same_traces,
    all_bad, all_good,
    (bad_traces / (bad_traces + good_traces)) / (all_bad / (all_bad + all_good)) AS lift,
    combined_with
FROM answers
WHERE NOT is_pair OR place <= 10
ORDER BY rank
