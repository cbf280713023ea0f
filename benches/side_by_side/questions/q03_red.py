"""Rate, errors and durations, the first dashboard of everyone."""

from ..question import CLICKHOUSE_P50, CLICKHOUSE_P99, Question, neighbours

SNAKE = """
SELECT service_name, span_name, {minute} AS minute, count(*) AS calls,
    count(*) FILTER (WHERE status_code = 'error') AS errors,
    {p50} AS p50_ns, {p99} AS p99_ns{more}
FROM spans WHERE start_time >= @hour AND start_time < @hour_end
GROUP BY service_name, span_name, minute
"""
DUCKDB = {
    "minute": "date_trunc('minute', start_time)",
    "p50": "quantile_disc(duration_ns, 0.5)",
    "p99": "quantile_disc(duration_ns, 0.99)",
}
NEIGHBOURS = f""",
    {neighbours("duration_ns", 0.5, "p50_ns")},
    {neighbours("duration_ns", 0.99, "p99_ns")}"""

QUESTION = Question(
    title="RED of an hour",
    about="Calls, errors, p50 and p99 per service, operation and minute of one hour.",
    sql={
        "spanlake": SNAKE.format(
            minute="date_trunc('minute', start_time)",
            p50="p50(duration_ns)",
            p99="p99(duration_ns)",
            more="",
        ),
        "duckdb": SNAKE.format(**DUCKDB, more=""),
        "datafusion": SNAKE.format(
            minute="date_trunc('minute', start_time)",
            p50="percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ns)",
            p99="percentile_cont(0.99) WITHIN GROUP (ORDER BY duration_ns)",
            more="",
        ),
        "clickhouse": f"""
            SELECT ServiceName AS service_name, SpanName AS span_name,
                toStartOfMinute(Timestamp) AS minute, count() AS calls,
                countIf(StatusCode = 'Error') AS errors,
                {CLICKHOUSE_P50}(Duration) AS p50_ns, {CLICKHOUSE_P99}(Duration) AS p99_ns
            FROM otel_traces WHERE Timestamp >= @hour AND Timestamp < @hour_end
            GROUP BY service_name, span_name, minute""",
    },
    call='SELECT * FROM red("from" => @hour, "to" => @hour_end)',
    keys=("service_name", "span_name", "minute"),
    percentiles=("p50_ns", "p99_ns"),
    reference=SNAKE.format(**DUCKDB, more=NEIGHBOURS),
)
