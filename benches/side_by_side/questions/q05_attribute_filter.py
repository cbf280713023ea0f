"""A filter on three attributes, counted by the hour."""

from ..question import Question

SNAKE = """
SELECT date_trunc('hour', start_time) AS hour, count(*) AS calls, max(duration_ns) AS max_ns
FROM spans
WHERE @span{http.request.method} = 'POST' AND @span{http.response.status_code} = '200'
  AND @span{app.customer_tier} = 'enterprise'
GROUP BY hour
"""
CLICKHOUSE = """
SELECT toStartOfHour(Timestamp) AS hour, count() AS calls, max(Duration) AS max_ns
FROM otel_traces WHERE FILTER GROUP BY hour
"""

QUESTION = Question(
    title="three attributes by hour",
    about="Calls and longest duration per hour of four weeks where three attributes match.",
    sql={
        "spanlake": SNAKE.replace("@span{http.response.status_code} = '200'",
                                  "http_response_status_code = 200"),
        "duckdb": SNAKE,
        "datafusion": SNAKE,
        "clickhouse": CLICKHOUSE.replace(
            "FILTER",
            "@span{http.request.method} = 'POST' AND @span{http.response.status_code} = '200' "
            "AND @span{app.customer_tier} = 'enterprise'",
        ),
        # The text index is over `key=value`, and it is asked by the column that it is on.
        "clickhouse-text": CLICKHOUSE.replace(
            "FILTER",
            "has(SpanAttributeItems, 'http.request.method=POST') "
            "AND has(SpanAttributeItems, 'http.response.status_code=200') "
            "AND has(SpanAttributeItems, 'app.customer_tier=enterprise')",
        ),
    },
    keys=("hour",),
)
