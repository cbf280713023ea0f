"""The slowest 1 % of a week's traces."""

from ..question import CLICKHOUSE_P99, Question

DUCKDB = """
WITH roots AS (
    SELECT service_name, span_name, trace_id, duration_ns FROM spans
    WHERE parent_span_id IS NULL AND start_time >= @week AND start_time < @end
), limits AS (
    SELECT service_name, span_name, quantile_disc(duration_ns, 0.99) AS limit_ns
    FROM roots GROUP BY service_name, span_name
)
SELECT service_name, span_name, trace_id, duration_ns
FROM roots JOIN limits USING (service_name, span_name) WHERE duration_ns >= limit_ns
"""
# One sorted window gives the rank, which is faster there than reading the roots twice.
RANKED = """
SELECT service_name, span_name, trace_id, duration_ns FROM (
    SELECT service_name, span_name, trace_id, duration_ns,
        rank() OVER (PARTITION BY service_name, span_name ORDER BY duration_ns DESC) AS slower,
        count(*) OVER (PARTITION BY service_name, span_name) AS traces
    FROM spans
    WHERE parent_span_id IS NULL AND start_time >= @week AND start_time < @end
) WHERE slower <= traces - CAST(ceil(0.99 * traces) AS BIGINT) + 1
"""
# An exact percentile over the window needs no order.
LIMITED = """
SELECT service_name, span_name, trace_id, duration_ns FROM (
    SELECT service_name, span_name, trace_id, duration_ns,
        percentile_nearest(duration_ns, 0.99) OVER (PARTITION BY service_name, span_name) AS limit_ns
    FROM spans
    WHERE is_root AND start_time >= @week AND start_time < @end
) WHERE duration_ns >= limit_ns
"""
CLICKHOUSE = f"""
WITH limits AS (
    SELECT ServiceName, SpanName, {CLICKHOUSE_P99}(Duration) AS limit_ns
    FROM otel_traces
    WHERE ParentSpanId = '' AND Timestamp >= @week AND Timestamp < @end
    GROUP BY ServiceName, SpanName
)
SELECT ServiceName AS service_name, SpanName AS span_name, TraceId AS trace_id,
    Duration AS duration_ns
FROM otel_traces INNER JOIN limits USING (ServiceName, SpanName)
WHERE ParentSpanId = '' AND Timestamp >= @week AND Timestamp < @end AND Duration >= limit_ns
"""

QUESTION = Question(
    title="slowest 1 % of a week",
    about="Per root operation, the traces at or above the 99th percentile of the week.",
    sql={
        "spanlake": LIMITED,
        "duckdb": DUCKDB,
        "datafusion": RANKED,
        "clickhouse": CLICKHOUSE,
    },
    call='SELECT * FROM slowest_traces("from" => @week, "to" => @end)',
    keys=("trace_id",),
)
