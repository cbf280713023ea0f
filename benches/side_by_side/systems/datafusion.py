"""Plain DataFusion over the Parquet files."""

from datetime import datetime
from pathlib import Path
from typing import Literal

import datafusion
import pyarrow as pa

from ..system import Source, System


class DataFusion(System):
    """The engine that Spanlake is built on, without Spanlake."""

    name = "datafusion"
    title = "DataFusion over Parquet"
    dialect = "datafusion"
    percentiles = "interpolated"

    def open(self, source: Source, folder: Path) -> None:
        config = (
            datafusion.SessionConfig()
            .set("datafusion.execution.parquet.pushdown_filters", "true")
            .set("datafusion.execution.parquet.reorder_filters", "true")
        )
        self.context = datafusion.SessionContext(config)
        self.context.register_parquet("spans", str(source.parquet))

    def ask(self, sql: str) -> pa.Table:
        return self.context.sql(sql).to_arrow_table()

    def version(self) -> str:
        return f"DataFusion {datafusion.__version__}"

    def stored_bytes(self, source: Source, folder: Path) -> int:
        return super().stored_bytes(source, source.parquet)

    def time(self, value: datetime) -> str:
        return f"TIMESTAMP '{value:%Y-%m-%d %H:%M:%S}'"

    def attribute(self, scope: Literal["span", "resource"], key: str) -> str:
        column = "attributes" if scope == "span" else "resource_attributes"
        return f"{column}['{key}']"


SYSTEMS = [DataFusion()]
