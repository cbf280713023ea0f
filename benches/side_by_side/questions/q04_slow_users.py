"""The users who wait longest."""

from ..question import CLICKHOUSE_P99, Cut, Question, neighbours

SNAKE = """
SELECT @span{user.id} AS user_id, count(*) AS calls, P99 AS p99_ns
FROM spans WHERE @span{user.id} IS NOT NULL
GROUP BY user_id HAVING count(*) >= 10
"""
FIRST = "ORDER BY p99_ns DESC, user_id LIMIT 20"
DUCKDB = SNAKE.replace("P99", "quantile_disc(duration_ns, 0.99)")
CLICKHOUSE = f"""
SELECT @span{{user.id}} AS user_id, count() AS calls, {CLICKHOUSE_P99}(Duration) AS p99_ns
FROM otel_traces WHERE PRESENT
GROUP BY user_id HAVING calls >= 10 {FIRST}
"""

QUESTION = Question(
    title="slowest users",
    about="The 20 user ids with the highest p99 of four weeks, of those with ten calls or more.",
    sql={
        "spanlake": SNAKE.replace("P99", "p99(duration_ns)") + FIRST,
        "duckdb": DUCKDB + FIRST,
        "datafusion": SNAKE.replace(
            "P99", "percentile_cont(0.99) WITHIN GROUP (ORDER BY duration_ns)"
        )
        + FIRST,
        "clickhouse": CLICKHOUSE.replace("PRESENT", "mapContains(SpanAttributes, 'user.id')"),
        "clickhouse-json": CLICKHOUSE.replace("PRESENT", "@span{user.id} IS NOT NULL"),
    },
    keys=("user_id",),
    percentiles=("p99_ns",),
    cut=Cut("p99_ns", first=20),
    reference=DUCKDB.replace(
        " AS p99_ns", f" AS p99_ns, {neighbours('duration_ns', 0.99, 'p99_ns')}"
    ),
)
