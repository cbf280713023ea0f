"""Which operations bound the response of the slowest traces."""

import pyarrow as pa

from ..question import Question
from . import q02_slowest as slowest


# Loaded only by the processes that need it: the compiler takes memory.
def compile_path() -> None:
    """Compiles, or reads what was compiled before."""
    from .. import critical_path

    critical_path.warm_up()


def by_operation(spans: pa.Table) -> pa.Table:
    """The path, in the client."""
    from .. import critical_path

    return critical_path.by_operation(spans)


# The slow traces are those of the question before.
SPANS = """
FROM spans WHERE trace_id IN (SELECT trace_id FROM ({slow}) slow)
  AND start_time >= @week_early AND start_time < @end_late
"""
FETCHED = """
SELECT span_id, parent_span_id, service_name, span_name, span_kind,
    status_code = 'error' AS is_error, START_NS AS start_ns, duration_ns
"""
CLICKHOUSE = """
SELECT SpanId AS span_id, nullIf(ParentSpanId, '') AS parent_span_id,
    ServiceName AS service_name, SpanName AS span_name, lower(SpanKind) AS span_kind,
    StatusCode = 'Error' AS is_error, toUnixTimestamp64Nano(Timestamp) AS start_ns,
    Duration AS duration_ns
FROM otel_traces WHERE TraceId IN (SELECT trace_id FROM ({slow}))
  AND Timestamp >= @week_early AND Timestamp < @end_late
"""
SPANLAKE = f"""
SELECT service_name, span_name, sum(critical_path_ns) AS critical_path_ns
{SPANS.format(slow=slowest.QUESTION.sql["spanlake"])}
  AND critical_path_ns > 0 GROUP BY service_name, span_name
"""

QUESTION = Question(
    title="critical path of the slowest",
    about="Time on the critical path per operation, over the slowest 1 % of the week's traces. "
    "Systems without it fetch the spans and a compiled function of the client does the rest.",
    sql={
        "spanlake": SPANLAKE,
        "duckdb": FETCHED.replace("START_NS", "epoch_ns(start_time)")
        + SPANS.format(slow=slowest.DUCKDB),
        "datafusion": FETCHED.replace("START_NS", "CAST(start_time AS BIGINT)")
        + SPANS.format(slow=slowest.RANKED),
        "clickhouse": CLICKHOUSE.format(slow=slowest.CLICKHOUSE),
    },
    call='SELECT * FROM slow_causes("from" => @week, "to" => @end)',
    keys=("service_name", "span_name"),
    after={name: by_operation for name in ("duckdb", "clickhouse", "datafusion")},
    before=compile_path,
)
