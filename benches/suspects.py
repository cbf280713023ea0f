"""Is the cause of an incident the first suspect? Asks about every incident of many made-up shops.

    python3 benches/suspects.py --spanlake target/release/spanlake --seeds 50 > benches/SUSPECTS.md

Each seed is a lake of its own, made by `spanlake generate`, which says what goes wrong in it, and where. Bad are
the traces of the root operations that complain, while they do (and of the region, where it is one region's);
good is what `suspects` takes by itself. Needs nothing but Python.
"""

import argparse
import collections
import datetime
import json
import pathlib
import subprocess
import tempfile


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def moment(nanoseconds):
    return datetime.datetime.fromtimestamp(nanoseconds / 1e9, datetime.timezone.utc).isoformat()


def bad_traces(incident):
    operations = " OR ".join(
        f"(root_service_name = '{service}' AND root_span_name = '{span}')"
        for service, span in incident["root_operations"]
    )
    window = (
        f"start_time >= '{moment(incident['start_ns'])}' AND start_time < '{moment(incident['end_ns'])}'"
    )
    regions = [f" AND cloud_region = '{value}'" for key, value in incident["attributes"] if key == "cloud.region"]
    return f"{window} AND ({operations}){''.join(regions)}"


def ranks(spanlake, spans, seed):
    """For each incident of a seed: its kind, and the rank of the service that caused it."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        data, incidents, lake = folder / "shop.otlp.binpb", folder / "incidents.json", folder / "lake"
        run(spanlake, "generate", "--spans", str(spans), "--seed", str(seed), "--days", "8",
            "--out", str(data), "--incidents", str(incidents))
        run(spanlake, "import", "--lake", str(lake), str(data))
        for incident in json.loads(incidents.read_text()):
            bad = bad_traces(incident).replace("'", "''")
            sql = f"SELECT service_name, bad_traces FROM suspects('{bad}') ORDER BY rank"
            answer = run(spanlake, "sql", "--lake", str(lake), "--format", "csv", sql).splitlines()[1:]
            services = [line.split(",")[0] for line in answer]
            found = incident["service_name"] in services
            bad_count = float(answer[0].split(",")[1]) if answer else 0
            yield incident["kind"], services.index(incident["service_name"]) + 1 if found else 99, bad_count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spanlake", default="target/release/spanlake")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--spans", type=int, default=100_000)
    args = parser.parse_args()
    found = collections.defaultdict(list)
    for seed in range(1, args.seeds + 1):
        for kind, rank, bad in ranks(args.spanlake, args.spans, seed):
            found[kind].append((rank, bad))
            found["all"].append((rank, bad))
    print("# Suspects\n")
    print(f"`suspects` on the incidents of {args.seeds} made-up shops of {args.spans:,} spans in eight days each"
          " (`benches/suspects.py`): how often\nthe service that caused it is the first row, or among the first"
          " three.\n")
    print("| Incident | Cases | Bad traces (median) | First | Among three |")
    print("|---|---:|---:|---:|---:|")
    for kind, cases in sorted(found.items(), key=lambda item: (item[0] == "all", item[0])):
        middle = sorted(bad for _, bad in cases)[len(cases) // 2]
        first, three = (sum(rank <= most for rank, _ in cases) for most in (1, 3))
        print(f"| {kind} | {len(cases)} | {middle:,.0f} | {first} | {three} |")


main()
