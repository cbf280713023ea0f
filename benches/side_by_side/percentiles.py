"""Approximate percentiles side by side: time, memory and error at the tail of a heavy-tailed column."""

import multiprocessing
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from . import machine

QUANTILES = (0.99, 0.999, 0.9999)
GROUPS = (1, 100_000)
VALUES = 5_000_000
REPETITIONS = 5


@dataclass(frozen=True)
class Function:
    """How one system is asked for percentiles of `x`, whole or by `g`, from the Parquet file `FILE`."""

    system: str
    name: str
    percentiles: str
    source: str


FUNCTIONS = (
    Function("spanlake", "quantile", ", ".join(f"quantile(x, {q}) AS q{i}" for i, q in enumerate(QUANTILES)), "t"),
    Function("duckdb", "approx_quantile",
             ", ".join(f"approx_quantile(x, {q}) AS q{i}" for i, q in enumerate(QUANTILES)), "'FILE'"),
    Function("clickhouse", "quantilesTDigest",
             "quantilesTDigest(0.99, 0.999, 0.9999)(x) AS q", "file('FILE', Parquet)"),
    Function("clickhouse", "quantilesDD",
             "quantilesDD(0.0054, 0.99, 0.999, 0.9999)(x) AS q", "file('FILE', Parquet)"),
    Function("datafusion", "approx_percentile_cont",
             ", ".join(f"approx_percentile_cont(x, {q}) AS q{i}" for i, q in enumerate(QUANTILES)), "t"),
)


def sql(function: Function, groups: int, file: Path) -> str:
    """The statement. By group, what is counted is that all answers were made."""
    source = function.source.replace("FILE", str(file))
    if groups == 1:
        return f"SELECT {function.percentiles} FROM {source}"
    return f"SELECT g, {function.percentiles} FROM {source} GROUP BY g"


def measure(spanlake: Path, folder: Path) -> str:
    """Makes the data, asks everybody, and writes a table."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{VALUES:,} durations in whole nanoseconds from a Pareto distribution of 1.2, from one Parquet file; the three",
        "percentiles are asked for together. Seconds are the median of "
        f"{REPETITIONS} after a first time, memory is the most that the",
        "process had, its client and, for Spanlake, the start of the process included. The error is relative to the",
        "exact nearest rank; by group, the largest of all groups.",
        "",
        "| Groups | Function | Seconds | MiB | p99 | p99.9 | p99.99 |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    for groups in GROUPS:
        file = folder / f"durations-{groups}.parquet"
        values, group = written(file, groups)
        exact = exact_ranks(values, group, groups)
        for function in FUNCTIONS:
            seconds, peak, answers = asked(function, groups, file, spanlake)
            errors = np.abs(answers - exact) / exact
            cells = [f"{error * 100:.2f} %" for error in errors.max(axis=0)]
            lines.append(f"| {groups:,} | {function.system} `{function.name}` | {seconds:.2f} | "
                         f"{peak / 2**20:.0f} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def written(file: Path, groups: int) -> tuple[Any, Any]:
    """The values and their groups, the same ones each time."""
    random = np.random.default_rng(46)
    values = ((1 + random.pareto(1.2, VALUES)) * 1e6).astype(np.int64)
    group = random.integers(0, groups, VALUES)
    pq.write_table(pa.table({"g": group, "x": values}), file, row_group_size=131_072)
    return values, group


def exact_ranks(values: Any, group: Any, groups: int) -> Any:
    """A row per group, a column per quantile, by nearest rank."""
    order = np.lexsort((values, group))
    ordered, starts = values[order], np.searchsorted(group[order], np.arange(groups + 1))
    counts = np.diff(starts)
    columns = [
        ordered[starts[:-1] + np.maximum(np.ceil(q * counts).astype(np.int64), 1) - 1] for q in QUANTILES
    ]
    return np.stack(columns, axis=1).astype(np.float64)


def asked(function: Function, groups: int, file: Path, spanlake: Path) -> tuple[float, int, Any]:
    """Median seconds, peak memory and the answers in order of the groups, from a process of its own."""
    context = multiprocessing.get_context("spawn")
    pipe, other = context.Pipe()
    process = context.Process(target=_ask, args=(function, groups, file, spanlake, other))
    process.start()
    other.close()
    try:
        return pipe.recv()
    except EOFError:
        raise SystemExit(f"{function.system} ended without an answer to {function.name}") from None
    finally:
        process.join()


def _ask(function: Function, groups: int, file: Path, spanlake: Path, pipe: Any) -> None:
    statement = sql(function, groups, file)
    ask = {"spanlake": _spanlake, "duckdb": _duckdb, "clickhouse": _clickhouse, "datafusion": _datafusion}
    run = ask[function.system](statement, file, spanlake)
    seconds = []
    for _ in range(REPETITIONS + 1):
        began = time.monotonic()
        table = run()
        seconds.append(time.monotonic() - began)
    peak = machine.peak_bytes(os.getpid())
    if function.system == "spanlake":
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    pipe.send((statistics.median(seconds[1:]), peak, _answers(table, groups)))


def _answers(table: Any, groups: int) -> Any:
    if groups > 1:
        table = table.sort_by("g")
    if "q" in table.column_names:
        return np.array(table["q"].to_pylist(), dtype=np.float64)
    columns = [table[f"q{i}"].to_numpy().astype(np.float64) for i in range(len(QUANTILES))]
    return np.stack(columns, axis=1)


def _spanlake(statement: str, file: Path, spanlake: Path) -> Callable[[], Any]:
    out = file.with_suffix(".out.arrow")
    command = [spanlake, "sql", "--attach", f"t={file}", "--format", "arrow", "--out", out, statement]

    def run() -> Any:
        out.unlink(missing_ok=True)
        subprocess.run(command, check=True)
        with pa.OSFile(str(out)) as source:
            return pa.ipc.open_file(source).read_all()

    return run


def _duckdb(statement: str, file: Path, spanlake: Path) -> Callable[[], Any]:
    import duckdb

    connection = duckdb.connect()
    return lambda: connection.sql(statement).to_arrow_table()


def _clickhouse(statement: str, file: Path, spanlake: Path) -> Callable[[], Any]:
    import chdb

    return lambda: chdb.query(statement, "ArrowTable")


def _datafusion(statement: str, file: Path, spanlake: Path) -> Callable[[], Any]:
    import datafusion

    context = datafusion.SessionContext()
    context.register_parquet("t", str(file))
    return lambda: context.sql(statement).to_arrow_table()
