-- The slowest traces of each group, which are those with the same root service and operation: one row for each of
-- the slowest `fraction` of the complete ones, rounded up; equal ones by trace id. With the group's number of traces,
-- threshold (the duration of the last one of the list), median and p99, by how much the trace exceeds the median,
-- and the operation whose time on the critical path exceeds that of typical traces by most. `slow_count` is how many
-- take as long as the threshold or longer. Groups come by the time that these lose against the median (`group_rank`).
--
-- fraction DOUBLE(0 to 1) = 0.01: Which part of each group is slow.
-- since INTERVAL = INTERVAL '7 days': How far to look back.
-- service TEXT = NULL: Only traces whose root is of this service.
-- operation TEXT = NULL: Only traces whose root has this name.
--
-- example: SELECT root_span_name, trace_id, excess_ns, dominant_span_name FROM slowest_traces() WHERE rank <= 3
SELECT
    dense_rank() OVER (ORDER BY impact_ns DESC, root_service_name, root_span_name) AS group_rank,
    rank, root_service_name, root_span_name, trace_id, start_time, root_duration_ns, root_status_code, sample_weight,
    root_duration_ns - median_ns AS excess_ns,
    dominant_service_name, dominant_span_name, dominant_excess_ns,
    trace_count, listed_count, slow_count, threshold_ns, median_ns, p99_ns, impact_ns
FROM (
    SELECT
        root_service_name, root_span_name, trace_id,
        max(place) AS rank,
        max(start_time) AS start_time,
        max(root_duration_ns) AS root_duration_ns,
        max(root_status_code) AS root_status_code,
        max(sample_weight) AS sample_weight,
        max(service_name) FILTER (WHERE is_dominant) AS dominant_service_name,
        max(span_name) FILTER (WHERE is_dominant) AS dominant_span_name,
        max(excess_ns) FILTER (WHERE is_dominant) AS dominant_excess_ns,
        max(trace_count) AS trace_count,
        max(listed_count) AS listed_count,
        max(slow_count) AS slow_count,
        max(threshold_ns) AS threshold_ns,
        max(median_ns) AS median_ns,
        max(p99_ns) AS p99_ns,
        max(impact_ns) AS impact_ns
    FROM slow_operations(
        fraction => $fraction, service => $service, operation => $operation, since => $since, from => $from,
        to => $to
    )
    WHERE is_listed
    GROUP BY root_service_name, root_span_name, trace_id
) AS listed
ORDER BY group_rank, rank
