"""The few messages of Flight SQL that the tests write by hand, in protobuf encoding."""

import pyarrow.flight

PREFIX = "type.googleapis.com/arrow.flight.protocol.sql."


def _varint(number):
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _field(number, value):
    """A text, bytes or boolean field."""
    if isinstance(value, bool):
        return _varint(number << 3) + _varint(int(value))
    if isinstance(value, str):
        value = value.encode()
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def command(name, fields=None):
    """A command message, packed into a protobuf `Any`."""
    message = b"".join(_field(number, value) for number, value in (fields or {}).items())
    return _field(1, PREFIX + name) + _field(2, message)


def descriptor(name, fields=None):
    """The Flight descriptor of a command."""
    return pyarrow.flight.FlightDescriptor.for_command(command(name, fields))


def query(sql):
    """The Flight descriptor of a query."""
    return descriptor("CommandStatementQuery", {1: sql})


def fetch(client, described):
    """Asks for the plan, redeems its tickets, and returns all rows as a table."""
    info = client.get_flight_info(described)
    tables = [client.do_get(endpoint.ticket).read_all() for endpoint in info.endpoints]
    assert all(table.schema.equals(info.schema, check_metadata=True) for table in tables)
    return pyarrow.concat_tables(tables)
