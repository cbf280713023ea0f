"""Hours of the last week that are slower than the same hours of the week before."""

from ..question import CLICKHOUSE_P50, CLICKHOUSE_P95, Cut, Question

# A Unix hour is Thursday midnight first, so 72 hours make it Monday.
SNAKE = """
WITH hours AS (
    SELECT service_name, span_name, date_trunc('hour', start_time) AS hour,
        count(*) AS calls, P95 AS p95_ns
    FROM spans
    WHERE span_kind = 'server' AND start_time >= @start AND start_time < @end
    GROUP BY service_name, span_name, hour
), past AS (
    SELECT service_name, span_name, HOUR_OF_WEEK AS hour_of_week, MEDIAN AS usual_ns
    FROM hours WHERE hour < @week
    GROUP BY service_name, span_name, hour_of_week
)
SELECT service_name, span_name, hour, calls, p95_ns, usual_ns,
    CAST(p95_ns AS DOUBLE) / usual_ns AS ratio
FROM (SELECT *, HOUR_OF_WEEK AS hour_of_week FROM hours WHERE hour >= @week) recent
    JOIN past USING (service_name, span_name, hour_of_week)
WHERE calls >= 20
"""
OUTLIERS = " AND CAST(p95_ns AS DOUBLE) / usual_ns > 2"


def written(p95: str, median: str, hour_of_week: str) -> str:
    """The question with a system's functions."""
    text = SNAKE.replace("P95", p95).replace("MEDIAN", median)
    return text.replace("HOUR_OF_WEEK", hour_of_week)


DUCKDB = written(
    "quantile_disc(duration_ns, 0.95)",
    "quantile_disc(p95_ns, 0.5)",
    "(epoch(hour)::BIGINT // 3600 + 72) % 168",
)
EPOCH_HOURS = "(CAST(extract(epoch FROM hour) AS BIGINT) / 3600 + 72) % 168"

QUESTION = Question(
    title="hour-of-week baseline",
    about="Per operation and hour: p95 of the last week's hours with 20 calls or more, where it is "
    "over twice the median of the same hour of the three weeks before.",
    sql={
        "spanlake": written("p95(duration_ns)", "p50(p95_ns)", EPOCH_HOURS) + OUTLIERS,
        "duckdb": DUCKDB + OUTLIERS,
        # By nearest rank here: an interpolated percentile of few calls is another number.
        "datafusion": written(
            "array_sort(array_agg(duration_ns))[CAST(ceil(0.95 * count(*)) AS BIGINT)]",
            "array_sort(array_agg(p95_ns))[CAST(ceil(0.5 * count(*)) AS BIGINT)]",
            EPOCH_HOURS,
        )
        + OUTLIERS,
        "clickhouse": f"""
            WITH hours AS (
                SELECT ServiceName AS service_name, SpanName AS span_name,
                    toStartOfHour(Timestamp) AS hour, count() AS calls,
                    {CLICKHOUSE_P95}(Duration) AS p95_ns
                FROM otel_traces
                WHERE SpanKind = 'Server' AND Timestamp >= @start AND Timestamp < @end
                GROUP BY service_name, span_name, hour
            )
            SELECT service_name, span_name,
                arrayJoin(arrayZip(hours_, calls_, p95s_)) AS one, one.1 AS hour, one.2 AS calls,
                one.3 AS p95_ns, usual_ns, p95_ns / usual_ns AS ratio
            FROM (
                SELECT service_name, span_name,
                    intDiv(toUnixTimestamp(hour), 3600) % 168 AS hour_of_week,
                    {CLICKHOUSE_P50.replace("quantileExact", "quantileExactIf")}
                        (p95_ns, hour < @week) AS usual_ns,
                    countIf(hour < @week) AS weeks,
                    groupArrayIf(hour, hour >= @week AND calls >= 20) AS hours_,
                    groupArrayIf(calls, hour >= @week AND calls >= 20) AS calls_,
                    groupArrayIf(p95_ns, hour >= @week AND calls >= 20) AS p95s_
                FROM hours GROUP BY service_name, span_name, hour_of_week
            ) WHERE weeks > 0 AND ratio > 2""",
    },
    keys=("service_name", "span_name", "hour"),
    percentiles=("p95_ns", "usual_ns", "ratio"),
    cut=Cut("ratio", above=2.0),
    reference=DUCKDB,
)
