"""A part of a path, as one types it into a search field."""

from ..question import Question

SNAKE = """
SELECT service_name, date_trunc('day', start_time) AS day, count(*) AS calls,
    max(duration_ns) AS max_ns
FROM spans WHERE span_kind = 'server' AND @span{url.path} LIKE '%s/%77%'
GROUP BY service_name, day
"""

QUESTION = Question(
    title="part of a path",
    about="Requests per service and day with `s/`, and behind it `77`, in `url.path`; four weeks.",
    sql={
        "spanlake": SNAKE,
        "duckdb": SNAKE,
        "datafusion": SNAKE,
        "clickhouse": """
            SELECT ServiceName AS service_name, toDateTime(toStartOfDay(Timestamp)) AS day,
                count() AS calls, max(Duration) AS max_ns
            FROM otel_traces WHERE SpanKind = 'Server' AND @span{url.path} LIKE '%s/%77%'
            GROUP BY service_name, day""",
    },
    keys=("service_name", "day"),
)
