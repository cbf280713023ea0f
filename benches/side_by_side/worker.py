"""One system in a process of its own, so that its memory can be told from the others'."""

import multiprocessing
import os
import signal
import time
import traceback
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow as pa

from .machine import cpu_seconds, peak_bytes
from .question import Question
from .scope import Scope
from .system import Source, System


@dataclass
class Answer:
    """One asking: how long it took, and the rows if they were wanted."""

    seconds: float
    rows: int
    table: pa.Table | None = None


@dataclass
class Failure(Exception):
    """What the system said instead of an answer."""

    message: str


@dataclass
class Worker:
    """The parent's end."""

    system: System
    source: Source
    folder: Path
    process: Any = field(default=None, init=False)
    pipe: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        # Spawned: a fork would have the parent's memory as its own.
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        arguments = (self.system, self.source, self.folder, other)
        self.process = context.Process(target=_run, args=arguments, daemon=False)
        self.process.start()
        other.close()

    def call(self, name: str, *arguments: Any, timeout: float | None = None) -> Any:
        """Has the process do something; raises `Failure` if it cannot, dies, or takes too long."""
        try:
            self.pipe.send((name, arguments))
            if not self.pipe.poll(timeout):
                self.restart()
                raise Failure(f"took longer than {timeout:.0f} s")
            worked, result = self.pipe.recv()
        except (EOFError, ConnectionError) as error:
            self.restart()
            raise Failure("the process died") from error
        if not worked:
            raise Failure(result)
        return result

    def restart(self) -> None:
        self.end()
        self.start()
        self.call("open")

    def end(self) -> None:
        if self.process.is_alive():
            try:
                self.pipe.send(("close", ()))
                self.process.join(30)
            except (OSError, ValueError):
                pass
        if self.process.is_alive():
            # With what it started: a server.
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.join()


class _Worker:
    """The child's end: what can be called by name."""

    def __init__(self, system: System, source: Source, folder: Path) -> None:
        self.system, self.source, self.folder = system, source, folder
        self.opened = False

    def load(self) -> Any:
        self.folder.mkdir(parents=True, exist_ok=True)
        loaded = self.system.load(self.source, self.folder)
        if loaded is not None and loaded.peak_bytes is None:
            loaded.peak_bytes = peak_bytes(os.getpid())
        return loaded

    def open(self) -> dict[str, Any]:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.system.open(self.source, self.folder)
        self.opened = True
        return {
            "version": self.system.version(),
            "stored_bytes": self.system.stored_bytes(self.source, self.folder),
        }

    def ask(self, question: Question, scope: Scope, repetition: int, want_rows: bool) -> Answer:
        sql = self.system.sql(question, scope, repetition)
        after = self.after(question)
        if after is not None and question.before is not None:
            question.before()
        started = time.perf_counter()
        table = self.system.ask(sql)
        if after is not None:
            table = after(table)
        seconds = time.perf_counter() - started
        return Answer(seconds, table.num_rows, table if want_rows else None)

    def after(self, question: Question) -> Any:
        after = question.after or {}
        return after.get(self.system.name) or after.get(self.system.dialect)

    def reference(self, text: str, scope: Scope) -> pa.Table:
        return self.system.ask(self.system.fill(text, scope))

    def call(self, text: str, scope: Scope) -> Answer:
        started = time.perf_counter()
        table = self.system.ask(self.system.fill(text, scope))
        return Answer(time.perf_counter() - started, table.num_rows)

    def usage(self) -> tuple[int, float]:
        pid = self.system.pid() or os.getpid()
        return peak_bytes(pid), cpu_seconds(pid)

    def close(self) -> None:
        if self.opened:
            self.system.close()


def _run(system: System, source: Source, folder: Path, pipe: Connection) -> None:
    os.setsid()
    worker = _Worker(system, source, folder)
    while True:
        try:
            name, arguments = pipe.recv()
        except EOFError:
            name, arguments = "close", ()
        try:
            result = (True, getattr(worker, name)(*arguments))
        except Exception as error:  # The parent writes down what the system said, whatever it was.
            lines = str(error).strip().splitlines() or [traceback.format_exc()]
            result = (False, " ".join(lines)[:500])
        if name == "close":
            return
        pipe.send(result)
