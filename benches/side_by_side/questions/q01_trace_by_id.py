"""One trace, by the id in a log line."""

from ..question import Question

# DuckDB's VARIANT and ClickHouse's JSON come as JSON text.
COLUMNS = """trace_id, span_id, coalesce(parent_span_id, '') AS parent_span_id, service_name,
    span_name, span_kind, start_time, duration_ns, status_code,
    coalesce(status_message, '') AS status_message, attributes, resource_attributes"""
SNAKE = f"SELECT {COLUMNS} FROM spans WHERE trace_id = @trace_id"
CLICKHOUSE = """
WITH (SELECT min(Start) FROM otel_traces_trace_id_ts WHERE TraceId = @trace_id) AS first,
     (SELECT max(End) + 1 FROM otel_traces_trace_id_ts WHERE TraceId = @trace_id) AS last
SELECT TraceId AS trace_id, SpanId AS span_id, ParentSpanId AS parent_span_id,
    ServiceName AS service_name, SpanName AS span_name, lower(SpanKind) AS span_kind,
    Timestamp AS start_time, Duration AS duration_ns, lower(StatusCode) AS status_code,
    StatusMessage AS status_message, {span} AS attributes, {resource} AS resource_attributes
FROM otel_traces WHERE TraceId = @trace_id AND Timestamp >= first AND Timestamp <= last
"""

QUESTION = Question(
    title="trace by id",
    about="All spans of one trace with their attributes; another trace each time.",
    sql={
        "spanlake": SNAKE,
        "duckdb": SNAKE,
        "duckdb-variant": SNAKE.replace(
            "attributes, resource_attributes",
            "attributes::JSON AS attributes, resource_attributes::JSON AS resource_attributes",
        ),
        "datafusion": SNAKE,
        "clickhouse": CLICKHOUSE.format(span="SpanAttributes", resource="ResourceAttributes"),
        "clickhouse-json": CLICKHOUSE.format(
            span="toString(SpanAttributes)", resource="toString(ResourceAttributes)"
        ),
    },
    keys=("trace_id", "span_id"),
)
