"""The ADBC driver: what notebooks and tools use."""

import adbc_driver_flightsql.dbapi
import adbc_driver_manager
import pyarrow
import pytest

# Every count of it is large, and none of it is read from the lake.
ENDLESS = "WITH v AS (SELECT * FROM (VALUES {rows}) AS v(x)) SELECT a.x FROM {joins}".format(
    rows=", ".join(f"({i})" for i in range(100)),
    joins=" CROSS JOIN ".join(f"v {name}" for name in "abcdefgh"),
)


def objects(connection, **arguments):
    return connection.adbc_get_objects(**arguments).read_all().to_pylist()


def tables(listed):
    """The tables of a listing by schema and name."""
    return {
        (schema["db_schema_name"], table["table_name"]): table
        for catalog in listed
        for schema in catalog["catalog_db_schemas"] or []
        for table in schema["db_schema_tables"] or []
    }


def test_query(cursor):
    cursor.execute("SELECT 1 AS one, 'x' AS text, NULL AS nothing, 1.5 AS half, true AS yes")
    assert cursor.fetchall() == [(1, "x", None, 1.5, True)]
    assert [column[0] for column in cursor.description] == ["one", "text", "nothing", "half", "yes"]


def test_query_as_arrow(cursor):
    cursor.execute("SELECT trace_id, start_time, attributes FROM spans ORDER BY start_time LIMIT 5")
    table = cursor.fetch_arrow_table()
    assert 0 < table.num_rows <= 5
    assert table.schema.field("trace_id").type == pyarrow.string()
    assert table.schema.field("start_time").type == pyarrow.timestamp("ns", tz="UTC")
    assert pyarrow.types.is_map(table.schema.field("attributes").type)


def test_no_rows(cursor):
    cursor.execute("SELECT * FROM spans WHERE false")
    table = cursor.fetch_arrow_table()
    assert table.num_rows == 0
    assert "trace_id" in table.column_names


@pytest.mark.parametrize("sql", ["SELECT $1 AS a, $2 AS b", "SELECT ? AS a, ? AS b"])
def test_bound_parameters(cursor, sql):
    cursor.execute(sql, (7, "seven"))
    assert cursor.fetchall() == [(7, "seven")]


def test_bound_parameters_filter(cursor):
    cursor.execute("SELECT service_name, count(*) FROM spans GROUP BY 1 ORDER BY 1 LIMIT 1")
    [(service, count)] = cursor.fetchall()
    cursor.execute("SELECT count(*) FROM spans WHERE service_name = ?", (service,))
    assert cursor.fetchall() == [(count,)]
    cursor.execute("SELECT count(*) FROM spans WHERE service_name = ?", ("no such service",))
    assert cursor.fetchall() == [(0,)]
    cursor.execute("SELECT count(*) FROM spans WHERE duration_ns > $1", (10**15,))
    assert cursor.fetchall() == [(0,)]
    cursor.execute("SELECT count(*) FROM spans WHERE service_name = ?", (None,))
    assert cursor.fetchall() == [(0,)]


def test_prepared_statement_tells_its_parameters(cursor):
    sql = "SELECT span_name FROM spans WHERE service_name = $1 AND duration_ns > $2"
    parameters = cursor.adbc_prepare(sql)
    assert parameters.types == [pyarrow.string(), pyarrow.int64()]


def test_schema_without_rows(cursor):
    schema = cursor.adbc_execute_schema("SELECT * FROM spans")
    cursor.execute("SELECT * FROM spans LIMIT 1")
    assert cursor.fetch_arrow_table().schema.equals(schema)


def test_large_result(cursor):
    text = "x" * 1000
    cursor.execute(
        "WITH v AS (SELECT * FROM (VALUES {}) AS v(x))"
        " SELECT a.x, '{}' AS text FROM v a CROSS JOIN v b CROSS JOIN v c".format(
            ", ".join(f"({i})" for i in range(20)), text
        )
    )
    table = cursor.fetch_arrow_table()
    assert table.num_rows == 8000
    assert table.column("text").unique().to_pylist() == [text]


