"""What the suite needs of a system."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa

from .question import Question
from .scope import Scope


@dataclass(frozen=True)
class Source:
    """What there is to load: the same spans twice."""

    # As a collector's file exporter writes them.
    otlp: Path
    # One file for each day, in the order in which the spans ended.
    parquet: Path
    # The binary that makes and serves a lake.
    spanlake: Path


@dataclass
class Loaded:
    """What loading cost."""

    seconds: float
    # Work that may also be done later: merges.
    settle_seconds: float = 0.0
    # If it is not this process that did the work.
    peak_bytes: int | None = None


class System(ABC):
    """A system. Its objects travel to a process of its own, so they hold no connection before
    `open`."""

    name: str
    title: str
    # Under which name a question has its SQL, unless it has SQL for this system by name.
    dialect: str
    # How its percentiles differ from the nearest rank.
    percentiles: Literal["nearest rank", "sketch", "interpolated"] = "nearest rank"

    def load(self, source: Source, folder: Path) -> Loaded | None:
        """Loads the data into `folder`; None if there is nothing to load."""
        return None

    @abstractmethod
    def open(self, source: Source, folder: Path) -> None:
        """Gets ready for questions."""

    @abstractmethod
    def ask(self, sql: str) -> pa.Table:
        """All rows of the answer."""

    @abstractmethod
    def version(self) -> str:
        """The version, as the system says it."""

    def close(self) -> None:
        """Ends what `open` began."""

    def pid(self) -> int | None:
        """The process that does the work, if it is another one."""
        return None

    def stored_bytes(self, source: Source, folder: Path) -> int:
        """What the data takes on disk."""
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())

    @abstractmethod
    def time(self, value: datetime) -> str:
        """A literal."""

    @abstractmethod
    def attribute(self, scope: Literal["span", "resource"], key: str) -> str:
        """The value of an attribute as text."""

    def sql(self, question: Question, scope: Scope, repetition: int = 0) -> str:
        """The question in this system's words."""
        text = question.sql.get(self.name) or question.sql[self.dialect]
        return self.fill(text, scope, repetition)

    def fill(self, text: str, scope: Scope, repetition: int = 0) -> str:
        """Replaces `@name`, `@span{key}` and `@resource{key}`."""
        times = scope.times()

        def value(match: re.Match[str]) -> str:
            name, key = match["name"], match["key"]
            if key is not None:
                return self.attribute("span" if name == "span" else "resource", key)
            if name == "trace_id":
                return f"'{scope.trace_ids[repetition % len(scope.trace_ids)]}'"
            return self.time(times[name])

        return re.sub(r"@(?P<name>\w+)(?:\{(?P<key>[^}]+)\})?", value, text).strip()
