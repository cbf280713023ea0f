"""Which operations bound the response of the slowest traces."""

import pyarrow as pa

from ..question import CLICKHOUSE_P99, Question


# Loaded only by the processes that need it: the compiler takes memory.
def compile_path() -> None:
    """Compiles, or reads what was compiled before."""
    from .. import critical_path

    critical_path.warm_up()


def by_operation(spans: pa.Table) -> pa.Table:
    """The path, in the client."""
    from .. import critical_path

    return critical_path.by_operation(spans)


SNAKE_SLOW = """
WITH roots AS (
    SELECT service_name, span_name, trace_id, duration_ns FROM spans
    WHERE parent_span_id IS NULL AND start_time >= @week AND start_time < @end
), limits AS (
    SELECT service_name, span_name, P99 AS limit_ns FROM roots GROUP BY service_name, span_name
), slow AS (
    SELECT trace_id FROM roots JOIN limits USING (service_name, span_name)
    WHERE duration_ns >= limit_ns
)
"""
SNAKE_SPANS = """
SELECT span_id, parent_span_id, service_name, span_name, span_kind,
    status_code = 'error' AS is_error, START_NS AS start_ns, duration_ns
FROM spans
WHERE trace_id IN (SELECT trace_id FROM slow)
  AND start_time >= @week_early AND start_time < @end_late
"""

QUESTION = Question(
    title="critical path of the slowest",
    about="Time on the critical path per operation, over the slowest 1 % of the week's traces. "
    "Systems without it fetch the spans and a compiled function of the client does the rest.",
    sql={
        "spanlake": SNAKE_SLOW.replace("P99", "percentile_nearest(duration_ns, 0.99)")
        + """SELECT service_name, span_name, sum(critical_path_ns) AS critical_path_ns FROM spans
            WHERE trace_id IN (SELECT trace_id FROM slow) AND critical_path_ns > 0
            GROUP BY service_name, span_name""",
        "duckdb": SNAKE_SLOW.replace("P99", "quantile_disc(duration_ns, 0.99)")
        + SNAKE_SPANS.replace("START_NS", "epoch_ns(start_time)"),
        "datafusion": """
            WITH slow AS (
                SELECT trace_id FROM (
                    SELECT trace_id, rank() OVER
                            (PARTITION BY service_name, span_name ORDER BY duration_ns DESC)
                            AS slower,
                        count(*) OVER (PARTITION BY service_name, span_name) AS traces
                    FROM spans
                    WHERE parent_span_id IS NULL AND start_time >= @week AND start_time < @end
                ) WHERE slower <= traces - CAST(ceil(0.99 * traces) AS BIGINT) + 1
            )"""
        + SNAKE_SPANS.replace("START_NS", "CAST(start_time AS BIGINT)"),
        "clickhouse": f"""
            WITH limits AS (
                SELECT ServiceName, SpanName, {CLICKHOUSE_P99}(Duration) AS limit_ns
                FROM otel_traces
                WHERE ParentSpanId = '' AND Timestamp >= @week AND Timestamp < @end
                GROUP BY ServiceName, SpanName
            ), slow AS (
                SELECT TraceId FROM otel_traces INNER JOIN limits USING (ServiceName, SpanName)
                WHERE ParentSpanId = '' AND Timestamp >= @week AND Timestamp < @end
                  AND Duration >= limit_ns
            )
            SELECT SpanId AS span_id, nullIf(ParentSpanId, '') AS parent_span_id,
                ServiceName AS service_name, SpanName AS span_name, lower(SpanKind) AS span_kind,
                StatusCode = 'Error' AS is_error, toUnixTimestamp64Nano(Timestamp) AS start_ns,
                Duration AS duration_ns
            FROM otel_traces
            WHERE TraceId IN (SELECT TraceId FROM slow)
              AND Timestamp >= @week_early AND Timestamp < @end_late""",
    },
    keys=("service_name", "span_name"),
    after={name: by_operation for name in ("duckdb", "clickhouse", "datafusion")},
    before=compile_path,
)
