"""Whether a release made a service slower."""

from ..question import CLICKHOUSE_P99, Question, neighbours

SNAKE = """
SELECT service_name, @resource{service.version} AS version, count(*) AS calls, P99 AS p99_ns
FROM spans
WHERE span_kind = 'server' AND start_time >= @start AND start_time < @end
GROUP BY service_name, version
"""
DUCKDB = SNAKE.replace("P99", "quantile_disc(duration_ns, 0.99)")

QUESTION = Question(
    title="p99 by version",
    about="Calls and p99 of every version of every service over four weeks.",
    sql={
        "spanlake": SNAKE.replace("P99", "p99(duration_ns)"),
        "duckdb": DUCKDB,
        "datafusion": SNAKE.replace(
            "P99", "percentile_cont(0.99) WITHIN GROUP (ORDER BY duration_ns)"
        ),
        "clickhouse": f"""
            SELECT ServiceName AS service_name, @resource{{service.version}} AS version,
                count() AS calls, {CLICKHOUSE_P99}(Duration) AS p99_ns
            FROM otel_traces
            WHERE SpanKind = 'Server' AND Timestamp >= @start AND Timestamp < @end
            GROUP BY service_name, version""",
    },
    keys=("service_name", "version"),
    percentiles=("p99_ns",),
    reference=DUCKDB.replace(
        " AS p99_ns", f" AS p99_ns, {neighbours('duration_ns', 0.99, 'p99_ns')}"
    ),
)
