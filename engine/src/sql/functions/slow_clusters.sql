-- Kinds of slow traces: within each group of traces with the same root service and operation, one row for the slow
-- ones that have the same call tree (`shape`, which neither the order nor the number of repeated calls changes), the
-- same dominant operation and the same error (`slow_operations` says what is slow, and what dominates). Kinds come
-- by the time that their traces lose against the median of the group. `example_trace_id` is the trace whose critical
-- path is most like the mean one of its kind, which the slowest seldom is.
--
-- fraction DOUBLE(0 to 1) = 0.01: Which part of each group is slow.
-- since INTERVAL = INTERVAL '7 days': How far to look back.
-- service TEXT = NULL: Only traces whose root is of this service.
-- operation TEXT = NULL: Only traces whose root has this name.
--
-- example: SELECT root_span_name, dominant_span_name, slow_traces, example_trace_id FROM slow_clusters() WHERE rank <= 3
WITH parts AS (
    SELECT *
    FROM slow_operations(
        fraction => $fraction, service => $service, operation => $operation, since => $since, from => $from, to => $to
    )
    WHERE trace_id IS NOT NULL
), slow AS (
    SELECT
        trace_id, root_service_name, root_span_name,
        max(impact_ns) AS impact_ns, max(median_ns) AS median_ns, max(slow_count) AS slow_count,
        max(start_time) AS start_time, max(root_duration_ns) AS root_duration_ns, max(sample_weight) AS sample_weight,
        max(CASE WHEN is_dominant THEN service_name END) AS dominant_service_name,
        max(CASE WHEN is_dominant THEN span_name END) AS dominant_span_name,
        array_agg(named_struct('service', service_name, 'name', span_name, 'ns', critical_path_ns)) AS path
    FROM parts
    GROUP BY trace_id, root_service_name, root_span_name
), kinds AS (
    SELECT slow.*, traces.shape, traces.error_type
    FROM slow
    JOIN traces ON traces.trace_id = slow.trace_id
    WHERE traces.start_time >= $from AND traces.start_time < $to
), numbered AS (
    SELECT
        *,
        dense_rank() OVER (
            ORDER BY root_service_name, root_span_name, shape, dominant_service_name, dominant_span_name, error_type
        ) AS cluster
    FROM kinds
), sized AS (
    SELECT
        *,
        sum(sample_weight) OVER (PARTITION BY cluster) AS cluster_traces,
        percentile_nearest(root_duration_ns, 0.5, sample_weight) OVER (PARTITION BY cluster) AS cluster_median_ns
    FROM numbered
), steps AS (
    SELECT cluster, cluster_traces, trace_id, sample_weight, unnest(path) AS step FROM sized
), near AS (
    -- An operation that a trace does not have is as far from the mean as that is from nothing: of all operations of
    -- the kind, which is the same for each trace, those that it has are taken off.
    SELECT cluster, trace_id, sum(abs(ns - mean_ns) - mean_ns) AS distance_ns
    FROM (
        SELECT
            cluster, trace_id, CAST(step['ns'] AS DOUBLE) AS ns,
            sum(sample_weight * step['ns']) OVER (PARTITION BY cluster, step['service'], step['name'])
                / cluster_traces AS mean_ns
        FROM steps
    ) AS beside
    GROUP BY cluster, trace_id
), placed AS (
    SELECT
        sized.*,
        row_number() OVER (
            PARTITION BY sized.cluster
            ORDER BY distance_ns, abs(root_duration_ns - cluster_median_ns), sized.trace_id
        ) = 1 AS is_example
    FROM sized
    JOIN near ON near.cluster = sized.cluster AND near.trace_id = sized.trace_id
), clusters AS (
    SELECT
        root_service_name, root_span_name, shape, dominant_service_name, dominant_span_name, error_type,
        max(impact_ns) AS impact_ns,
        sum(sample_weight) AS slow_traces,
        sum(sample_weight) / max(slow_count) AS share,
        sum(sample_weight * (root_duration_ns - median_ns)) AS excess_ns,
        max(cluster_median_ns) AS median_ns,
        max(root_duration_ns) AS longest_ns,
        max(CASE WHEN is_example THEN trace_id END) AS example_trace_id,
        first_value(trace_id ORDER BY root_duration_ns DESC, trace_id) AS slowest_trace_id,
        first_value(trace_id ORDER BY start_time DESC, trace_id) AS latest_trace_id
    FROM placed
    GROUP BY root_service_name, root_span_name, shape, dominant_service_name, dominant_span_name, error_type
)
SELECT
    dense_rank() OVER (ORDER BY impact_ns DESC, root_service_name, root_span_name) AS group_rank,
    row_number() OVER (
        PARTITION BY root_service_name, root_span_name ORDER BY excess_ns DESC, example_trace_id
    ) AS rank,
    *
FROM clusters
ORDER BY group_rank, rank
