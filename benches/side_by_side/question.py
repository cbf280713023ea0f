"""What a question is: its words, its SQL for each system, and how its answers are compared."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

# What the questions mean by "slow enough", "the 99th percentile": nearest rank, as SQL has it in
# DuckDB (`quantile_disc`) and Spanlake (`percentile_nearest`). ClickHouse's `quantileExact(q)`
# takes the value one rank higher if q * n is whole; a level just below q gives the nearest rank.
CLICKHOUSE_P99 = "quantileExact(0.989999999)"
CLICKHOUSE_P95 = "quantileExact(0.949999999)"
CLICKHOUSE_P50 = "quantileExact(0.499999999)"


def neighbours(value: str, level: float, name: str) -> str:
    """DuckDB's SQL for the two columns that say where an interpolating percentile may lie."""
    ranked = "list_sort(list({value}))[greatest(1, least(count({value}), {rank}))::INT] AS {name}"
    rank = f"ceil({level} * count({value}))"
    return ", ".join(
        ranked.format(value=value, rank=f"{rank} {step} 1", name=f"{name}_{side}")
        for step, side in (("-", "low"), ("+", "high"))
    )


@dataclass(frozen=True)
class Cut:
    """The answer has only the rows whose `column` is above `above`, or the first `first` by it.

    A system with approximate percentiles may cut elsewhere, so it is compared with what the
    question has without the cut (`Question.uncut`): each row must be right, and no row may be
    missing that is above the cut by more than the system's tolerance.
    """

    column: str
    above: float | None = None
    first: int | None = None


@dataclass(frozen=True)
class Question:
    """One question. `sql` is by name of a system, or of its dialect.

    In the SQL, `@name` is a parameter, `@span{key}` and `@resource{key}` are the value of an
    attribute, each written as the system wants it.
    """

    title: str
    about: str
    sql: Mapping[str, str]
    keys: tuple[str, ...]
    # Columns that follow each system's own percentile.
    percentiles: tuple[str, ...] = ()
    # Columns of floating-point numbers computed from counts.
    ratios: tuple[str, ...] = ()
    cut: Cut | None = None
    # DuckDB's SQL without the cut; and, for each column of `percentiles`, the neighbours of the
    # rank as `<column>_low` and `<column>_high`, for systems that interpolate.
    reference: str | None = None
    # What a client has to do with the rows, in systems that cannot do it in SQL.
    after: Mapping[str, Callable[[pa.Table], pa.Table]] | None = None
    # What a client does once for that, which is not timed.
    before: Callable[[], None] | None = None
    # Whether it is in the geometric means.
    counts: bool = True
    # Spanlake's SQL for it as one call of a function, which says more than was asked.
    call: str | None = None
    # Why it cannot be asked yet.
    missing: str | None = None


def all_questions() -> dict[str, Question]:
    """Every file of `questions/`, in the order of their names."""
    package = importlib.import_module(f"{__package__}.questions")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return {name: importlib.import_module(f"{package.__name__}.{name}").QUESTION for name in names}
