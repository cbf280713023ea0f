"""Whether two systems gave the same answer."""

import json
import math
from typing import Any

import pyarrow as pa

from .question import Question
from .system import System

# Spanlake's sketch (docs/FUNCTIONS.md), and rounding to whole nanoseconds.
SKETCH_ERROR = 0.0055
# Ratios of equal counts differ in the last digits only.
RATIO_ERROR = 1e-9

Rows = dict[tuple[Any, ...], dict[str, Any]]


def difference(
    question: Question, system: System, answer: pa.Table, expected: pa.Table, whole: pa.Table
) -> str | None:
    """What is wrong with an answer, or None.

    `expected` is the reference system's answer, `whole` what the question has without its cut.
    """
    columns = expected.column_names
    missing = [name for name in columns if name not in answer.column_names]
    if missing:
        return f"has no column {missing[0]}"
    answered = _rows(question, answer.select(columns), expected.schema)
    reference = _rows(question, whole, expected.schema)
    if answer.num_rows != len(answered):
        return "has a key twice"
    for key, row in answered.items():
        right = reference.get(key)
        if right is None:
            return f"has a row too many: {key}"
        if _below_cut(question, system, right):
            return f"has a row that is below the cut: {key}"
        for name in columns:
            if name not in question.keys and not _equal(question, system, name, row, right):
                return f"{key}: {name} is {row[name]!r:.80}, not {right[name]!r:.80}"
    return _missing(question, system, answered, reference, expected.num_rows)


def _below_cut(question: Question, system: System, right: dict[str, Any]) -> bool:
    cut = question.cut
    if cut is None or cut.above is None:
        return False
    return bool(right[cut.column] < cut.above / (1 + 3 * _error(question, system, cut.column)))


def _missing(
    question: Question, system: System, answered: Rows, reference: Rows, expected: int
) -> str | None:
    cut = question.cut
    if cut is None or (cut.first is not None and len(reference) <= cut.first):
        for key in reference:
            if key not in answered:
                return f"has no row {key}"
        return None
    if cut.first is not None and len(answered) != expected:
        return f"has {len(answered)} rows, not {expected}"
    # A ratio of two percentiles has the error of both.
    tolerance = 1 + 3 * _error(question, system, cut.column)
    lowest = cut.above
    if lowest is None:
        lowest = min(row[cut.column] for row in answered.values())
    if system.percentiles == "interpolated":
        above = f"{cut.column}_low"
    else:
        above = cut.column
    for key, row in reference.items():
        if row.get(above, row[cut.column]) > lowest * tolerance and key not in answered:
            return f"has no row {key}"
    return None


def _equal(
    question: Question, system: System, name: str, row: dict[str, Any], right: dict[str, Any]
) -> bool:
    value, expected = row[name], right[name]
    if name in question.percentiles and value is not None and expected is not None:
        error = _error(question, system, name)
        low = high = expected
        if system.percentiles == "interpolated":
            low, high = right.get(f"{name}_low", low), right.get(f"{name}_high", high)
        # A nanosecond is lost when the sketch rounds, or the interpolation.
        rounding = 1 if error or low != high else 0
        if isinstance(value, float) and not error:
            error = RATIO_ERROR
        return low * (1 - error) - rounding <= value <= high * (1 + error) + rounding
    if name in question.ratios and value is not None and expected is not None:
        return math.isclose(value, expected, rel_tol=RATIO_ERROR, abs_tol=1e-12)
    return bool(_plain(value, expected) == _plain(expected, expected))


def _error(question: Question, system: System, name: str) -> float:
    if system.percentiles != "sketch" or name not in question.percentiles:
        return 0.0
    # What is not a time is computed from two of them.
    return SKETCH_ERROR if name.endswith("_ns") else 2.1 * SKETCH_ERROR


def _rows(question: Question, table: pa.Table, like: pa.Schema) -> Rows:
    columns = {name: _values(table[name], like, name) for name in table.column_names}
    names = list(columns)
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return {tuple(row[key] for key in question.keys): row for row in rows}


def _values(column: pa.ChunkedArray, like: pa.Schema, name: str) -> list[Any]:
    """Python values; times as nanoseconds since 1970."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64())
    elif name in like.names and pa.types.is_timestamp(like.field(name).type):
        # ClickHouse's DateTime comes as seconds.
        column = pa.chunked_array([[value * 1_000_000_000 for value in column.to_pylist()]])
    return column.to_pylist()


def _plain(value: Any, expected: Any) -> Any:
    """Maps come as pairs, and from some systems as JSON text."""
    if isinstance(expected, list):
        if isinstance(value, str):
            return dict(_flat("", json.loads(value)))
        return dict(value or [])
    return value


def _flat(prefix: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return [(prefix, value)]
    dot = "." if prefix else ""
    return [pair for key, child in value.items() for pair in _flat(f"{prefix}{dot}{key}", child)]
