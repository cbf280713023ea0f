"""Failing spans of one service below a span of another one."""

from ..question import Question

# Few spans fail, so the way up from each of them is short work, once the spans of their traces
# are there.
SNAKE = """
WITH RECURSIVE failing AS (
    SELECT trace_id, span_id, parent_span_id, span_name FROM spans
    WHERE service_name = 'payment' AND status_code = 'error'
), family AS MATERIALIZED_ (
    SELECT trace_id, span_id, parent_span_id, service_name FROM spans
    WHERE trace_id IN (SELECT trace_id FROM failing)
), up AS (
    SELECT trace_id, span_id AS below, span_name, parent_span_id AS above, '' AS service_name
    FROM failing
    UNION ALL
    SELECT up.trace_id, up.below, up.span_name, family.parent_span_id, family.service_name
    FROM up JOIN family ON family.trace_id = up.trace_id AND family.span_id = up.above
)
SELECT span_name, count(DISTINCT below) AS failures, count(DISTINCT trace_id) AS traces
FROM up WHERE service_name = 'api-gateway' GROUP BY span_name
"""

# The ancestors of a span are those whose nested-set numbers enclose its own.
SPANLAKE = """
SELECT failing.span_name, count(DISTINCT failing.span_id) AS failures,
    count(DISTINCT failing.trace_id) AS traces
FROM spans failing JOIN spans ancestor ON ancestor.trace_id = failing.trace_id
    AND ancestor.nested_left < failing.nested_left
    AND ancestor.nested_right > failing.nested_right
WHERE failing.service_name = 'payment' AND failing.status_code = 'error'
  AND ancestor.service_name = 'api-gateway'
GROUP BY failing.span_name
"""

QUESTION = Question(
    title="failing descendant",
    about="Failing spans of `payment` below any span of `api-gateway`, by operation, four weeks.",
    sql={
        "spanlake": SPANLAKE,
        "duckdb": SNAKE.replace("MATERIALIZED_", "MATERIALIZED"),
        "datafusion": SNAKE.replace("MATERIALIZED_", ""),
        # Grown downwards in arrays: a recursive query would read the table again at each level.
        # Sixteen levels are more than the shop has.
        "clickhouse": """
            SELECT failed.2 AS span_name, uniqExact(failed.1) AS failures,
                uniqExact(TraceId) AS traces
            FROM (
                SELECT TraceId, groupArray((SpanId, ParentSpanId)) AS edges,
                    groupArrayIf((SpanId, SpanName), ServiceName = 'payment'
                        AND StatusCode = 'Error') AS failing,
                    arrayFold(
                        (below, level) -> arrayMap(e -> e.1, arrayFilter(
                            e -> has(below, e.2) OR has(below, e.1), edges)),
                        range(16), groupArrayIf(SpanId, ServiceName = 'api-gateway')) AS below
                FROM otel_traces
                WHERE TraceId IN (SELECT TraceId FROM otel_traces
                    WHERE ServiceName = 'payment' AND StatusCode = 'Error')
                GROUP BY TraceId
            ) ARRAY JOIN arrayFilter(f -> has(below, f.1), failing) AS failed
            GROUP BY span_name""",
    },
    call='SELECT * FROM error_origins("from" => @start, "to" => @end)',
    keys=("span_name",),
)
