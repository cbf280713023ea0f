"""How many sessions there were."""

from ..question import Question

SNAKE = """
SELECT date_trunc('hour', start_time) AS hour, @resource{cloud.region} AS region,
    count(DISTINCT @span{session.id}) AS sessions
FROM spans WHERE @span{session.id} IS NOT NULL
GROUP BY hour, region
"""
CLICKHOUSE = """
SELECT toStartOfHour(Timestamp) AS hour, @resource{cloud.region} AS region,
    uniqExact(@span{session.id}) AS sessions
FROM otel_traces WHERE PRESENT
GROUP BY hour, region
"""

QUESTION = Question(
    title="distinct sessions",
    about="Distinct session ids per hour and region, exact, over four weeks.",
    sql={
        "spanlake": SNAKE,
        "duckdb": SNAKE,
        "datafusion": SNAKE,
        "clickhouse": CLICKHOUSE.replace("PRESENT", "mapContains(SpanAttributes, 'session.id')"),
        "clickhouse-json": CLICKHOUSE.replace("PRESENT", "@span{session.id} IS NOT NULL"),
    },
    keys=("hour", "region"),
)
