"""How fast every service uses up its error budget."""

from ..question import Question

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
# The objective is 99.9 %.
SNAKE_WINDOW = """
    count(*) FILTER (WHERE start_time >= @back_{w}) AS calls_{w},
    count(*) FILTER (WHERE start_time >= @back_{w} AND status_code = 'error') / 0.001
        / nullif(count(*) FILTER (WHERE start_time >= @back_{w}), 0) AS burn_{w}"""
CLICKHOUSE_WINDOW = """
    countIf(Timestamp >= @back_{w}) AS calls_{w},
    countIf(Timestamp >= @back_{w} AND StatusCode = 'Error') / 0.001 / nullIf(calls_{w}, 0)
        AS burn_{w}"""
SNAKE = f"""
SELECT service_name, {",".join(SNAKE_WINDOW.format(w=w) for w in WINDOWS)}
FROM spans
WHERE span_kind IN ('server', 'consumer') AND start_time >= @back_3d AND start_time < @now
GROUP BY service_name
"""

QUESTION = Question(
    title="burn rates",
    about="Calls and burn rate of every service's entry spans over seven windows, 5 min to 3 days.",
    sql={
        "spanlake": SNAKE,
        "duckdb": SNAKE,
        "datafusion": SNAKE,
        "clickhouse": f"""
            SELECT ServiceName AS service_name,
                {",".join(CLICKHOUSE_WINDOW.format(w=w) for w in WINDOWS)}
            FROM otel_traces
            WHERE SpanKind IN ('Server', 'Consumer')
              AND Timestamp >= @back_3d AND Timestamp < @now
            GROUP BY service_name""",
    },
    call="SELECT * FROM slo_status(at => @now)",
    keys=("service_name",),
    ratios=tuple(f"burn_{w}" for w in WINDOWS),
)
