-- What slow traces spend their time on: one row for each slow trace and each operation on it, with its part of
-- the critical path beside the mean of typical traces. Traces are compared within their group: those with the same
-- root service and operation and a complete root. The slowest `fraction` of a group are on its list, equal ones by
-- trace id; slow is what takes as long as the last one of the list or longer. Typical are those between the 40th
-- and the 60th percentile of the group. Of the operations of a slow trace, that with the most excess is dominant.
-- An operation that only typical traces have is a row without a trace.
--
-- fraction DOUBLE(0 to 1) = 0.01: Which part of each group is slow.
-- since INTERVAL = INTERVAL '7 days': How far to look back.
-- service TEXT = NULL: Only traces whose root is of this service.
-- operation TEXT = NULL: Only traces whose root has this name.
--
-- example: SELECT trace_id, span_name, excess_ns FROM slow_operations() WHERE is_dominant ORDER BY excess_ns DESC
WITH placed AS (
    SELECT
        trace_id, root_service_name, root_span_name, start_time, root_duration_ns, root_status_code, sample_weight,
        row_number() OVER (PARTITION BY root_service_name, root_span_name ORDER BY root_duration_ns DESC, trace_id)
            AS place,
        sum(sample_weight) OVER (
            PARTITION BY root_service_name, root_span_name ORDER BY root_duration_ns DESC, trace_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - sample_weight AS before,
        sum(sample_weight) OVER (PARTITION BY root_service_name, root_span_name) AS trace_count
    FROM traces
    WHERE start_time >= $from AND start_time < $to AND is_connected
        AND ($service IS NULL OR root_service_name = $service)
        AND ($operation IS NULL OR root_span_name = $operation)
), listed AS (
    -- A millionth of a millionth makes up for the fraction's last bit. The traces from the fastest up to one are
    -- all but those before it.
    SELECT
        *,
        before < $fraction * trace_count * (1 - 1e-12) AS is_listed,
        trace_count - before >= 0.40 * trace_count * (1 - 1e-12) AS from_p40,
        trace_count - before >= 0.50 * trace_count * (1 - 1e-12) AS from_p50,
        trace_count - before >= 0.60 * trace_count * (1 - 1e-12) AS from_p60,
        trace_count - before >= 0.99 * trace_count * (1 - 1e-12) AS from_p99
    FROM placed
), measured AS (
    SELECT
        *,
        count(*) FILTER (WHERE is_listed) OVER one_group AS listed_count,
        min(root_duration_ns) FILTER (WHERE is_listed) OVER one_group AS threshold_ns,
        min(root_duration_ns) FILTER (WHERE from_p40) OVER one_group AS p40_ns,
        min(root_duration_ns) FILTER (WHERE from_p50) OVER one_group AS median_ns,
        min(root_duration_ns) FILTER (WHERE from_p60) OVER one_group AS p60_ns,
        min(root_duration_ns) FILTER (WHERE from_p99) OVER one_group AS p99_ns
    FROM listed
    WINDOW one_group AS (PARTITION BY root_service_name, root_span_name)
), cohorts AS (
    SELECT
        *,
        CASE WHEN root_duration_ns >= threshold_ns THEN sample_weight ELSE 0.0 END AS slow,
        CASE WHEN root_duration_ns BETWEEN p40_ns AND p60_ns THEN sample_weight ELSE 0.0 END AS typical
    FROM measured
    WHERE root_duration_ns >= threshold_ns OR root_duration_ns BETWEEN p40_ns AND p60_ns
), sized AS (
    SELECT
        *,
        sum(slow) OVER one_group AS slow_count,
        sum(typical) OVER one_group AS typical_count,
        sum(slow * (root_duration_ns - median_ns)) OVER one_group AS impact_ns
    FROM cohorts
    WINDOW one_group AS (PARTITION BY root_service_name, root_span_name)
), chosen AS (
    -- The planner cannot tell how many rows come out of `unnest`, so it lets them choose the spans that are read.
    SELECT *, row_number() OVER () AS number, unnest(make_array(true)) AS is_chosen FROM sized WHERE slow_count > 0
), rooted AS (
    -- A trace may have more roots. Only the path of the primary one, which comes first, adds up to its duration.
    SELECT chosen.*, spans.nested_right AS root_end
    FROM chosen
    JOIN spans ON spans.trace_id = chosen.trace_id
    WHERE is_chosen AND spans.is_primary_root
        AND spans.start_time >= $from - INTERVAL '1 day' AND spans.start_time < $to + INTERVAL '1 day'
), parts AS (
    -- Of traces that are typical only, sums are enough: they come together in one row per operation.
    SELECT
        root_service_name, root_span_name, service_name, span_name,
        CASE WHEN slow > 0 THEN number END AS slow_number,
        max(trace_id) AS trace_id, max(start_time) AS start_time, max(root_duration_ns) AS root_duration_ns,
        max(root_status_code) AS root_status_code, max(sample_weight) AS sample_weight,
        max(place) AS place, bool_or(is_listed) AS is_listed,
        max(trace_count) AS trace_count, max(listed_count) AS listed_count, max(slow_count) AS slow_count,
        max(typical_count) AS typical_count, max(impact_ns) AS impact_ns,
        max(threshold_ns) AS threshold_ns, max(median_ns) AS median_ns, max(p99_ns) AS p99_ns,
        sum(critical_path_ns) AS critical_path_ns,
        count(*) FILTER (WHERE critical_path_ns > 0) AS calls,
        sum(typical * critical_path_ns) AS typical_path_ns,
        coalesce(sum(typical) FILTER (WHERE critical_path_ns > 0), 0) AS typical_calls,
        bool_or(is_failed) AS is_failed
    FROM (
        SELECT
            rooted.*, spans.service_name, spans.span_name, critical_path_ns,
            status_code = 'error' AND NOT is_duplicate AS is_failed
        FROM rooted
        JOIN spans ON spans.trace_id = rooted.trace_id
        WHERE spans.start_time >= $from - INTERVAL '1 day' AND spans.start_time < $to + INTERVAL '1 day'
            AND spans.nested_right <= root_end
    ) AS spans_of
    GROUP BY root_service_name, root_span_name, service_name, span_name, CASE WHEN slow > 0 THEN number END
), operations AS (
    SELECT
        root_service_name, root_span_name, service_name, span_name,
        max(trace_count) AS trace_count, max(listed_count) AS listed_count, max(slow_count) AS slow_count,
        max(typical_count) AS typical_count, max(impact_ns) AS impact_ns,
        max(threshold_ns) AS threshold_ns, max(median_ns) AS median_ns, max(p99_ns) AS p99_ns,
        coalesce(sum(typical_path_ns) / nullif(max(typical_count), 0), 0) AS typical_ns,
        coalesce(sum(typical_calls) / nullif(max(typical_count), 0), 0) AS typical_calls,
        array_agg(named_struct(
            'trace_id', trace_id, 'start_time', start_time, 'root_duration_ns', root_duration_ns,
            'root_status_code', root_status_code, 'sample_weight', sample_weight, 'place', place,
            'is_listed', is_listed, 'critical_path_ns', critical_path_ns, 'calls', calls, 'is_failed', is_failed
        )) FILTER (WHERE slow_number IS NOT NULL) AS slow_traces
    FROM parts
    GROUP BY root_service_name, root_span_name, service_name, span_name
), by_trace AS (
    -- An operation of typical traces only stays as one row without a trace.
    SELECT *, unnest(coalesce(slow_traces, make_array(NULL))) AS slow_trace FROM operations
)
SELECT
    root_service_name, root_span_name, trace_count, listed_count, slow_count, typical_count, impact_ns,
    threshold_ns, median_ns, p99_ns,
    slow_trace['trace_id'] AS trace_id,
    slow_trace['start_time'] AS start_time,
    slow_trace['root_duration_ns'] AS root_duration_ns,
    slow_trace['root_status_code'] AS root_status_code,
    slow_trace['sample_weight'] AS sample_weight,
    slow_trace['place'] AS place,
    slow_trace['is_listed'] AS is_listed,
    service_name, span_name,
    slow_trace['critical_path_ns'] AS critical_path_ns,
    slow_trace['calls'] AS calls,
    slow_trace['is_failed'] AS is_failed,
    typical_ns, typical_calls,
    coalesce(slow_trace['critical_path_ns'], 0) - typical_ns AS excess_ns,
    CASE WHEN slow_trace['critical_path_ns'] > typical_ns THEN row_number() OVER (
        PARTITION BY slow_trace['trace_id']
        ORDER BY slow_trace['critical_path_ns'] - typical_ns DESC, service_name, span_name
    ) = 1 ELSE false END AS is_dominant
FROM by_trace
