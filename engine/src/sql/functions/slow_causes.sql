-- Why slow traces are slow: for each group of traces with the same root service and operation, one row for each
-- operation, with the mean time that it takes on the critical path of slow and of typical traces (`slow_operations`
-- says which they are). The excesses of a group add up to the difference of its mean durations. An excess is more
-- calls, each as long as a typical one, and slower calls. An operation dominates a trace if it has the most excess
-- there. Groups come by the time that their slow traces lose against the median (`group_rank`), operations by excess.
--
-- fraction DOUBLE(0 to 1) = 0.01: Which part of each group is slow.
-- since INTERVAL = INTERVAL '7 days': How far to look back.
-- service TEXT = NULL: Only traces whose root is of this service.
-- operation TEXT = NULL: Only traces whose root has this name.
--
-- example: SELECT root_span_name, span_name, excess_ns, share FROM slow_causes() WHERE group_rank <= 5 AND rank <= 5
SELECT
    dense_rank() OVER (ORDER BY impact_ns DESC, root_service_name, root_span_name) AS group_rank,
    row_number() OVER (
        PARTITION BY root_service_name, root_span_name ORDER BY excess_ns DESC, service_name, span_name
    ) AS rank,
    root_service_name, root_span_name, service_name, span_name,
    excess_ns,
    excess_ns / nullif(gap_ns, 0) AS share,
    slow_ns, typical_ns,
    slow_calls, typical_calls,
    slow_ns / nullif(slow_calls, 0) AS slow_ns_per_call,
    typical_ns / nullif(typical_calls, 0) AS typical_ns_per_call,
    more_calls_ns,
    excess_ns - more_calls_ns AS slower_calls_ns,
    dominated_traces,
    dominated_traces / slow_count AS dominated_share,
    dominated_excess_ns,
    failed_traces / slow_count AS failed_share,
    slow_count AS slow_traces,
    typical_count AS typical_traces,
    impact_ns,
    example_trace_id
FROM (
    SELECT
        *,
        slow_ns - typical_ns AS excess_ns,
        -- Without a typical call nothing can be slower than one.
        CASE
            WHEN typical_calls > 0 THEN (slow_calls - typical_calls) * typical_ns / typical_calls
            ELSE slow_ns - typical_ns
        END AS more_calls_ns,
        sum(slow_ns - typical_ns) OVER (PARTITION BY root_service_name, root_span_name) AS gap_ns
    FROM (
        SELECT
            root_service_name, root_span_name, service_name, span_name,
            max(impact_ns) AS impact_ns,
            max(slow_count) AS slow_count,
            max(typical_count) AS typical_count,
            coalesce(sum(sample_weight * critical_path_ns), 0) / max(slow_count) AS slow_ns,
            max(typical_ns) AS typical_ns,
            coalesce(sum(sample_weight * calls), 0) / max(slow_count) AS slow_calls,
            max(typical_calls) AS typical_calls,
            coalesce(sum(sample_weight) FILTER (WHERE is_dominant), 0) AS dominated_traces,
            percentile_nearest(excess_ns, 0.5) FILTER (WHERE is_dominant) AS dominated_excess_ns,
            coalesce(sum(sample_weight) FILTER (WHERE is_failed), 0) AS failed_traces,
            first_value(trace_id ORDER BY excess_ns DESC, trace_id) AS example_trace_id
        FROM slow_operations(
            fraction => $fraction, service => $service, operation => $operation, since => $since, from => $from,
            to => $to
        )
        GROUP BY root_service_name, root_span_name, service_name, span_name
    ) AS means
) AS compared
ORDER BY group_rank, rank
