"""Loads the systems one after the other, then asks them in turn."""

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from . import compare, machine
from .question import Question
from .scope import Scope
from .system import Loaded, Source, System
from .worker import Failure, Worker

# A system that answers slowly is asked less often.
BUDGET_SECONDS = 20.0
REFERENCE = "duckdb-map"
OURS = "spanlake"


@dataclass
class Cell:
    """What one system did with one question."""

    seconds: list[float] = field(default_factory=list)
    rows: int = 0
    failure: str | None = None
    wrong: str | None = None

    @property
    def first(self) -> float | None:
        return self.seconds[0] if self.seconds else None

    @property
    def warm(self) -> float | None:
        """The median, without the first time; nothing if the answer was not right."""
        if self.failure or self.wrong or len(self.seconds) < 2:
            return None
        return statistics.median(self.seconds[1:])


@dataclass
class Results:
    """All that the report is made of."""

    spans: int = 0
    loaded: dict[str, Loaded | None] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    stored_bytes: dict[str, int] = field(default_factory=dict)
    peak_bytes: dict[str, int] = field(default_factory=dict)
    cells: dict[str, dict[str, Cell]] = field(default_factory=dict)
    # The same questions, asked of Spanlake as calls.
    calls: dict[str, Cell] = field(default_factory=dict)
    # How many cores other processes kept busy while the questions were asked.
    others_cores: float = 0.0


def load(results: Results, system: System, source: Source, folder: Path) -> None:
    """Loads a system in a process of its own, alone."""
    worker = Worker(system, source, folder / system.name)
    try:
        loaded = worker.call("load")
        results.loaded[system.name] = loaded
        if loaded is not None:
            say(f"loaded {system.name} in {loaded.seconds:.1f} s")
    except Failure as failure:
        results.failed[system.name] = failure.message
        say(f"{system.name} failed to load: {failure.message}")
    finally:
        worker.end()


def ask(
    results: Results,
    systems: list[System],
    questions: dict[str, Question],
    source: Source,
    folder: Path,
    scope: Scope,
    repetitions: int,
    timeout: float,
) -> None:
    """Asks every question of every system: in turn, so that a busy minute hits all of them."""
    workers: dict[str, Worker] = {}
    try:
        for system in systems:
            if system.name in results.failed:
                continue
            worker = Worker(system, source, folder / system.name)
            workers[system.name] = worker
            try:
                opened = worker.call("open", timeout=timeout)
            except Failure as failure:
                results.failed[system.name] = failure.message
                say(f"{system.name} failed to open: {failure.message}")
                workers.pop(system.name).end()
                continue
            results.versions[system.name] = opened["version"]
            results.stored_bytes[system.name] = opened["stored_bytes"]
        cpu_before = sum(worker.call("usage")[1] for worker in workers.values())
        busy_before, started = machine.busy_seconds(), time.monotonic()
        for name, question in questions.items():
            if question.missing is None:
                cells = _ask_one(workers, question, scope, repetitions, timeout)
                results.cells[name] = cells
                say(f"{name}: " + ", ".join(f"{key} {_short(cell)}" for key, cell in cells.items()))
            if question.call is not None and OURS in workers:
                cell = _call(workers[OURS], question.call, scope, repetitions, timeout)
                results.calls[name] = cell
                say(f"{name}, as one call: {_short(cell)}")
        usage = {name: worker.call("usage") for name, worker in workers.items()}
        results.peak_bytes = {name: peak for name, (peak, _) in usage.items()}
        busy = machine.busy_seconds() - busy_before
        ours = sum(cpu for _, cpu in usage.values()) - cpu_before
        results.others_cores = max(busy - ours, 0) / (time.monotonic() - started)
    finally:
        for worker in workers.values():
            worker.end()


def _ask_one(
    workers: dict[str, Worker],
    question: Question,
    scope: Scope,
    repetitions: int,
    timeout: float,
) -> dict[str, Cell]:
    cells = {name: Cell() for name in workers}
    answers: dict[str, pa.Table] = {}
    names = list(workers)
    for repetition in range(repetitions + 1):
        # Everyone is the first one sometimes.
        turn = repetition % len(names)
        for name in names[turn:] + names[:turn]:
            cell = cells[name]
            if cell.failure or (len(cell.seconds) > 1 and sum(cell.seconds) > BUDGET_SECONDS):
                continue
            try:
                arguments = (question, scope, repetition, repetition == 0)
                answer = workers[name].call("ask", *arguments, timeout=timeout)
            except Failure as failure:
                cell.failure = failure.message
                continue
            cell.seconds.append(answer.seconds)
            cell.rows = answer.rows
            if answer.table is not None:
                answers[name] = answer.table
    _check(workers, question, scope, cells, answers)
    return cells


def _call(worker: Worker, text: str, scope: Scope, repetitions: int, timeout: float) -> Cell:
    cell = Cell()
    for _ in range(repetitions + 1):
        try:
            answer = worker.call("call", text, scope, timeout=timeout)
        except Failure as failure:
            cell.failure = failure.message
            break
        cell.seconds.append(answer.seconds)
        cell.rows = answer.rows
    return cell


def _check(
    workers: dict[str, Worker],
    question: Question,
    scope: Scope,
    cells: dict[str, Cell],
    answers: dict[str, pa.Table],
) -> None:
    expected = answers.get(REFERENCE)
    if expected is None:
        for cell in cells.values():
            cell.wrong = "not checked: the reference has no answer"
        return
    whole = expected
    if question.reference is not None:
        whole = workers[REFERENCE].call("reference", question.reference, scope)
    for name, answer in answers.items():
        system = workers[name].system
        cells[name].wrong = compare.difference(question, system, answer, expected, whole)


def _short(cell: Cell) -> str:
    if cell.failure or cell.wrong:
        return f"FAILED ({cell.failure or cell.wrong})"
    return f"{1000 * (cell.warm or 0):.1f} ms"


def say(words: str) -> None:
    """Progress."""
    print(words, flush=True)
