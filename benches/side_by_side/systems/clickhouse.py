"""ClickHouse, in the process (chDB), with the tables of the OpenTelemetry Collector's exporter."""

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa

from ..system import Loaded, Source, System
from ..clickhouse_tables import insert, tables


class ClickHouse(System):
    """One form of the exporter's tables."""

    dialect = "clickhouse"

    def __init__(self, name: str, title: str, indexes: Literal["bloom", "text", "json"]) -> None:
        self.name, self.title, self.indexes = name, title, indexes

    def session(self, source: Source, folder: Path) -> None:
        # Importing it starts threads, so only the process that needs it does.
        from chdb.session import Session

        # chDB reads files below the working directory only.
        os.chdir(source.parquet.parent)
        self.connection = Session(str(folder / "chdb"))
        self.connection.query("SET session_timezone = 'UTC'")

    def load(self, source: Source, folder: Path) -> Loaded:
        self.session(source, folder)
        for statement in tables(self.indexes):
            self.connection.query(statement)
        started = time.monotonic()
        self.connection.query(insert(f"{source.parquet.name}/*.parquet", self.indexes))
        seconds = time.monotonic() - started
        for table in ("otel_traces", "otel_traces_trace_id_ts"):
            self.connection.query(f"OPTIMIZE TABLE {table} FINAL")
        settled = time.monotonic() - started - seconds
        self.connection.close()
        return Loaded(seconds, settled)

    def open(self, source: Source, folder: Path) -> None:
        self.session(source, folder)

    def ask(self, sql: str) -> pa.Table:
        answer = self.connection.query(sql, "ArrowStream")
        return pa.ipc.open_stream(pa.py_buffer(answer.bytes())).read_all()

    def version(self) -> str:
        import chdb

        server = str(self.connection.query("SELECT version()", "TSV")).strip()
        return f"ClickHouse {server} (chDB {chdb.__version__})"

    def close(self) -> None:
        self.connection.close()

    def stored_bytes(self, source: Source, folder: Path) -> int:
        # Not the folder: parts that were merged away stay there for some minutes.
        active = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'default'"
        return int(str(self.connection.query(active, "TSV")).strip())

    def time(self, value: datetime) -> str:
        return f"toDateTime64('{value:%Y-%m-%d %H:%M:%S}', 9, 'UTC')"

    def attribute(self, scope: Literal["span", "resource"], key: str) -> str:
        column = "SpanAttributes" if scope == "span" else "ResourceAttributes"
        if self.indexes == "json":
            path = ".".join(f"`{part}`" for part in key.split("."))
            return f"{column}.{path}.:String"
        return f"{column}['{key}']"


SYSTEMS = [
    ClickHouse("clickhouse", "ClickHouse, exporter's default tables", "bloom"),
    ClickHouse("clickhouse-text", "ClickHouse, exporter's text indexes", "text"),
    ClickHouse("clickhouse-json", "ClickHouse, exporter's JSON columns", "json"),
]
