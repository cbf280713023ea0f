"""Where Spanlake's time goes in each question: planning, reading, computing, and the functions."""

import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .question import Question
from .scope import Scope
from .system import Source
from .systems.spanlake import Spanlake

SECONDS = 3.0
ASKED = 5
FUNCTIONS = 8
UNITS = {"B": 1, "K": 1e3, "M": 1e6, "G": 1e9}


def profile(source: Source, folder: Path, scope: Scope, questions: dict[str, Question]) -> str:
    """A section of Markdown for each question; functions only where `perf` is installed."""
    system = Spanlake()
    system.open(source, folder)
    try:
        sections = [
            _section(system, question, scope, folder)
            for question in questions.values()
            if question.missing is None
        ]
    finally:
        system.close()
    return "\n".join(sections)


def _section(system: Spanlake, question: Question, scope: Scope, folder: Path) -> str:
    sql = system.sql(question, scope)
    whole = _milliseconds(lambda: system.ask(sql))
    planned = _milliseconds(lambda: system.ask(f"EXPLAIN {sql}"))
    measured = "\n".join(system.ask(f"EXPLAIN ANALYZE {sql}").column("plan").to_pylist())
    scans = [line for line in measured.splitlines() if "DataSourceExec" in line]
    read = sum(_number(line, "bytes_scanned") for line in scans)
    rows = sum(_number(line, "output_rows") for line in scans)
    lines = [
        f"## {question.title}",
        "",
        f"{whole:.1f} ms, of which planning {planned:.1f} ms. {len(scans)} scans read {read / 1e6:.2f} MB "
        f"in files and give {rows:,.0f} rows.",
        "",
    ]
    functions = _functions(system, sql, folder / "perf.data")
    if functions:
        lines += ["| Share | Function |", "|---|---|"]
        lines += [f"| {share} | `{name}` |" for share, name in functions]
        lines.append("")
    return "\n".join(lines)


def _milliseconds(work: Callable[[], object]) -> float:
    work()
    seconds = []
    for _ in range(ASKED):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds)


def _number(line: str, metric: str) -> float:
    """A metric of a plan, which is written for people: `1.11 M`."""
    found = re.search(rf"[\[ ]{metric}=([\d.]+) ?([KMG]?)B?[,\]]", line)
    return float(found[1]) * UNITS[found[2] or "B"] if found else 0.0


def _functions(system: Spanlake, sql: str, data: Path) -> list[tuple[str, str]]:
    """Where the processor time of the server goes while it answers again and again."""
    if shutil.which("perf") is None:
        return []
    command = ["perf", "record", "-q", "-F", "499", "-p", str(system.pid()), "-o", str(data)]
    recorder = subprocess.Popen([*command, "--", "sleep", str(SECONDS)])
    while recorder.poll() is None:
        system.ask(sql)
    command = ["perf", "report", "-i", str(data), "--stdio", "--no-inline", "-s", "symbol"]
    report = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    data.unlink(missing_ok=True)
    found = re.findall(r"^ *([\d.]+%) +\[[.k]\] (.+?) *$", report, re.MULTILINE)
    return [(share, name[:90].rstrip()) for share, name in found[:FUNCTIONS]]
