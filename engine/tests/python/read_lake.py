"""Reads the `spans` table of a lake with other Delta readers.

Usage: read_lake.py LAKE

Prints one JSON object per reader with what it found, so that the caller can
compare it with what Spanlake's own SQL says. Nanoseconds and ids are exact.
"""

import json
import sys


def with_deltalake(path):
    from deltalake import DeltaTable

    table = DeltaTable(path)
    columns = ["trace_id", "span_id", "start_time_unix_nano", "duration_ns", "service_name"]
    rows = table.to_pyarrow_table(columns=columns).to_pydict()
    return summary(rows)


def with_polars(path):
    import polars

    columns = ["trace_id", "span_id", "start_time_unix_nano", "duration_ns", "service_name"]
    rows = polars.scan_delta(path).select(columns).collect().to_dict(as_series=False)
    return summary(rows)


def with_chdb(path):
    import chdb

    answer = chdb.query(
        f"""
        SELECT count() AS spans, uniqExact(trace_id) AS traces,
               toString(sum(toInt128(start_time_unix_nano))) AS start_time_sum,
               toString(sum(toInt128(duration_ns))) AS duration_sum,
               lower(hex(min(trace_id))) AS first_trace_id, lower(hex(max(span_id))) AS last_span_id,
               arraySort(groupUniqArray(service_name)) AS services
        FROM deltaLakeLocal('{path}')
        """,
        "JSONEachRow",
    )
    row = json.loads(str(answer))
    for key in ("spans", "traces"):
        row[key] = int(row[key])
    return row


def with_duckdb(path):
    """DuckDB over the files that the log names: a pattern would see replaced ones, too."""
    import duckdb
    from deltalake import DeltaTable

    files = DeltaTable(path).file_uris()
    query = """
        SELECT count(*) AS spans, count(DISTINCT trace_id) AS traces,
               CAST(sum(start_time_unix_nano) AS VARCHAR) AS start_time_sum,
               CAST(sum(duration_ns) AS VARCHAR) AS duration_sum,
               lower(hex(min(trace_id))) AS first_trace_id, lower(hex(max(span_id))) AS last_span_id,
               list_sort(list(DISTINCT service_name)) AS services
        FROM read_parquet($files, union_by_name = true)
    """
    answer = duckdb.execute(query, {"files": files})
    return dict(zip([column[0] for column in answer.description], answer.fetchone()))


def summary(rows):
    return {
        "spans": len(rows["span_id"]),
        "traces": len(set(rows["trace_id"])),
        "start_time_sum": str(sum(rows["start_time_unix_nano"])),
        "duration_sum": str(sum(rows["duration_ns"])),
        "first_trace_id": bytes(min(rows["trace_id"])).hex(),
        "last_span_id": bytes(max(rows["span_id"])).hex(),
        "services": sorted(set(rows["service_name"])),
    }


def main():
    path = sys.argv[1].rstrip("/") + "/spans"
    readers = {
        "deltalake": with_deltalake,
        "polars": with_polars,
        "chdb": with_chdb,
        "duckdb": with_duckdb,
    }
    for name, read in readers.items():
        print(json.dumps({"reader": name, **read(path)}, sort_keys=True))


if __name__ == "__main__":
    main()
