"""Who calls whom."""

from ..question import CLICKHOUSE_P99, Question, neighbours

# Calls are of the day; a caller may have begun before it.
JOINED = """
SELECT caller.service_name AS caller, callee.service_name AS callee, count(*) AS calls,
    count(*) FILTER (WHERE callee.status_code = 'error') AS errors, P99 AS p99_ns
FROM spans callee JOIN spans caller
    ON callee.trace_id = caller.trace_id AND callee.parent_span_id = caller.span_id
WHERE callee.start_time >= @day AND callee.start_time < @day_end
  AND caller.start_time >= @day_early AND caller.start_time < @day_end_late
  AND callee.service_name <> caller.service_name
GROUP BY caller.service_name, callee.service_name
"""
DUCKDB = JOINED.replace("P99", "quantile_disc(callee.duration_ns, 0.99)")

QUESTION = Question(
    title="service graph of a day",
    about="Calls, errors and p99 between each pair of services on one day.",
    sql={
        "spanlake": """
            SELECT parent_service_name AS caller, service_name AS callee, count(*) AS calls,
                count(*) FILTER (WHERE status_code = 'error') AS errors, p99(duration_ns) AS p99_ns
            FROM spans
            WHERE start_time >= @day AND start_time < @day_end
              AND parent_service_name <> service_name
            GROUP BY parent_service_name, service_name""",
        "duckdb": DUCKDB,
        "datafusion": JOINED.replace(
            "P99", "percentile_cont(0.99) WITHIN GROUP (ORDER BY callee.duration_ns)"
        ),
        "clickhouse": f"""
            SELECT parent.ServiceName AS caller, child.ServiceName AS callee, count() AS calls,
                countIf(child.StatusCode = 'Error') AS errors,
                {CLICKHOUSE_P99}(child.Duration) AS p99_ns
            FROM (
                SELECT TraceId, ParentSpanId, ServiceName, StatusCode, Duration FROM otel_traces
                WHERE Timestamp >= @day AND Timestamp < @day_end AND ParentSpanId != ''
            ) AS child
            INNER JOIN (
                SELECT TraceId, SpanId, ServiceName FROM otel_traces
                WHERE Timestamp >= @day_early AND Timestamp < @day_end_late
            ) AS parent ON child.TraceId = parent.TraceId AND child.ParentSpanId = parent.SpanId
            WHERE child.ServiceName != parent.ServiceName
            GROUP BY caller, callee""",
    },
    call='SELECT * FROM service_graph("from" => @day, "to" => @day_end)',
    keys=("caller", "callee"),
    percentiles=("p99_ns",),
    reference=DUCKDB.replace(
        " AS p99_ns", f" AS p99_ns, {neighbours('callee.duration_ns', 0.99, 'p99_ns')}"
    ),
)
