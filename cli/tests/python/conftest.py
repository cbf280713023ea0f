"""Queries go through Flight SQL, to the server that receives."""

import os

import adbc_driver_flightsql.dbapi
import pytest


@pytest.fixture(scope="session")
def query():
    uri = f"grpc://{os.environ['SPANLAKE_FLIGHT']}"
    with adbc_driver_flightsql.dbapi.connect(uri, autocommit=True) as connection:

        def run(sql):
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetch_arrow_table().to_pylist()

        yield run
