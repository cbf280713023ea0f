"""How long Spanlake takes for each question as the data grows: a table and a plot.

The answers are not checked here: the suite does that, at one size.
"""

import math
import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import data, machine
from .question import Question
from .report import table
from .run import say
from .scope import Scope
from .system import Source
from .systems.spanlake import Spanlake

ASKED = 5
# A question is asked again until it has taken that long.
BUDGET_SECONDS = 30.0


@dataclass
class Size:
    """What was measured at one size."""

    spans: int
    import_seconds: float
    import_peak_bytes: int
    stored_bytes: int
    # Of the server that answers, after all questions.
    query_peak_bytes: int
    # Median seconds by question, without the first asking.
    seconds: dict[str, float]


def measure(
    source: Source, folder: Path, spans: int, seed: int, scope: Scope, questions: dict[str, Question]
) -> Size:
    """Generates, imports and asks about so many spans; nothing of it is kept."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = replace(source, otlp=folder / "spans.otlp.binpb")
    data.generate(source, spans, scope, seed)
    system = Spanlake()
    loaded = system.load(source, folder)
    source.otlp.unlink()
    system.open(source, folder)
    try:
        count = system.ask("SELECT count(*) AS n FROM spans").column("n")[0].as_py()
        say(f"{count:,} spans imported in {loaded.seconds:.0f} s")
        week = system.time(scope.times()["week"])
        ids = system.ask(
            "SELECT trace_id FROM spans WHERE parent_span_id IS NULL AND span_name = 'POST /checkout' "
            f"AND start_time >= {week} ORDER BY trace_id LIMIT 16"
        )
        scope = replace(scope, trace_ids=tuple(ids.column("trace_id").to_pylist()))
        seconds = {}
        for name, question in questions.items():
            if question.missing is None:
                seconds[name] = _asked(system, question, scope)
                say(f"{name}: {1000 * seconds[name]:.1f} ms")
        pid = system.pid()
        peak = machine.peak_bytes(pid) if pid else 0
        stored = system.stored_bytes(source, folder)
    finally:
        system.close()
    shutil.rmtree(folder)
    return Size(count, loaded.seconds, loaded.peak_bytes, stored, peak, seconds)


def _asked(system: Spanlake, question: Question, scope: Scope) -> float:
    times: list[float] = []
    for repetition in range(ASKED + 1):
        sql = system.sql(question, scope, repetition)
        began = time.perf_counter()
        system.ask(sql)
        times.append(time.perf_counter() - began)
        if len(times) > 1 and sum(times) > BUDGET_SECONDS:
            break
    return statistics.median(times[1:])


def written(
    sizes: Sequence[Size],
    questions: dict[str, Question],
    about: Sequence[tuple[str, str]],
    plot: str,
) -> str:
    """The report. `plot` is the name of the file with the plot."""
    head = ["", *(f"{size.spans / 1e6:,.1f} M" for size in sizes)]
    rows = [
        ("Import spans/s", *(f"{size.spans / size.import_seconds:,.0f}" for size in sizes)),
        ("Import peak MiB", *(f"{size.import_peak_bytes / machine.MIB:,.0f}" for size in sizes)),
        ("Bytes per span", *(f"{size.stored_bytes / size.spans:.1f}" for size in sizes)),
        ("Query peak MiB", *(f"{size.query_peak_bytes / machine.MIB:,.0f}" for size in sizes)),
    ]
    times = [
        (
            f"{name[1:3]} {questions[name].title}",
            *(f"{1000 * size.seconds[name]:,.1f}" for size in sizes),
            f"{exponent(sizes, name):.2f}",
        )
        for name in sizes[0].seconds
    ]
    lines = [
        "# How answers grow with the data\n",
        "Written by `benches/side_by_side/run --growth`; medians in milliseconds, through Flight SQL, of as "
        "many days as in the suite: more spans are more load, not more history. \"Grows as n^\" is the slope "
        "between the smallest and the largest size: 1 is as fast as the data, 0 not at all.\n",
        table(["", ""], about),
        f"![Time per question against spans, both logarithmic]({plot})\n",
        table(head, rows),
        table([*head, "Grows as n^"], times),
    ]
    return "\n".join(lines)


def exponent(sizes: Sequence[Size], question: str) -> float:
    """The slope on logarithmic scales between the first and the last size."""
    first, last = sizes[0], sizes[-1]
    if first.spans == last.spans:
        return 0.0
    ratio = last.seconds[question] / first.seconds[question]
    return math.log(ratio) / math.log(last.spans / first.spans)


def drawn(sizes: Sequence[Size], questions: dict[str, Question]) -> str:
    """The plot as SVG: one line per question, both axes logarithmic."""
    width, height, left, right, top, bottom = 900, 560, 70, 230, 20, 50
    spans = [math.log10(size.spans) for size in sizes]
    times = [math.log10(1000 * s) for size in sizes for s in size.seconds.values()]
    low, high = math.floor(min(times)), math.ceil(max(times))
    wide = max(spans[-1] - spans[0], 1e-9)

    def x(value: float) -> float:
        return left + (value - spans[0]) / wide * (width - left - right)

    def y(value: float) -> float:
        return height - bottom - (value - low) / max(high - low, 1) * (height - top - bottom)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for power in range(low, high + 1):
        parts.append(
            f'<line x1="{left}" x2="{width - right}" y1="{y(power):.1f}" y2="{y(power):.1f}" stroke="#ddd"/>'
            f'<text x="{left - 8}" y="{y(power) + 4:.1f}" text-anchor="end">{10**power:g} ms</text>'
        )
    for size, at in zip(sizes, spans, strict=True):
        parts.append(
            f'<text x="{x(at):.1f}" y="{height - bottom + 20}" text-anchor="middle">'
            f"{size.spans / 1e6:,.1f} M spans</text>"
        )
    names = sorted(sizes[-1].seconds, key=lambda name: -sizes[-1].seconds[name])
    label_y = 0.0
    for number, name in enumerate(names):
        colour = f"hsl({360 * number // len(names)}, 65%, 42%)"
        values = [math.log10(1000 * size.seconds[name]) for size in sizes]
        points = " ".join(f"{x(at):.1f},{y(v):.1f}" for at, v in zip(spans, values, strict=True))
        # Labels do not lie over each other.
        label_y = max(label_y + 15, y(values[-1]) + 4)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<text x="{width - right + 8}" y="{label_y:.1f}" fill="{colour}">'
            f"{questions[name].title} ({exponent(sizes, name):.2f})</text>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
