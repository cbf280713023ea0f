"""The same call, many times below one span."""

from ..question import Question

SNAKE = """
SELECT service_name, span_name, count(*) AS parents, max(calls) AS most_calls, sum(calls) AS calls
FROM (
    SELECT service_name, span_name, count(*) AS calls FROM spans
    WHERE span_kind = 'client' AND parent_span_id IS NOT NULL
    GROUP BY trace_id, parent_span_id, service_name, span_name
    HAVING count(*) >= 10
)
GROUP BY service_name, span_name
"""

# Spans know how many children they have.
OF_LARGE = SNAKE.replace(
    "parent_span_id IS NOT NULL",
    "parent_span_id IN (SELECT span_id FROM spans WHERE child_count >= 10)",
)

QUESTION = Question(
    title="N+1",
    about="Client operations that one span calls ten times or more, over four weeks.",
    sql={
        "spanlake": OF_LARGE,
        "duckdb": SNAKE.replace("sum(calls)", "sum(calls)::BIGINT"),
        "datafusion": SNAKE,
        "clickhouse": """
            SELECT service_name, span_name, count() AS parents, max(n) AS most_calls,
                sum(n) AS calls
            FROM (
                SELECT ServiceName AS service_name, SpanName AS span_name, count() AS n
                FROM otel_traces WHERE SpanKind = 'Client' AND ParentSpanId != ''
                GROUP BY TraceId, ParentSpanId, ServiceName, SpanName
                HAVING n >= 10
            )
            GROUP BY service_name, span_name""",
    },
    call='SELECT * FROM n_plus_one(least => 10, "from" => @start, "to" => @end)',
    keys=("service_name", "span_name"),
)
