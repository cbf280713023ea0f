"""Makes the data set, and from Spanlake's lake the Parquet files that the other systems load."""

import subprocess
from datetime import timedelta
from pathlib import Path

import duckdb
from deltalake import DeltaTable

from .scope import Scope
from .system import Source

# Ids as lowercase hex and times as timestamps: what a collector's tables have.
COLUMNS = """lower(hex(trace_id)) AS trace_id, lower(hex(span_id)) AS span_id,
    lower(hex(parent_span_id)) AS parent_span_id, trace_state, service_name, span_name, span_kind,
    make_timestamp_ns(start_time_unix_nano) AS start_time, duration_ns, status_code,
    status_message, scope_name, scope_version, attributes, resource_attributes, events, links"""


# A file has no column that is NULL in all of its rows.
OPTIONAL = """SELECT NULL::VARCHAR AS trace_state, NULL::VARCHAR AS status_message,
    NULL::VARCHAR AS scope_name, NULL::VARCHAR AS scope_version WHERE false"""


def generate(source: Source, spans: int, scope: Scope, seed: int) -> None:
    """Writes the data set, unless an equal one is there: equal settings give equal bytes."""
    settings = ["--spans", str(spans), "--days", str(scope.days), "--seed", str(seed)]
    settings += ["--start", f"{scope.start:%Y-%m-%d}"]
    note = source.otlp.with_suffix(".settings")
    if source.otlp.exists() and note.exists() and note.read_text() == " ".join(settings):
        return
    subprocess.run(
        [source.spanlake, "generate", *settings, "--out", source.otlp, "--force"], check=True
    )
    note.write_text(" ".join(settings))


def export(lake: Path, source: Source, scope: Scope) -> None:
    """Writes a file for each day, in the order in which the spans ended, as they would have been
    received. Reads the lake as any Delta reader does, so that the answers are compared with what
    is stored and not with what our own SQL makes of it."""
    source.parquet.mkdir()
    files = DeltaTable(lake / "spans").file_uris()
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    connection.execute(
        f"""CREATE VIEW stored AS SELECT * FROM read_parquet({files}, union_by_name = true)
        UNION ALL BY NAME {OPTIONAL}"""
    )
    # A trace may end after the last day.
    for number in range(scope.days + 1):
        day = scope.start + timedelta(days=number)
        first = int(day.timestamp()) * 1_000_000_000
        after = first + 86_400_000_000_000
        rows = f"""SELECT {COLUMNS} FROM stored
            WHERE start_time_unix_nano >= {first} AND start_time_unix_nano < {after}"""
        if number == scope.days and not connection.execute(f"{rows} LIMIT 1").fetchall():
            continue
        path = source.parquet / f"{day:%Y-%m-%d}.parquet"
        connection.execute(
            f"COPY ({rows} ORDER BY start_time_unix_nano + duration_ns) TO '{path}' "
            "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        )


def count_spans(source: Source) -> int:
    """How many there are to load."""
    files = f"'{source.parquet}/*.parquet'"
    return duckdb.sql(f"SELECT count(*) FROM read_parquet({files})").fetchall()[0][0]


def trace_ids(source: Source, scope: Scope) -> tuple[str, ...]:
    """A few large traces of the last week: the ids are random, so the first ones are a sample."""
    week = scope.times()["week"]
    rows = duckdb.sql(
        f"""SELECT trace_id FROM read_parquet('{source.parquet}/*.parquet')
        WHERE parent_span_id IS NULL AND span_name = 'POST /checkout'
          AND start_time >= TIMESTAMP_NS '{week:%Y-%m-%d %H:%M:%S}'
        ORDER BY trace_id LIMIT 16"""
    ).fetchall()
    return tuple(row[0] for row in rows)
