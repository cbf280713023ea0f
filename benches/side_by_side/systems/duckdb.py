"""DuckDB: native tables with attributes as MAP and as VARIANT, and the Parquet files as they are."""

import time
from datetime import datetime
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa

from ..system import Loaded, Source, System

COLUMNS = """trace_id, span_id, parent_span_id, trace_state, service_name, span_name, span_kind,
    start_time, duration_ns, status_code, status_message, scope_name, scope_version,
    {attributes} AS attributes, {resource_attributes} AS resource_attributes, events, links"""


class DuckDb(System):
    """What the three forms share."""

    dialect = "duckdb"

    def __init__(self, name: str, title: str) -> None:
        self.name, self.title = name, title

    def database(self, folder: Path) -> str:
        return str(folder / "spans.duckdb")

    def open(self, source: Source, folder: Path) -> None:
        self.connection = duckdb.connect(self.database(folder), read_only=True)
        self.connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")

    def ask(self, sql: str) -> pa.Table:
        return self.connection.sql(sql).to_arrow_table()

    def version(self) -> str:
        return f"DuckDB {duckdb.__version__}"

    def close(self) -> None:
        self.connection.close()

    def time(self, value: datetime) -> str:
        return f"TIMESTAMP_NS '{value:%Y-%m-%d %H:%M:%S}'"

    def attribute(self, scope: Literal["span", "resource"], key: str) -> str:
        column = "attributes" if scope == "span" else "resource_attributes"
        return f"{column}['{key}']"


class Native(DuckDb):
    """A table in the order day, service, operation, time, with an index on the trace id."""

    def __init__(self, name: str, title: str, form: str) -> None:
        super().__init__(name, title)
        self.form = form

    def load(self, source: Source, folder: Path) -> Loaded:
        columns = COLUMNS.format(
            attributes=self.form.format("attributes"),
            resource_attributes=self.form.format("resource_attributes"),
        )
        started = time.monotonic()
        connection = duckdb.connect(self.database(folder))
        connection.execute(f"SET temp_directory = '{folder / 'spill'}'")
        connection.execute("SET enable_progress_bar = false")
        connection.execute(
            f"CREATE TABLE spans AS SELECT {columns} "
            f"FROM read_parquet('{source.parquet}/*.parquet') "
            "ORDER BY date_trunc('day', start_time), service_name, span_name, start_time"
        )
        connection.execute("CREATE INDEX spans_trace_id ON spans (trace_id)")
        connection.execute("CHECKPOINT")
        connection.close()
        return Loaded(time.monotonic() - started)


class Variant(Native):
    """Attributes are objects, which DuckDB shreds into columns."""

    def attribute(self, scope: Literal["span", "resource"], key: str) -> str:
        column = "attributes" if scope == "span" else "resource_attributes"
        return f'{column}."{key}"::VARCHAR'


class OverParquet(DuckDb):
    """No table: the files are read where they are."""

    def database(self, folder: Path) -> str:
        return ":memory:"

    def open(self, source: Source, folder: Path) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        self.connection.execute("SET parquet_metadata_cache = true")
        self.connection.execute(
            f"CREATE VIEW spans AS SELECT * FROM read_parquet('{source.parquet}/*.parquet')"
        )

    def stored_bytes(self, source: Source, folder: Path) -> int:
        return super().stored_bytes(source, source.parquet)


SYSTEMS = [
    Native("duckdb-map", "DuckDB, table with MAP", "{}"),
    Variant("duckdb-variant", "DuckDB, table with VARIANT", "to_json({})::VARIANT"),
    OverParquet("duckdb-parquet", "DuckDB over Parquet"),
]
