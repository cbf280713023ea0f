"""Real senders: the OpenTelemetry SDK with both of its exporters, and the rotel collector."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time
import uuid

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

SPANS = 10_000
GRPC = os.environ["SPANLAKE_OTLP_GRPC"]
HTTP = os.environ["SPANLAKE_OTLP_HTTP"]


def send(exporter, service):
    """Sends SPANS spans, in traces of ten."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    processor = BatchSpanProcessor(exporter, max_queue_size=2 * SPANS, max_export_batch_size=512)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("test", "1.0")
    for trace in range(SPANS // 10):
        with tracer.start_as_current_span("GET /cart", kind=SpanKind.SERVER) as root:
            root.set_attribute("trace.number", trace)
            for child in range(9):
                with tracer.start_as_current_span("SELECT", kind=SpanKind.CLIENT) as span:
                    span.set_attributes({"db.system.name": "postgresql", "child.number": child})
                    span.set_attribute("ratio", child / 8)
                    span.set_attribute("tags", ["a", "b"])
                    if child == 8:
                        span.add_event("retry", {"attempt": 2})
                        span.set_status(Status(StatusCode.ERROR, "timeout"))
    assert provider.force_flush(60_000)
    provider.shutdown()


def check(query, service):
    """Every span of the service is there, with what was set on it."""
    [row] = query(
        f"""SELECT count(*) AS spans, count(DISTINCT trace_id) AS traces,
            count(*) FILTER (WHERE parent_span_id IS NULL) AS roots,
            count(*) FILTER (WHERE parent_span_name = 'GET /cart') AS children,
            count(*) FILTER (WHERE status_code = 'error' AND status_message = 'timeout') AS errors,
            count(*) FILTER (WHERE db_system = 'postgresql') AS selects,
            sum(CAST(attributes['child.number'] AS BIGINT)) AS numbers,
            sum(CAST(attributes['ratio'] AS DOUBLE)) AS ratios,
            count(DISTINCT attributes['trace.number']) AS trace_numbers,
            count(*) FILTER (WHERE attributes['tags'] = '["a","b"]') AS tags
            FROM spans WHERE service_name = '{service}'"""
    )
    traces = SPANS // 10
    assert row == {
        "spans": SPANS,
        "traces": traces,
        "roots": traces,
        "children": 9 * traces,
        "errors": traces,
        "selects": 9 * traces,
        "numbers": 36 * traces,
        "ratios": 4.5 * traces,
        "trace_numbers": traces,
        "tags": 9 * traces,
    }
    [events] = query(
        f"""SELECT count(*) AS events FROM span_events
            WHERE service_name = '{service}' AND event_name = 'retry' AND attributes['attempt'] = '2'"""
    )
    assert events == {"events": traces}


def test_sdk_over_grpc(query):
    service = f"sdk-grpc-{uuid.uuid4()}"
    send(GrpcExporter(endpoint=GRPC, insecure=True), service)
    check(query, service)


def test_sdk_over_http(query):
    service = f"sdk-http-{uuid.uuid4()}"
    send(HttpExporter(endpoint=f"http://{HTTP}/v1/traces"), service)
    check(query, service)


def test_sdk_with_gzip(query):
    import grpc

    service = f"sdk-gzip-{uuid.uuid4()}"
    gzip = grpc.Compression.Gzip
    send(GrpcExporter(endpoint=GRPC, insecure=True, compression=gzip), service)
    check(query, service)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def rotel(*exporter):
    """The collector; its own receivers are on free ports."""
    import rotel as package

    agent = pathlib.Path(package.__file__).parent / "rotel-agent"
    grpc, http = free_port(), free_port()
    command = [agent, "start", "--otlp-grpc-endpoint", f"127.0.0.1:{grpc}"]
    command += ["--otlp-http-endpoint", f"127.0.0.1:{http}", "--exporter", "otlp", *exporter]
    process = subprocess.Popen(command, stdout=sys.stderr, stderr=sys.stderr)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", grpc)):
                break
            time.sleep(0.1)
        yield f"127.0.0.1:{grpc}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize(
    "exporter",
    [
        ["--otlp-exporter-endpoint", f"http://{GRPC}"],
        ["--otlp-exporter-endpoint", f"http://{HTTP}", "--otlp-exporter-protocol", "http"],
    ],
    ids=["grpc", "http"],
)
def test_rotel_forwards(query, exporter):
    service = f"rotel-{uuid.uuid4()}"
    with rotel(*exporter) as address:
        send(GrpcExporter(endpoint=address, insecure=True), service)
    # Stopping the collector drained it.
    check(query, service)