@pytest.mark.parametrize("depth", ["catalogs", "db_schemas", "tables", "columns", "all"])
def test_objects(connection, depth):
    listed = objects(connection, depth=depth)
    assert [catalog["catalog_name"] for catalog in listed] == ["spanlake"]
    schemas = listed[0]["catalog_db_schemas"]
    if depth == "catalogs":
        assert schemas is None
        return
    assert "public" in [schema["db_schema_name"] for schema in schemas]
    found = tables(listed)
    if depth == "db_schemas":
        assert not found
        return
    assert {("public", "spans"), ("public", "traces")} <= found.keys()
    assert found["public", "traces"]["table_type"] == "VIEW"
    columns = found["public", "spans"]["table_columns"]
    if depth == "tables":
        assert not columns
        return
    names = [column["column_name"] for column in columns]
    assert names[:2] == ["trace_id", "span_id"]
    assert [column["ordinal_position"] for column in columns] == list(range(1, len(names) + 1))
    types = {column["column_name"]: column["xdbc_type_name"] for column in columns}
    assert (types["trace_id"], types["duration_ns"]) == ("VARCHAR", "BIGINT")


def test_objects_by_filter(connection):
    listed = objects(connection, depth="tables", table_name_filter="span\\_%")
    assert tables(listed).keys() == {("public", "span_events"), ("public", "span_links")}
    listed = objects(connection, depth="tables", db_schema_filter="public", table_name_filter="tra%")
    assert tables(listed).keys() == {("public", "traces")}
    assert not tables(objects(connection, depth="tables", catalog_filter="other"))
    listed = objects(connection, depth="tables", table_types_filter=["TABLE"])
    assert ("public", "traces") not in tables(listed)
    [columns] = [
        table["table_columns"]
        for table in tables(
            objects(connection, table_name_filter="traces", column_name_filter="span_count")
        ).values()
    ]
    assert [column["column_name"] for column in columns] == ["span_count"]


def test_table_schema(connection, cursor):
    cursor.execute("SELECT * FROM traces LIMIT 0")
    expected = cursor.fetch_arrow_table().schema
    assert connection.adbc_get_table_schema("traces").equals(expected)
    in_schema = connection.adbc_get_table_schema("spans", db_schema_filter="public")
    assert "trace_id" in in_schema.names
    with pytest.raises(adbc_driver_flightsql.dbapi.Error):
        connection.adbc_get_table_schema("no_such_table")


def test_table_types(connection):
    assert connection.adbc_get_table_types() == ["TABLE", "VIEW"]


def test_info(connection):
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "Spanlake"
    assert info["vendor_version"].count(".") == 2
    assert info["driver_name"] == "ADBC Flight SQL Driver - Go"


def test_user_name_and_password_are_accepted(address):
    # Nobody checks them yet; drivers that were given some must get in all the same.
    options = {"username": "anybody", "password": "anything"}
    with adbc_driver_flightsql.dbapi.connect(address, db_kwargs=options, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchall() == [(1,)]


def test_connect_as_most_people_do(address):
    # Without `autocommit`, Python asks for transactions; there are none, and reading needs none.
    with pytest.warns(match="autocommit"), adbc_driver_flightsql.dbapi.connect(address) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT nothing FROM spans", "nothing"),
        ("SELECT * FROM no_such_table", "no_such_table"),
        ("SELEC 1", "SELEC"),
        ("DROP TABLE spans", "only SELECT"),
        ("INSERT INTO spans VALUES (1)", "only SELECT"),
        ("SELECT 1; SELECT 2", "one by one"),
        ("SELECT * FROM '/etc/passwd'", "not found"),
        ("SELECT $1", "$1 has no value"),
    ],
)
def test_errors_say_what_is_wrong(cursor, sql, words):
    with pytest.raises(adbc_driver_flightsql.dbapi.Error) as caught:
        cursor.execute(sql)
        cursor.fetchall()
    error = caught.value
    assert error.status_code == adbc_driver_manager.AdbcStatusCode.INVALID_ARGUMENT
    message = str(error)
    assert words in message
    for leak in ("Diagnostic", "DataFusion", "Some(", "{ "):
        assert leak not in message, message


def test_an_error_does_not_break_the_connection(cursor):
    with pytest.raises(adbc_driver_flightsql.dbapi.Error):
        cursor.execute("SELECT nothing")
    cursor.execute("SELECT 1")
    assert cursor.fetchall() == [(1,)]


def test_cancel(cursor):
    cursor.execute(ENDLESS)
    reader = cursor.fetch_record_batch()
    assert reader.read_next_batch().num_rows > 0
    cursor.adbc_cancel()
    with pytest.raises((adbc_driver_flightsql.dbapi.Error, pyarrow.ArrowException, OSError)):
        reader.read_all()
