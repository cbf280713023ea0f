-- What is different about bad traces: attribute values that are more frequent among them than among good ones,
-- ranked by effect size (Cohen's h: 0.2 is small, 0.5 medium, 0.8 large). A row is a value of an attribute in one
-- service, or that it is absent there, counted once per trace, over all spans and resources; deprecated names count as
-- those that took their place. Rows have a small effect or more, so many bad traces, and a p-value (Fisher's
-- exact test) that says that at most the part `q` of all rows is there by accident (Benjamini-Hochberg). Values of the
-- same traces are one row: the one nearest to the root, with the others in `same_traces`. `risk_ratio` is the chance
-- to be bad with the value as a multiple of that without, `divergence` how different all values of the attribute are
-- spread (Jensen-Shannon, 0 to 1). An attribute that nearly every trace has a value of its own for is left out.
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
        number, is_bad, chosen.sample_weight, all_bad, all_good, bad_squares, good_squares, service_name, depth,
        unnest(map_entries(attributes)) AS entry
    FROM chosen
    JOIN spans ON spans.trace_id = chosen.trace_id
    WHERE is_chosen AND ($deepest IS NULL OR depth <= $deepest) AND spans.start_time < $to + INTERVAL '1 day'
        AND spans.start_time >= $from - coalesce($before, CAST($to - $from AS INTERVAL)) - INTERVAL '1 day'
    UNION ALL
    -- A process has the same resource attributes in all of its spans, and an entry span in each of its traces.
    SELECT
        number, is_bad, chosen.sample_weight, all_bad, all_good, bad_squares, good_squares, service_name, depth,
        unnest(map_entries(resource_attributes)) AS entry
    FROM chosen
    JOIN spans ON spans.trace_id = chosen.trace_id
    WHERE is_chosen AND ($deepest IS NULL OR depth <= $deepest) AND (is_entry OR is_orphan)
        AND spans.start_time < $to + INTERVAL '1 day'
        AND spans.start_time >= $from - coalesce($before, CAST($to - $from AS INTERVAL)) - INTERVAL '1 day'
), named AS (
    -- Deprecated names are those that took their place.
    SELECT
        *,
        CASE entry['key']
            WHEN 'deployment.environment' THEN 'deployment.environment.name'
            WHEN 'http.method' THEN 'http.request.method'
            WHEN 'http.status_code' THEN 'http.response.status_code'
            WHEN 'http.scheme' THEN 'url.scheme'
            WHEN 'http.resend_count' THEN 'http.request.resend_count'
            WHEN 'http.user_agent' THEN 'user_agent.original'
            WHEN 'net.sock.peer.addr' THEN 'network.peer.address'
            WHEN 'net.peer.ip' THEN 'network.peer.address'
            WHEN 'net.sock.peer.port' THEN 'network.peer.port'
            WHEN 'net.protocol.version' THEN 'network.protocol.version'
            WHEN 'db.name' THEN 'db.namespace'
            WHEN 'db.redis.database_index' THEN 'db.namespace'
            WHEN 'db.mssql.instance_name' THEN 'db.namespace'
            WHEN 'db.sql.table' THEN 'db.collection.name'
            WHEN 'db.mongodb.collection' THEN 'db.collection.name'
            WHEN 'db.cassandra.table' THEN 'db.collection.name'
            WHEN 'db.cosmosdb.container' THEN 'db.collection.name'
            WHEN 'db.operation' THEN 'db.operation.name'
            WHEN 'db.statement' THEN 'db.query.text'
            WHEN 'db.cosmosdb.status_code' THEN 'db.response.status_code'
            WHEN 'rpc.system' THEN 'rpc.system.name'
            WHEN 'rpc.response.status_code' THEN 'rpc.status_code'
            WHEN 'messaging.operation' THEN 'messaging.operation.type'
            WHEN 'messaging.kafka.consumer.group' THEN 'messaging.consumer.group.name'
            WHEN 'messaging.eventhubs.consumer.group' THEN 'messaging.consumer.group.name'
            WHEN 'messaging.client_id' THEN 'messaging.client.id'
            WHEN 'messaging.kafka.destination.partition' THEN 'messaging.destination.partition.id'
            WHEN 'peer.service' THEN 'service.peer.name'
            WHEN 'enduser.id' THEN 'user.id'
            WHEN 'enduser.role' THEN 'user.roles'
            WHEN 'code.filepath' THEN 'code.file.path'
            WHEN 'code.lineno' THEN 'code.line.number'
            ELSE entry['key']
        END AS attribute,
        entry['value'] AS value
    FROM entries
    WHERE entry['key'] NOT IN (
        'service.name', 'url.full', 'url.path', 'url.query', 'http.url', 'http.target', 'exception.stacktrace'
    )
), once AS (
    -- Each trace once for each value, for each attribute that it has, and for each service.
    SELECT
        number, is_bad, sample_weight, service_name, attribute, value,
        grouping(attribute) + grouping(value) AS level,
        min(depth) AS depth,
        max(all_bad) AS all_bad, max(all_good) AS all_good,
        max(bad_squares) AS bad_squares, max(good_squares) AS good_squares
    FROM named
    GROUP BY GROUPING SETS (
        (number, is_bad, sample_weight, service_name, attribute, value),
        (number, is_bad, sample_weight, service_name, attribute),
        (number, is_bad, sample_weight, service_name)
    )
), counted AS (
    SELECT
        service_name, attribute, value, level,
        min(depth) AS depth,
        coalesce(sum(sample_weight) FILTER (WHERE is_bad), 0) AS bad_traces,
        coalesce(sum(sample_weight) FILTER (WHERE NOT is_bad), 0) AS good_traces,
        count(*) FILTER (WHERE is_bad) AS bad_rows,
        count(*) AS stored,
        max(all_bad) AS all_bad, max(all_good) AS all_good,
        max(all_bad) / max(bad_squares) AS bad_scale, max(all_good) / max(good_squares) AS good_scale,
        array_agg(number) FILTER (WHERE is_bad AND level < 2) AS numbers
    FROM once
    GROUP BY service_name, attribute, value, level
), lean AS (
    -- Which bad traces have it is only asked where that may make a row.
    SELECT
        * EXCLUDE (numbers),
        CASE
            WHEN level = 1 OR bad_traces / all_bad > good_traces / all_good AND bad_rows >= $least THEN numbers
        END AS numbers
    FROM counted
), keyed AS (
    SELECT
        *,
        max(CASE WHEN level = 1 THEN stored END) OVER (PARTITION BY service_name, attribute) AS stored_of_key,
        count(*) OVER (PARTITION BY service_name, attribute) - 1 AS values_of_key,
        max(CASE WHEN level = 2 THEN bad_traces END) OVER (PARTITION BY service_name) AS bad_of_service,
        max(CASE WHEN level = 2 THEN good_traces END) OVER (PARTITION BY service_name) AS good_of_service,
        max(CASE WHEN level = 2 THEN bad_rows END) OVER (PARTITION BY service_name) AS bad_rows_of_service
    FROM lean
), items AS (
    -- What nearly every trace has a value of its own for says nothing. That it is absent may.
    SELECT
        service_name, attribute, depth, all_bad, all_good, bad_scale, good_scale, numbers,
        level = 1 AS is_absent,
        CASE WHEN level = 0 THEN value ELSE '(absent)' END AS value,
        CASE WHEN level = 0 THEN bad_traces ELSE bad_of_service - bad_traces END AS bad_traces,
        CASE WHEN level = 0 THEN good_traces ELSE good_of_service - good_traces END AS good_traces,
        CASE WHEN level = 0 THEN bad_rows ELSE bad_rows_of_service - bad_rows END AS bad_rows
    FROM keyed
    WHERE level = 1 OR level = 0 AND 2 * values_of_key <= stored_of_key
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
            WHEN array_length(array_intersect(numbers, lag(numbers) OVER similar)) >= 0.95 * array_length(
                array_union(numbers, lag(numbers) OVER similar)
            ) THEN false
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
)
SELECT
    row_number() OVER (ORDER BY effect DESC, smoothed_ratio DESC, depth, service_name, attribute, value) AS rank,
    service_name, attribute, value, effect, bad_share, good_share, bad_traces, good_traces,
    risk_ratio(bad_traces, all_bad, good_traces, all_good) AS risk_ratio,
    p_value, q_value, divergence,
    CASE
        WHEN array_length(names) > 1
        THEN array_sort(array_remove(names, service_name || ' ' || attribute || '=' || value))
    END AS same_traces,
    all_bad, all_good
FROM shown
WHERE place = 1
ORDER BY rank
