"""Hours of the last week that are slower than the same hours of the week before."""

from ..question import CLICKHOUSE_P50, CLICKHOUSE_P95, Cut, Question

# A week has one of each hour, so what is recent is one value per group.
SNAKE = """
WITH hours AS (
    SELECT service_name, span_name, date_trunc('hour', start_time) AS hour,
        count(*) AS calls, P95 AS p95_ns
    FROM spans
    WHERE span_kind = 'server' AND start_time >= @start AND start_time < @end
    GROUP BY service_name, span_name, hour
), weeks AS (
    SELECT service_name, span_name,
        max(hour) FILTER (WHERE hour >= @week) AS hour,
        max(calls) FILTER (WHERE hour >= @week) AS calls,
        max(p95_ns) FILTER (WHERE hour >= @week) AS p95_ns,
        MEDIAN AS usual_ns
    FROM hours GROUP BY service_name, span_name, HOUR_OF_WEEK
)
SELECT service_name, span_name, hour, calls, p95_ns, usual_ns,
    CAST(p95_ns AS DOUBLE) / usual_ns AS ratio
FROM weeks WHERE calls >= 20 AND usual_ns IS NOT NULL
"""
OUTLIERS = " AND CAST(p95_ns AS DOUBLE) / usual_ns > 2"


def written(p95: str, median: str, hour_of_week: str) -> str:
    """The question with a system's functions."""
    text = SNAKE.replace("P95", p95).replace("MEDIAN", median)
    return text.replace("HOUR_OF_WEEK", hour_of_week)


DUCKDB = written(
    "quantile_disc(duration_ns, 0.95)",
    "quantile_disc(p95_ns, 0.5) FILTER (WHERE hour < @week)",
    "epoch(hour)::BIGINT // 3600 % 168",
)
EPOCH_HOURS = "CAST(extract(epoch FROM hour) AS BIGINT) / 3600 % 168"

QUESTION = Question(
    title="hour-of-week baseline",
    about="Per operation and hour: p95 of the last week's hours with 20 calls or more, where it is "
    "over twice the median of the same hour of the three weeks before.",
    sql={
        "spanlake": written("p95(duration_ns)", "p50(p95_ns) FILTER (WHERE hour < @week)",
                            EPOCH_HOURS) + OUTLIERS,
        "duckdb": DUCKDB + OUTLIERS,
        # By nearest rank here: an interpolated percentile of few calls is another number.
        "datafusion": written(
            "array_sort(array_agg(duration_ns))[CAST(ceil(0.95 * count(*)) AS BIGINT)]",
            "array_sort(array_agg(p95_ns) FILTER (WHERE hour < @week))[CAST("
            "ceil(0.5 * count(*) FILTER (WHERE hour < @week)) AS BIGINT)]",
            EPOCH_HOURS,
        )
        + OUTLIERS,
        "clickhouse": f"""
            WITH hours AS (
                SELECT ServiceName AS service_name, SpanName AS span_name,
                    toStartOfHour(Timestamp) AS start, count() AS n,
                    {CLICKHOUSE_P95}(Duration) AS slow_ns
                FROM otel_traces
                WHERE SpanKind = 'Server' AND Timestamp >= @start AND Timestamp < @end
                GROUP BY service_name, span_name, start
            )
            SELECT service_name, span_name, maxIf(start, start >= @week) AS hour,
                maxIf(n, start >= @week) AS calls, maxIf(slow_ns, start >= @week) AS p95_ns,
                {CLICKHOUSE_P50.replace("(", "If(")}(slow_ns, start < @week) AS usual_ns,
                p95_ns / usual_ns AS ratio
            FROM hours
            GROUP BY service_name, span_name, intDiv(toUnixTimestamp(start), 3600) % 168
            HAVING calls >= 20 AND countIf(start < @week) > 0 AND ratio > 2""",
    },
    call="SELECT * FROM anomalies('p95', by => 'operation', \"from\" => @week, \"to\" => @end)",
    keys=("service_name", "span_name", "hour"),
    percentiles=("p95_ns", "usual_ns", "ratio"),
    cut=Cut("ratio", above=2.0),
    reference=DUCKDB,
)
