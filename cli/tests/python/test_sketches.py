"""Sketches as others read and write them: OpenTelemetry's SDK and its protobuf, Datadog's package."""

import math
import random

import pytest
from ddsketch import DDSketch
from ddsketch.ddsketch import BaseDDSketch
from ddsketch.mapping import LogarithmicMapping
from ddsketch.pb.proto import DDSketchProto
from ddsketch.pb import ddsketch_pb2
from ddsketch.store import DenseStore
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

GAMMA = 2 ** (1 / 64)
PROMISED = 0.0055
QS = [0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0]


@pytest.fixture(scope="module")
def values():
    """Durations with a long tail, over eight decades."""
    numbers = random.Random(7)
    return [math.ceil(1e6 * numbers.paretovariate(0.8)) for _ in range(3000)]


@pytest.fixture(scope="module")
def column(values):
    return f"(VALUES {', '.join(f'({x})' for x in values)}) AS t(x)"


def nearest_rank(values, q):
    return sorted(values)[max(1, math.ceil(q * len(values) * (1 - 1e-14))) - 1]


def quantiles(query, sketch):
    columns = ", ".join(f"sketch_quantile(s, {q}) AS q{i}" for i, q in enumerate(QS))
    (row,) = query(f"SELECT {columns} FROM (SELECT {sketch} AS s)")
    return list(row.values())


def assert_near(actual, values, error, ends_are_known):
    for q, estimate in zip(QS, actual, strict=True):
        exact = nearest_rank(values, q)
        bound = 0 if ends_are_known and q in (0.0, 1.0) else error
        assert abs(estimate - exact) <= bound * exact, (q, estimate, exact)


def test_otlp_is_what_the_published_classes_read(query, values, column):
    (row,) = query(f"SELECT sketch_to_otlp(sketch(x)) AS point FROM {column}")
    point = ExponentialHistogramDataPoint.FromString(row["point"])
    assert (point.count, point.sum, point.scale) == (len(values), sum(values), 6)
    assert (point.min, point.max, point.zero_count) == (min(values), max(values), 0)
    assert sum(point.positive.bucket_counts) == len(values)
    counts = {}
    for x in values:
        index = math.ceil(math.log2(x) * 64) - 1
        counts[index] = counts.get(index, 0) + 1
    first = point.positive.offset
    assert counts == {first + i: n for i, n in enumerate(point.positive.bucket_counts) if n}
    assert not point.HasField("negative")
    # Back again, nothing is lost.
    sketch = f"sketch_from_otlp(X'{row['point'].hex()}')"
    assert_near(quantiles(query, sketch), values, PROMISED, True)


def test_otlp_of_the_sdk(query, values):
    reader = InMemoryMetricReader()
    view = View(instrument_name="*", aggregation=ExponentialBucketHistogramAggregation())
    histogram = (
        MeterProvider([reader], views=[view]).get_meter("test").create_histogram("duration")
    )
    for x in values:
        histogram.record(x)
    (resource,) = encode_metrics(reader.get_metrics_data()).resource_metrics
    (point,) = resource.scope_metrics[0].metrics[0].exponential_histogram.data_points
    sketch = f"sketch_from_otlp(X'{point.SerializeToString().hex()}')"
    (facts,) = query(
        f"SELECT sketch_scale(s) AS scale, sketch_error(s) AS error, sketch_count(s) AS n, "
        f"sketch_sum(s) AS sum, sketch_min(s) AS min, sketch_max(s) AS max FROM (SELECT {sketch} AS s)"
    )
    # The SDK has 160 buckets, so its scale is lower than ours over this range.
    assert facts["scale"] == point.scale < 6
    base = 2 ** 2**-point.scale
    assert facts["error"] == pytest.approx((base - 1) / (base + 1))
    assert (facts["n"], facts["sum"]) == (len(values), sum(values))
    assert (facts["min"], facts["max"]) == (min(values), max(values))
    assert_near(quantiles(query, sketch), values, facts["error"] * (1 + 1e-9), True)


def test_index_convention():
    """x = 100 at an accuracy of 1 % is bucket 230 in Go and Java, and 231 in Python."""
    mapping = LogarithmicMapping(0.01)
    assert mapping.key(100) == 231
    assert math.floor(math.log(100) / math.log(mapping.gamma)) == 230


def test_ddsketch_is_what_the_package_reads(query, values, column):
    (row,) = query(f"SELECT sketch_to_ddsketch(sketch(x)) AS dd FROM {column}")
    message = ddsketch_pb2.DDSketch.FromString(row["dd"])
    assert message.mapping.gamma == pytest.approx(GAMMA, rel=1e-15)
    assert (message.mapping.indexOffset, message.mapping.interpolation) == (0, 0)
    # The convention of Go and Java: the first bucket begins at gamma to the power of its index.
    first = message.positiveValues.contiguousBinIndexOffset
    assert first == math.floor(math.log(min(values)) / math.log(GAMMA))
    assert sum(message.positiveValues.contiguousBinCounts) == len(values)
    # The Python package numbers buckets one higher, so its answers are too small by gamma ...
    read = DDSketchProto.from_proto(message)
    message.mapping.indexOffset = -1
    shifted = DDSketchProto.from_proto(message)
    for q in QS[1:-1]:
        estimate = shifted.get_quantile_value(q)
        assert read.get_quantile_value(q) == pytest.approx(estimate / GAMMA)
        # ... and its rank is one between floor and ceiling of q (n - 1).
        ranked = sorted(values)
        rank = q * (len(values) - 1)
        low, high = ranked[math.floor(rank)], ranked[math.ceil(rank)]
        assert low * (1 - PROMISED) <= estimate <= high * (1 + PROMISED), q


def test_ddsketch_of_the_package(query, values):
    mapping = LogarithmicMapping((GAMMA - 1) / (GAMMA + 1))
    sketch = BaseDDSketch(mapping, DenseStore(), DenseStore(), zero_count=0.0)
    for x in values:
        sketch.add(x)
    message = DDSketchProto.to_proto(sketch)
    as_is = quantiles(query, f"sketch_from_ddsketch(X'{message.SerializeToString().hex()}')")
    message.mapping.indexOffset = 1
    shifted = quantiles(query, f"sketch_from_ddsketch(X'{message.SerializeToString().hex()}')")
    assert_near(shifted, values, PROMISED, False)
    for wrong, right in zip(as_is, shifted, strict=True):
        assert wrong == pytest.approx(right * GAMMA)


def test_other_accuracies_are_refused(query):
    sketch = DDSketch(0.01)
    sketch.add(100)
    message = DDSketchProto.to_proto(sketch).SerializeToString()
    with pytest.raises(Exception, match="not buckets of a sketch"):
        query(f"SELECT sketch_from_ddsketch(X'{message.hex()}')")
