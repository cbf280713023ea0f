"""The command line. See benches/README.md."""

import argparse
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from . import data, growth, machine, percentiles, profile, receiving, report, run
from .question import Question, all_questions
from .scope import Scope
from .system import Source, System
from .systems import all_systems

REPOSITORY = Path(__file__).resolve().parents[2]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/side_by_side/run", description=__doc__)
    add = parser.add_argument
    add("--spans", "--scale", type=int, default=5_000_000, help="about how many (default: %(default)s)")
    add("--days", type=int, default=28, help="how many days they cover (default: %(default)s)")
    add("--start", default="2026-11-09", help="the first day (default: %(default)s)")
    add("--seed", type=int, default=46, help="of the data set (default: %(default)s)")
    add("--spanlake", type=Path, help="the binary (default: the release build, made if need be)")
    add("--work-dir", type=Path, default=REPOSITORY / "target/side_by_side/work",
        help="folder for data and databases, up to 1 kB per span (default: under target/)")
    add("--keep", action="store_true", help="ask again what an earlier run loaded")
    add("--systems", nargs="+", metavar="NAME", help="only these, and the two that are always there: "
        "spanlake, whose data the others load, and duckdb-map, which checks the answers")
    add("--questions", nargs="+", metavar="WORD", help="only those whose name has one of the words")
    add("--warm", type=int, default=5, help="askings after the first one (default: %(default)s)")
    add("--timeout", type=float, default=120, help="seconds for one answer (default: %(default)s)")
    add("--out", type=Path, help="write the report here as well, such as benches/RESULTS.md")
    add("--profile", type=Path, help="write here where Spanlake's time goes in each question")
    add("--growth", type=int, nargs="+", metavar="SPANS", help="instead: Spanlake alone at these sizes; "
        "with --out FILE.md a plot is written beside it")
    add("--receiving", type=int, metavar="RATE", help="instead: look up traces of the lake of an earlier "
        "run while it receives so many spans per second")
    add("--percentiles", action="store_true", help="instead: approximate percentiles of one column")
    return parser.parse_args()


def release_build(with_load: bool) -> Path:
    """Builds Spanlake as it is shipped, and the load program if it is needed."""
    parts = ["-p", "cli"] + (["-p", "benches"] if with_load else [])
    run.say("building Spanlake: cargo build --release; the first time takes 15 minutes and more")
    if subprocess.run(["cargo", "build", "--release", "--locked", *parts], cwd=REPOSITORY).returncode:
        sys.exit("Spanlake does not build; see above")
    return REPOSITORY / "target/release/spanlake"


def main() -> int:
    options = arguments()
    began = time.monotonic()
    load_before = machine.load()
    work = options.work_dir.resolve()
    work.mkdir(parents=True, exist_ok=True)
    binary = options.spanlake or release_build(with_load=bool(options.receiving))
    source = Source(work / "spans.otlp.binpb", work / "parquet", binary.resolve())
    if not source.spanlake.exists():
        sys.exit(f"{binary} is not there; without --spanlake it is built")
    if options.percentiles:
        text = percentiles.measure(source.spanlake, work / "percentiles")
        print("\n" + text)
        if options.out:
            options.out.write_text(text)
        return 0
    scope = Scope.of(options.start, options.days)
    systems = {
        name: system
        for name, system in all_systems().items()
        if not options.systems or name in (*options.systems, "spanlake", run.REFERENCE)
    }
    questions = {
        name: question
        for name, question in all_questions().items()
        if not options.questions or any(word in name for word in options.questions)
    }
    databases = work / "databases"
    if options.growth:
        grow(options, source, work / "growth", scope, questions, began)
        return 0
    if options.receiving:
        scope = replace(scope, trace_ids=data.trace_ids(source, scope))
        load_program = source.spanlake.parent / "otlp_load"
        lake = databases / "spanlake" / "lake"
        question = all_questions()["q01_trace_by_id"]
        print(receiving.measure(source, lake, load_program, work / "receiving", options.receiving,
                                question, scope))
        return 0
    results = run.Results()
    if not options.keep:
        load(options, results, systems, source, scope, databases)
    results.spans = data.count_spans(source)
    scope = replace(scope, trace_ids=data.trace_ids(source, scope))
    run.ask(results, list(systems.values()), questions, source, databases, scope, options.warm,
            options.timeout)
    about = [
        *machine.described(),
        ("Date, commit", f"{machine.now()}, {machine.commit(REPOSITORY)}"),
        ("Data", f"{results.spans:,} spans, {options.days} days, seed {options.seed}, "
         f"{source.otlp.stat().st_size / results.spans:.0f} bytes per span as OTLP"),
        ("Load average", f"{load_before} before, {machine.load()} after"),
        ("Whole run", f"{(time.monotonic() - began) / 60:.1f} min"),
    ]
    text = report.written(results, systems, questions, about)
    print("\n" + text)
    if options.out:
        options.out.write_text(text)
    if options.profile:
        folder = databases / "spanlake"
        options.profile.write_text(profile.profile(source, folder, scope, questions))
    wrong = [cell for cells in results.cells.values() for cell in cells.values()
             if cell.failure or cell.wrong]
    return 1 if wrong or results.failed else 0


def grow(
    options: argparse.Namespace,
    source: Source,
    folder: Path,
    scope: Scope,
    questions: dict[str, Question],
    began: float,
) -> None:
    """Measures at several sizes, and writes a table and a plot."""
    sizes = [
        growth.measure(source, folder, spans, options.seed, scope, questions)
        for spans in sorted(options.growth)
    ]
    about = [
        *machine.described(),
        ("Date, commit", f"{machine.now()}, {machine.commit(REPOSITORY)}"),
        ("Data", f"{options.days} days, seed {options.seed}"),
        ("Whole run", f"{(time.monotonic() - began) / 60:.1f} min"),
    ]
    plot = options.out.with_suffix(".svg").name if options.out else "growth.svg"
    text = growth.written(sizes, questions, about, plot)
    print("\n" + text)
    if options.out:
        options.out.write_text(text)
        options.out.with_suffix(".svg").write_text(growth.drawn(sizes, questions))


def load(
    options: argparse.Namespace,
    results: run.Results,
    systems: dict[str, System],
    source: Source,
    scope: Scope,
    databases: Path,
) -> None:
    """Ours first, as the others load what it has."""
    for folder in (databases, source.parquet):
        shutil.rmtree(folder, ignore_errors=True)
    data.generate(source, options.spans, scope, options.seed)
    run.load(results, systems["spanlake"], source, databases)
    run.say("writing the Parquet files that the other systems load")
    data.export(databases / "spanlake" / "lake", source, scope)
    for name, system in systems.items():
        if name != "spanlake":
            run.load(results, system, source, databases)


if __name__ == "__main__":
    sys.exit(main())
