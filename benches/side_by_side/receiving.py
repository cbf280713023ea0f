"""How long a look-up takes while spans come in."""

import math
import re
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from .question import Question
from .scope import Scope
from .system import Source
from .systems.spanlake import Spanlake

SECONDS = 30


def measure(
    source: Source, lake: Path, load: Path, folder: Path, rate: int, question: Question, scope: Scope
) -> str:
    """Looks up traces of a copy of the lake, first alone, then while it receives `rate` spans per second.

    `load` is the program `otlp_load`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Data files are never changed, so the copy needs no space of its own.
    shutil.copytree(lake, folder / "lake", copy_function=_link)
    system = Spanlake()
    system.receivers = ("127.0.0.1:0", "none", "none")
    system.open(source, folder)
    try:
        said = (folder / "serve.log").read_text()
        found = re.search(r"(?i)otlp\D*?grpc\D*?(127\.0\.0\.1:\d+)", said)
        if not found:
            raise RuntimeError(f"no address of the receiver: {said}")
        alone = _looked_up(system, question, scope, 10)
        command = [load, "--to", found[1], "--seconds", str(SECONDS + 10), "--rate", str(rate)]
        sender = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            # The first flushes and the first assembly come within these.
            time.sleep(5)
            busy = _looked_up(system, question, scope, SECONDS)
            sent, _ = sender.communicate(timeout=60)
        finally:
            sender.kill()
    finally:
        system.close()
    shutil.rmtree(folder)
    lines = [
        f"{question.title}, alone: {_described(alone)}",
        f"{question.title}, while receiving {rate:,} spans/s: {_described(busy)}",
        f"the sender: {sent.strip()}",
    ]
    return "\n".join(lines)


def _looked_up(system: Spanlake, question: Question, scope: Scope, seconds: float) -> list[float]:
    times: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sql = system.sql(question, scope, len(times))
        began = time.perf_counter()
        rows = system.ask(sql).num_rows
        times.append(1000 * (time.perf_counter() - began))
        if rows == 0:
            raise RuntimeError("a trace was not found")
        time.sleep(0.02)
    return times


def _described(times: list[float]) -> str:
    ordered = sorted(times)
    p99 = ordered[math.ceil(0.99 * len(ordered)) - 1]
    return (
        f"median {statistics.median(ordered):.1f} ms, p99 {p99:.1f} ms, most {ordered[-1]:.1f} ms "
        f"of {len(ordered)} look-ups"
    )






def _link(source: str, target: str) -> None:
    if source.endswith(".parquet"):
        Path(target).hardlink_to(source)
    else:
        shutil.copy2(source, target)
