"""Spanlake: `spanlake import`, then a `spanlake serve` that is asked over Arrow Flight SQL."""

import os
import re
import signal
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Literal

import adbc_driver_flightsql.dbapi as flightsql
import pyarrow as pa

from .. import machine
from ..system import Loaded, Source, System

# Five objectives of the shop that the generator makes up.
OBJECTIVES = Path(__file__).parents[2] / "detector" / "objectives.yaml"
# Attributes that have a column of their own.
PROMOTED = {
    "user.id": "user_id",
    "session.id": "session_id",
    "url.path": "url_path",
    "http.request.method": "http_request_method",
    "http.response.status_code": "CAST(http_response_status_code AS VARCHAR)",
    "service.version": "service_version",
    "cloud.region": "cloud_region",
}


class Spanlake(System):
    """The binary is started by the suite, on free ports."""

    name = "spanlake"
    title = "Spanlake, over Flight SQL"
    dialect = "spanlake"
    percentiles = "sketch"
    # Where it listens for OTLP over gRPC, over HTTP, and for `/metrics`.
    receivers: tuple[str, str, str] = ("none", "none", "none")

    def load(self, source: Source, folder: Path) -> Loaded:
        started = time.monotonic()
        command = [source.spanlake, "import", "--lake", folder / "lake", source.otlp]
        importer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert importer.stderr is not None
        said = importer.stderr.read()
        _, status, used = os.wait4(importer.pid, 0)
        if status != 0:
            raise RuntimeError(f"import failed: {said.decode()}")
        loaded = Loaded(time.monotonic() - started, peak_bytes=used.ru_maxrss * 1024)
        # The files that assembly replaced would lie there for another hour.
        vacuum = [source.spanlake, "compact", "--vacuum", "--lake", folder / "lake"]
        subprocess.run(vacuum, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return loaded

    def open(self, source: Source, folder: Path) -> None:
        self.binary = source.spanlake
        log = folder / "serve.log"
        command = [self.binary, "serve", "--lake", folder / "lake", "--flight", "127.0.0.1:0"]
        options = zip(("--otlp-grpc", "--otlp-http", "--ops"), self.receivers, strict=True)
        command += [word for option in options for word in option]
        # Once a day: that it looks by itself is not what is measured.
        settings = folder / "serve.toml"
        settings.write_text(f"[watch]\nslo_files = ['{OBJECTIVES}']\nevery_seconds = 86400\n")
        command += ["--config", settings]
        with log.open("w") as output:
            self.server = subprocess.Popen(command, stdout=output, stderr=output)
        address = self.wait_for_address(log)
        self.connection = flightsql.connect(f"grpc://{address}", autocommit=True)
        self.cursor = self.connection.cursor()
        self.settle()

    def settle(self) -> None:
        """Waits until the server has read ahead what it wants to know, as others are merged before they are asked."""
        deadline = time.monotonic() + 60
        used = machine.cpu_seconds(self.server.pid)
        while time.monotonic() < deadline:
            time.sleep(0.3)
            before, used = used, machine.cpu_seconds(self.server.pid)
            if used - before <= 0.02:
                return

    def wait_for_address(self, log: Path) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.server.poll() is None:
            found = re.search(r"(?i)flight\D*?(127\.0\.0\.1:\d+)", log.read_text())
            if found:
                return found[1]
            time.sleep(0.01)
        raise RuntimeError(f"the server did not start: {log.read_text()}")

    def ask(self, sql: str) -> pa.Table:
        self.cursor.execute(sql)
        return self.cursor.fetch_arrow_table()

    def version(self) -> str:
        return subprocess.check_output([self.binary, "--version"], text=True).strip()

    def close(self) -> None:
        self.cursor.close()
        self.connection.close()
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(30)

    def pid(self) -> int | None:
        return self.server.pid

    def stored_bytes(self, source: Source, folder: Path) -> int:
        return super().stored_bytes(source, folder / "lake")

    def time(self, value: datetime) -> str:
        return f"TIMESTAMP '{value:%Y-%m-%d %H:%M:%S}'"

    def attribute(self, scope: Literal["span", "resource"], key: str) -> str:
        column = "attributes" if scope == "span" else "resource_attributes"
        return PROMOTED.get(key, f"{column}['{key}']")


SYSTEMS = [Spanlake()]
