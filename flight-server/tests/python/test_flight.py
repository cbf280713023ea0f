"""`pyarrow.flight`: a client that sends Flight SQL messages written by hand."""

import pyarrow
import pyarrow.flight
import pytest

import flightsql


def test_query(flight):
    table = flightsql.fetch(flight, flightsql.query("SELECT 1 AS one, 'x' AS text"))
    assert table.to_pylist() == [{"one": 1, "text": "x"}]


def test_info(flight):
    info = flight.get_flight_info(flightsql.query("SELECT trace_id, duration_ns FROM spans"))
    assert info.schema.names == ["trace_id", "duration_ns"]
    [endpoint] = info.endpoints
    # The rows are where the ticket came from, by whatever address the client used.
    assert endpoint.locations == []
    # A ticket is no SQL.
    assert b"SELECT" not in endpoint.ticket.ticket and b"spans" not in endpoint.ticket.ticket


def test_schema(flight):
    query = flightsql.query("SELECT * FROM traces")
    schema = flight.get_schema(query).schema
    assert schema.equals(flight.get_flight_info(query).schema, check_metadata=True)


@pytest.mark.parametrize("table", ["spans", "traces", "span_events", "span_links", "exceptions"])
def test_every_table(flight, table):
    rows = flightsql.fetch(flight, flightsql.query(f"SELECT * FROM {table} LIMIT 100"))
    rows.validate(full=True)
    assert rows.num_columns > 3


def test_catalogs(flight):
    table = flightsql.fetch(flight, flightsql.descriptor("CommandGetCatalogs"))
    assert table.to_pylist() == [{"catalog_name": "spanlake"}]


def test_tables_with_columns(flight):
    described = flightsql.descriptor("CommandGetTables", {3: "spans", 5: True})
    rows = flightsql.fetch(flight, described).to_pylist()
    [public] = [row for row in rows if row["db_schema_name"] == "public"]
    schema = pyarrow.ipc.read_schema(pyarrow.py_buffer(public["table_schema"]))
    assert "trace_id" in schema.names
    assert schema.field("trace_id").metadata[b"ARROW:FLIGHT:SQL:TYPE_NAME"] == b"VARCHAR"


def test_sql_info(flight):
    table = flightsql.fetch(flight, flightsql.descriptor("CommandGetSqlInfo"))
    info = dict(zip(table.column("info_name").to_pylist(), table.column("value").to_pylist()))
    assert info[0] == "Spanlake"
    assert info[3] is True


def test_xdbc_types(flight):
    table = flightsql.fetch(flight, flightsql.descriptor("CommandGetXdbcTypeInfo"))
    assert {"BIGINT", "VARCHAR", "TIMESTAMP"} <= set(table.column("type_name").to_pylist())


@pytest.mark.parametrize(
    "name",
    [
        "CommandGetPrimaryKeys",
        "CommandGetExportedKeys",
        "CommandGetImportedKeys",
        "CommandGetCrossReference",
    ],
)
def test_no_keys(flight, name):
    table = flightsql.fetch(flight, flightsql.descriptor(name, {3: "spans"}))
    assert table.num_rows == 0


def test_actions(flight):
    names = {action.type for action in flight.list_actions()}
    assert {"CreatePreparedStatement", "ClosePreparedStatement", "CancelFlightInfo"} <= names


def test_updates_are_not_there(flight):
    update = flightsql.descriptor("CommandStatementUpdate", {1: "DELETE FROM spans"})
    with pytest.raises(NotImplementedError):
        flight.get_flight_info(update)
    with pytest.raises(NotImplementedError):
        writer, reader = flight.do_put(update, pyarrow.schema([]))
        writer.done_writing()
        reader.read()
        writer.close()


@pytest.mark.parametrize("ticket", [b"", b"SELECT 1", b"\xff" * 100])
def test_forged_tickets(flight, ticket):
    with pytest.raises(pyarrow.ArrowInvalid):
        flight.do_get(pyarrow.flight.Ticket(ticket)).read_all()


def test_sql_is_no_ticket(flight):
    ticket = pyarrow.flight.Ticket(flightsql.command("CommandStatementQuery", {1: "SELECT 1"}))
    with pytest.raises(NotImplementedError):
        flight.do_get(ticket).read_all()


def test_errors_say_what_is_wrong(flight):
    with pytest.raises(pyarrow.ArrowInvalid, match="no_such_column"):
        flightsql.fetch(flight, flightsql.query("SELECT no_such_column FROM spans"))
    with pytest.raises(pyarrow.ArrowInvalid, match="only SELECT"):
        flightsql.fetch(flight, flightsql.query("DROP TABLE spans"))
