"""The tables, as Markdown."""

import math
from collections.abc import Callable, Sequence

from . import machine
from .question import Question
from .run import Results
from .system import System



def written(
    results: Results,
    systems: dict[str, System],
    questions: dict[str, Question],
    about: Sequence[tuple[str, str]],
) -> str:
    """The whole report."""
    names = [name for name in systems if name in results.versions]
    others = [name for name in names if name != "spanlake"]
    versions = dict.fromkeys(results.versions[name] for name in names)
    facts = [*about, ("Versions", ", ".join(versions))]
    facts += [("Others' load", f"{results.others_cores:.2f} cores while the questions were asked")]
    parts = [
        "# Side by side: results\n\nWritten by `benches/side_by_side/run`; how to read it is in "
        "[README.md](README.md).\n",
        table(["", ""], facts),
        "## Load and size\n",
        _load(results, names),
        "## Warm\n\nMedian in milliseconds. \"Against the fastest\" is the fastest other system's "
        "time divided by Spanlake's: above 1, Spanlake is faster.\n",
        _times(results, questions, names, others, lambda cell: cell.warm),
        _summary(results, questions, names, others),
        *_calls(results, questions, others),
        "## First time\n\nThe first asking in a running process, in milliseconds.\n",
        _times(results, questions, names, others, lambda cell: cell.first),
        "## The questions\n",
        "\n".join(f"- **{question.title}**: {question.about}" for question in questions.values()),
        "",
    ]
    trouble = _trouble(results, questions)
    if trouble:
        parts += ["## Not answered, or not as the others did\n", trouble, ""]
    return "\n".join(parts)


def _load(results: Results, names: list[str]) -> str:
    rows = []
    for name in names:
        loaded = results.loaded.get(name)
        rows.append(
            (
                name,
                f"{results.spans / loaded.seconds:,.0f}" if loaded else "-",
                f"{loaded.seconds:.1f}" if loaded else "-",
                f"{loaded.settle_seconds:.1f}" if loaded and loaded.settle_seconds else "-",
                _mib(loaded.peak_bytes) if loaded else "-",
                f"{results.stored_bytes[name] / results.spans:.1f}",
                _mib(results.peak_bytes.get(name)),
            )
        )
    head = ["System", "Load spans/s", "Load s", "Merge s", "Load peak MiB", "Bytes per span"]
    return table([*head, "Query peak MiB"], rows)


def _mib(count: int | None) -> str:
    return f"{count / machine.MIB:,.0f}" if count else "-"


Time = Callable[..., float | None]


def _times(
    results: Results,
    questions: dict[str, Question],
    names: list[str],
    others: list[str],
    time: Time,
) -> str:
    rows = []
    for key, question in questions.items():
        cells = results.cells.get(key, {})
        times = {name: time(cells[name]) if name in cells else None for name in names}
        fastest = _fastest(times, others)
        ours = times.get("spanlake")
        rows.append(
            (
                f"{key[1:3]} {question.title}",
                *(_ms(times[name]) for name in names),
                fastest[0] if fastest else "-",
                f"{fastest[1] / ours:.2f}" if fastest and ours else "-",
            )
        )
    return table(["Question", *names, "Fastest other", "Against the fastest"], rows)


def _fastest(times: dict[str, float | None], others: list[str]) -> tuple[str, float] | None:
    known = [(name, seconds) for name in others if (seconds := times.get(name)) is not None]
    return min(known, key=lambda pair: pair[1], default=None)


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{1000 * seconds:.1f}" if seconds < 0.1 else f"{1000 * seconds:,.0f}"


def _summary(
    results: Results, questions: dict[str, Question], names: list[str], others: list[str]
) -> str:
    """Geometric means over the questions that every system named answered."""
    ratios: dict[str, float] = {}
    pairs: dict[str, list[float]] = {name: [] for name in others}
    for key, cells in results.cells.items():
        if not questions[key].counts or "spanlake" not in cells:
            continue
        times = {name: cells[name].warm for name in names}
        ours, fastest = times["spanlake"], _fastest(times, others)
        if ours is None or fastest is None:
            continue
        ratios[key] = fastest[1] / ours
        for name in others:
            theirs = times[name]
            if theirs is not None:
                pairs[name].append(theirs / ours)
    if not ratios:
        return ""
    worst = min(ratios, key=lambda key: ratios[key])
    lines = [
        f"Over {len(ratios)} questions, against the fastest other system of each: geometric mean "
        f"**{_mean(list(ratios.values())):.2f}**, worst {ratios[worst]:.3f} "
        f"({questions[worst].title}).\n",
        "Geometric mean against one system: "
        + ", ".join(f"{name} {_mean(values):.2f}" for name, values in pairs.items() if values)
        + ".\n",
    ]
    slower = [f"{questions[key].title} ({ratio:.2f})" for key, ratio in ratios.items() if ratio < 1]
    if slower:
        lines.append("Slower than the fastest: " + ", ".join(slower) + ".\n")
    return "\n".join(lines)


def _calls(
    results: Results, questions: dict[str, Question], others: list[str]
) -> tuple[str, ...]:
    rows = []
    for key, cell in results.calls.items():
        question, answers = questions[key], results.cells.get(key, {})
        fastest = _fastest({name: answers[name].warm for name in others if name in answers}, others)
        rows.append(
            (
                f"{key[1:3]} {question.title}",
                f"`{' '.join((question.call or '').split())}`",
                f"{cell.rows:,}",
                _ms(cell.warm),
                f"{fastest[1] / cell.warm:.2f}" if fastest and cell.warm else "-",
            )
        )
    if not rows:
        return ()
    return (
        "## As one call\n\nWhat Spanlake has a function for. A function says more than the question asks: "
        "`slow_causes` compares with typical traces, `compare` looks at all spans of a trace and tests for chance, "
        "`anomalies` knows six weeks. So its answer is not compared with the others', and its time is beside "
        "theirs for the simple question.\n",
        table(["Question", "Call", "Rows", "Milliseconds", "Against the fastest"], rows),
    )


def _mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def _trouble(results: Results, questions: dict[str, Question]) -> str:
    lines = [f"- {name}: {message}" for name, message in results.failed.items()]
    for key, question in questions.items():
        if question.missing:
            lines.append(f"- {question.title}: {question.missing}")
        for name, cell in results.cells.get(key, {}).items():
            if cell.failure or cell.wrong:
                lines.append(f"- {question.title}, {name}: {cell.failure or cell.wrong}")
    return "\n".join(lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; all columns but the first are numbers."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
