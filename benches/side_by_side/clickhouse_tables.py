"""The tables that the OpenTelemetry Collector's ClickHouse exporter makes, so that what is measured
is what its users have: column types, codecs, order, partitions and indexes are its."""

from typing import Literal

Form = Literal["bloom", "text", "json"]

# Column, type, codec before ZSTD(1). `{map}` is Map or JSON.
COLUMNS = [
    ("Timestamp", "DateTime64(9)", "Delta(8), "),
    ("TraceId", "String", ""),
    ("SpanId", "String", ""),
    ("ParentSpanId", "String", ""),
    ("TraceState", "String", ""),
    ("SpanName", "LowCardinality(String)", ""),
    ("SpanKind", "LowCardinality(String)", ""),
    ("ServiceName", "LowCardinality(String)", ""),
    ("ResourceAttributes", "{map}", ""),
    ("ScopeName", "String", ""),
    ("ScopeVersion", "String", ""),
    ("SpanAttributes", "{map}", ""),
    ("Duration", "UInt64", "{duration_codec}"),
    ("StatusCode", "LowCardinality(String)", ""),
    ("StatusMessage", "String", ""),
    (
        "Events",
        "Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes {map})",
        "",
    ),
    (
        "Links",
        "Nested (TraceId String, SpanId String, TraceState String, Attributes {map})",
        "",
    ),
]

# The text indexes are over `key=value`.
ITEMS = "arrayMap(kv -> concat(kv.1, '=', kv.2), CAST({of}, 'Array(Tuple(String, String))'))"
ALIASES = [
    f"{of[:-1]}Items Array(String) ALIAS {ITEMS.format(of=of)}"
    for of in ("ResourceAttributes", "SpanAttributes")
]

BLOOM = [
    "INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1",
    *(
        f"INDEX idx_{short}_attr_{part} map{part.capitalize()}s({of}) "
        "TYPE bloom_filter(0.01) GRANULARITY 1"
        for short, of in (("res", "ResourceAttributes"), ("span", "SpanAttributes"))
        for part in ("key", "value")
    ),
]
TEXT = [
    f"INDEX idx_{name} {of} TYPE text(tokenizer = 'array')"
    for name, of in (
        ("trace_id", "TraceId"),
        ("res_attr_key", "mapKeys(ResourceAttributes)"),
        ("res_attr_items", "ResourceAttributeItems"),
        ("span_attr_key", "mapKeys(SpanAttributes)"),
        ("span_attr_items", "SpanAttributeItems"),
    )
]
DURATION = "INDEX idx_duration Duration TYPE minmax GRANULARITY 1"
SPAN_NAME = "INDEX idx_lower_span_name lower(SpanName) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8"

# Where a trace is in time; the materialized view fills it.
LOOKUP = """CREATE TABLE otel_traces_trace_id_ts (
    TraceId String CODEC(ZSTD(1)),
    Start SimpleAggregateFunction(min, DateTime) CODEC(ZSTD(1)),
    End SimpleAggregateFunction(max, DateTime) CODEC(ZSTD(1))
) ENGINE = MergeTree PARTITION BY toStartOfWeek(Start) ORDER BY (TraceId)
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1"""
LOOKUP_VIEW = """CREATE MATERIALIZED VIEW otel_traces_trace_id_ts_mv TO otel_traces_trace_id_ts AS
SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End
FROM otel_traces WHERE TraceId != '' GROUP BY TraceId"""


def tables(form: Form) -> list[str]:
    """The statements that make the tables."""
    types = {
        "map": "JSON" if form == "json" else "Map(LowCardinality(String), String)",
        "duration_codec": "" if form == "json" else "T64, ",
    }
    columns = [
        f"{name} {kind.format(**types)} CODEC({codec.format(**types)}ZSTD(1))"
        for name, kind, codec in COLUMNS
    ]
    parts = {
        "bloom": [*columns, *ALIASES, *BLOOM, DURATION, SPAN_NAME],
        "text": [*columns, *ALIASES, *TEXT, DURATION, SPAN_NAME],
        "json": [*columns, DURATION],
    }[form]
    spans = (
        f"CREATE TABLE otel_traces ({', '.join(parts)}) ENGINE = MergeTree "
        "PARTITION BY toDate(Timestamp) "
        "ORDER BY (ServiceName, SpanName, toDateTime(Timestamp), Timestamp) "
        "SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1"
    )
    return [spans, LOOKUP, LOOKUP_VIEW]


def insert(files: str, form: Form) -> str:
    """Fills the tables from the Parquet files, with the words that the exporter writes."""
    attributes = "CAST({} AS JSON)" if form == "json" else "{}"
    nested = (
        "arrayMap(a -> CAST(a AS JSON), {}.attributes)" if form == "json" else "{}.attributes"
    )
    return f"""INSERT INTO otel_traces SELECT
    start_time, trace_id, span_id, ifNull(parent_span_id, ''), ifNull(trace_state, ''),
    span_name, initcap(span_kind), service_name,
    {attributes.format("resource_attributes")},
    ifNull(scope_name, ''), ifNull(scope_version, ''),
    {attributes.format("attributes")},
    duration_ns, initcap(status_code), ifNull(status_message, ''),
    arrayMap(t -> fromUnixTimestamp64Nano(ifNull(t, 0)), events.time_unix_nano),
    arrayMap(n -> ifNull(n, ''), events.name), {nested.format("events")},
    arrayMap(i -> ifNull(i, ''), links.trace_id), arrayMap(i -> ifNull(i, ''), links.span_id),
    arrayMap(s -> ifNull(s, ''), links.trace_state), {nested.format("links")}
FROM file('{files}', Parquet)"""
