"""Which attribute values are more frequent among the slow requests than among the others."""

from ..question import CLICKHOUSE_P99, Question

DUCKDB = """
WITH requests AS (
    SELECT span_name, duration_ns, attributes, resource_attributes FROM spans
    WHERE service_name = 'frontend' AND span_kind = 'server'
      AND start_time >= @week AND start_time < @end
), limits AS (
    SELECT span_name, quantile_disc(duration_ns, 0.99) AS limit_ns FROM requests GROUP BY span_name
), marked AS (
    SELECT duration_ns >= limit_ns AS is_slow, attributes, resource_attributes
    FROM requests JOIN limits USING (span_name)
), totals AS (
    SELECT CAST(count(*) FILTER (WHERE is_slow) AS DOUBLE) AS slow,
        CAST(count(*) FILTER (WHERE NOT is_slow) AS DOUBLE) AS others FROM marked
), pairs AS (
    SELECT is_slow, pair.key AS key, pair.value AS value FROM (
        SELECT is_slow, unnest(list_concat(map_entries({span}), map_entries({resource}))) AS pair
        FROM marked)
), counted AS (
    SELECT key, value, count(*) FILTER (WHERE is_slow) AS slow_count,
        count(*) FILTER (WHERE NOT is_slow) AS other_count
    FROM pairs GROUP BY key, value
)
SELECT key, value, slow_count, other_count,
    slow_count / totals.slow - other_count / totals.others AS difference
FROM counted CROSS JOIN totals ORDER BY difference DESC, key, value LIMIT 20
"""
# With windows, as there a WITH query that is named three times is run three times.
DATAFUSION = """
WITH ranked AS (
    SELECT duration_ns, attributes, resource_attributes,
        rank() OVER (PARTITION BY span_name ORDER BY duration_ns DESC) AS slower,
        count(*) OVER (PARTITION BY span_name) AS requests
    FROM spans
    WHERE service_name = 'frontend' AND span_kind = 'server'
      AND start_time >= @week AND start_time < @end
), marked AS (
    SELECT slower <= requests - CAST(ceil(0.99 * requests) AS BIGINT) + 1 AS is_slow,
        array_concat(map_entries(attributes), map_entries(resource_attributes)) AS pairs
    FROM ranked
), totalled AS (
    SELECT is_slow, pairs, sum(CASE WHEN is_slow THEN 1.0 ELSE 0.0 END) OVER () AS slow,
        sum(CASE WHEN is_slow THEN 0.0 ELSE 1.0 END) OVER () AS others
    FROM marked
), counted AS (
    SELECT pair['key'] AS key, pair['value'] AS value, max(slow) AS slow, max(others) AS others,
        count(*) FILTER (WHERE is_slow) AS slow_count,
        count(*) FILTER (WHERE NOT is_slow) AS other_count
    FROM (SELECT is_slow, slow, others, unnest(pairs) AS pair FROM totalled)
    GROUP BY key, value
)
SELECT key, value, slow_count, other_count,
    slow_count / slow - other_count / others AS difference
FROM counted ORDER BY difference DESC, key, value LIMIT 20
"""
SPANLAKE = """
WITH requests AS (
    SELECT span_name, duration_ns, attributes, resource_attributes FROM spans
    WHERE service_name = 'frontend' AND span_kind = 'server'
      AND start_time >= @week AND start_time < @end
), limits AS (
    SELECT span_name, percentile_nearest(duration_ns, 0.99) AS limit_ns
    FROM requests GROUP BY span_name
), counted AS (
    SELECT attribute_counts(duration_ns >= limit_ns, 1, attributes, resource_attributes) AS counts
    FROM requests JOIN limits USING (span_name)
), found AS (
    SELECT counts[1]['bad'] AS slow, counts[1]['good'] AS others, unnest(counts) AS found
    FROM counted
)
SELECT found['attribute'] AS key, found['value'] AS value, found['bad_rows'] AS slow_count,
    found['rows'] - found['bad_rows'] AS other_count,
    found['bad'] / slow - found['good'] / others AS difference
FROM found WHERE found['value'] IS NOT NULL ORDER BY difference DESC, key, value LIMIT 20
"""
CLICKHOUSE = """
WITH limits AS (
    SELECT SpanName, P99(Duration) AS limit_ns FROM otel_traces
    WHERE ServiceName = 'frontend' AND SpanKind = 'Server'
      AND Timestamp >= @week AND Timestamp < @end
    GROUP BY SpanName
), marked AS (
    SELECT Duration >= limit_ns AS is_slow, PAIRS AS pairs
    FROM otel_traces INNER JOIN limits USING (SpanName)
    WHERE ServiceName = 'frontend' AND SpanKind = 'Server'
      AND Timestamp >= @week AND Timestamp < @end
), totals AS (SELECT countIf(is_slow) AS slow, countIf(NOT is_slow) AS others FROM marked)
SELECT pair.1 AS key, pair.2 AS value, countIf(is_slow) AS slow_count,
    countIf(NOT is_slow) AS other_count,
    slow_count / (SELECT slow FROM totals) - other_count / (SELECT others FROM totals)
        AS difference
FROM marked ARRAY JOIN pairs AS pair
GROUP BY key, value ORDER BY difference DESC, key, value LIMIT 20
""".replace("P99", CLICKHOUSE_P99)
CLICKHOUSE_MAPS = """arrayConcat(
    CAST(SpanAttributes, 'Array(Tuple(String, String))'),
    CAST(ResourceAttributes, 'Array(Tuple(String, String))'))"""
CLICKHOUSE_JSON = """arrayConcat(
    arrayZip(JSONAllPaths(SpanAttributes), JSONAllValues(SpanAttributes)),
    arrayZip(JSONAllPaths(ResourceAttributes), JSONAllValues(ResourceAttributes)))"""

QUESTION = Question(
    title="attribute differences",
    about="The 20 values, over all span and resource attributes, whose share among the slowest 1 % "
    "of the week's requests is most above their share among the others.",
    sql={
        "spanlake": SPANLAKE,
        "duckdb": DUCKDB.format(span="attributes", resource="resource_attributes"),
        "duckdb-variant": DUCKDB.format(
            span="attributes::JSON::MAP(VARCHAR, VARCHAR)",
            resource="resource_attributes::JSON::MAP(VARCHAR, VARCHAR)",
        ),
        "datafusion": DATAFUSION,
        "clickhouse": CLICKHOUSE.replace("PAIRS", CLICKHOUSE_MAPS),
        "clickhouse-json": CLICKHOUSE.replace("PAIRS", CLICKHOUSE_JSON),
    },
    call=(
        "SELECT * FROM compare('root_service_name = ''frontend'' AND root_duration_ns > "
        "1000000000', 'root_service_name = ''frontend''', deepest => 0, \"from\" => @week, "
        '"to" => @end)'
    ),
    keys=("key", "value"),
    ratios=("difference",),
)
