"""Every client gets the same rows as the command line prints."""

import pytest

import flightsql

QUERIES = [
    "SELECT count(*) AS spans FROM spans",
    "SELECT service_name, count(*) AS calls, min(duration_ns) AS fastest FROM spans"
    " GROUP BY service_name ORDER BY service_name",
    "SELECT trace_id, span_id, parent_span_id, span_name, span_kind, status_code, duration_ns"
    " FROM spans ORDER BY trace_id, span_id LIMIT 500",
    "SELECT trace_id, depth, child_count, self_time_ns, is_root, parent_service_name"
    " FROM spans ORDER BY trace_id, span_id LIMIT 500",
    "SELECT trace_id, root_service_name, span_count, error_count, is_connected"
    " FROM traces ORDER BY trace_id LIMIT 500",
    "SELECT service_name, avg(duration_ns) AS mean FROM spans GROUP BY 1 ORDER BY 1",
    "SELECT CAST(start_time AS VARCHAR) AS start FROM spans ORDER BY start_time, span_id LIMIT 100",
    "SELECT 1 AS one, 'it''s \"quoted\"' AS text, NULL AS nothing, 0.1 AS tenth, false AS no",
    "SELECT span_name FROM spans WHERE false",
]


def adbc_rows(cursor, sql):
    cursor.execute(sql)
    return cursor.fetch_arrow_table().to_pylist()


@pytest.mark.parametrize("sql", QUERIES)
def test_both_clients(cursor, flight, sql):
    assert adbc_rows(cursor, sql) == flightsql.fetch(flight, flightsql.query(sql)).to_pylist()


@pytest.mark.parametrize("sql", QUERIES)
def test_clients_and_command_line(cursor, command_line, sql):
    expected = adbc_rows(cursor, sql)
    printed = command_line(sql)
    # JSON may leave out what is NULL.
    filled = [{name: row.get(name) for name in line} for row, line in zip(printed, expected)]
    assert len(printed) == len(expected)
    assert filled == expected
