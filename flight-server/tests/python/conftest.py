"""What the tests run against: a server, and the command line on the same lake."""

import json
import os
import subprocess

import adbc_driver_flightsql.dbapi
import pyarrow.flight
import pytest


def pytest_configure(config):
    # Skipped tests are named in the summary, with the reason.
    config.option.reportchars = config.option.reportchars or "s"


@pytest.fixture(scope="session")
def address():
    """Address of the server."""
    if "SPANLAKE_FLIGHT" not in os.environ:
        pytest.exit("set SPANLAKE_FLIGHT to the address of a server: grpc://127.0.0.1:PORT", 2)
    return os.environ["SPANLAKE_FLIGHT"]


@pytest.fixture
def connection(address):
    """A connection of the ADBC driver."""
    with adbc_driver_flightsql.dbapi.connect(address, autocommit=True) as connection:
        yield connection


@pytest.fixture
def cursor(connection):
    """A cursor of the ADBC driver."""
    with connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def flight(address):
    """A plain Flight client, which knows nothing of SQL."""
    with pyarrow.flight.connect(address) as client:
        yield client


@pytest.fixture
def command_line():
    """A function that runs a query with `spanlake sql` and returns its rows as dicts."""
    missing = [name for name in ("SPANLAKE_BIN", "SPANLAKE_LAKE") if name not in os.environ]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not set: nothing to compare with")

    def rows(sql):
        program, lake = os.environ["SPANLAKE_BIN"], os.environ["SPANLAKE_LAKE"]
        command = [program, "sql", "--lake", lake, "--format", "json", sql]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        text = done.stdout.strip()
        if text.startswith("["):
            return json.loads(text)
        return [json.loads(line) for line in text.splitlines()]

    return rows
