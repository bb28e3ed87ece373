"""Measures the data path side by side with what one would use instead; docs/benchmarks/packaging.md says how to read it.

`packaging.py BINARY KEY FOLDER ROUNDS CASES FACTOR...`: in FOLDER are `tpch-sf1` and others with `lineitem` of TPC-H at those scale
factors. CASES are names, also `encoders` and `stages`, with commas between; nothing: all of them. Prints Markdown and writes
docs/benchmarks/packaging.json, in which cases that were not measured stay as they are, and packaging.svg.
"""

import dataclasses
import json
import pathlib
import subprocess
import sys

import measure
import plot
from peers import Bench

DOCS = pathlib.Path(__file__).parents[2] / "docs" / "benchmarks"
MONTHS = "WHERE l_shipdate >= DATE '1997-01-01' AND l_shipdate < DATE '1997-04-01'"
DEAREST = "ORDER BY l_extendedprice DESC, l_orderkey, l_linenumber"
ONE_CORE = {0}


@dataclasses.dataclass
class Case:
    """One report of ours, and what is compared with it."""

    name: str
    definition: str
    package: str
    peer: str
    # The peer's pipeline, from the file that it writes.
    pipeline: object
    # The level of deflate of ours.
    level: int = 1
    ours_cores: set | None = None
    # What is compared: seconds of wall clock, or of processors.
    figure: str = "wall"
    # Slow, and far enough apart that once will do.
    once: bool = False


def cases(bench):
    csv = bench.duckdb
    ours = bench.ours
    return [
        Case("zip-aes256", "lineitem", "aes256", "DuckDB | 7zz -mx=1", lambda out: [csv(), bench.seven_zip(1, out)]),
        Case("zip-aes256-python", "lineitem", "aes256", "pyarrow, pyzipper", lambda out: [bench.pyarrow(out)],
             once=True),
        Case("zip-zipcrypto", "lineitem", "zipcrypto", "DuckDB | zip -1", lambda out: [csv(), bench.zip(1, out)]),
        Case("openpgp", "lineitem", "openpgp", "DuckDB | gpg, zlib 1", lambda out: [csv(), bench.gpg(1, out)]),
        Case("csv", "lineitem", "plain", "DuckDB", lambda out: [csv(out=out)]),
        Case("csv-cpu", "lineitem", "plain", "DuckDB, one thread", lambda out: [csv(threads=1, out=out)], figure="cpu"),
        Case("scan", "lineitem_filter", "plain", "DuckDB", lambda out: [csv(MONTHS, out=out)]),
        Case("sort", "lineitem_sort", "plain", "DuckDB", lambda out: [csv(DEAREST, out=out)], once=True),
        Case("one-core", "lineitem", "aes256", "ours, two cores", lambda out: ours("lineitem", "aes256")[0],
             ours_cores=ONE_CORE),
        Case("one-core-openpgp", "lineitem", "openpgp", "ours, two cores", lambda out: ours("lineitem", "openpgp")[0],
             ours_cores=ONE_CORE),
        Case("zip-zipcrypto-level-6", "lineitem", "zipcrypto", "DuckDB | zip -6",
             lambda out: [csv(), bench.zip(6, out)], level=6, once=True),
        Case("openpgp-level-6", "lineitem", "openpgp", "DuckDB | gpg, zlib 6",
             lambda out: [csv(), bench.gpg(6, out)], level=6, once=True),
    ]


def large_cases(bench):
    return [
        Case("scan-sf10", "lineitem_filter", "plain", "DuckDB", lambda out: [bench.duckdb(MONTHS, out=out)], once=True),
        Case("zip-aes256-sf10", "lineitem", "aes256", "DuckDB, plain CSV", lambda out: [bench.duckdb(out=out)], once=True),
        Case("sort-sf10", "lineitem_sort", "plain", "DuckDB", lambda out: [bench.duckdb(DEAREST, out=out)], once=True),
    ]


def measured(bench, case, rounds):
    """Both, by turns."""
    ours, peers = [], []
    command, out = bench.ours(case.definition, case.package)
    own_peer = case.peer.startswith("ours")
    for _ in range(rounds):
        peer_out = out if own_peer else bench.work / "peer"
        pipeline = case.pipeline(peer_out if own_peer else peer_out)
        # 7-Zip and Info-ZIP add to what is there, and name it themselves.
        peers.append(measure.run(pipeline, peer_file(pipeline, peer_out)))
        ours.append(measure.run(command, out, case.ours_cores, {"WAYBILL_DEFLATE_LEVEL": str(case.level)}))
        peer_file(pipeline, peer_out).unlink(missing_ok=True)
        out.unlink(missing_ok=True)
    return measure.medians(ours), measure.medians(peers)


def peer_file(pipeline, out):
    """Where the peer's file is; programs for ZIP add an extension."""
    return out.with_name(f"{out.name}.zip") if pipeline[-1][0] in ("7zz", "zip") else out


def entry(case, ours, peer):
    of = (lambda run: run.cpu) if case.figure == "cpu" else (lambda run: run.wall)
    return {
        "case": case.name,
        "figure": round(of(ours), 3),
        "unit": "CPU s" if case.figure == "cpu" else "s",
        "peer": case.peer,
        "ratio": round(of(ours) / of(peer), 4),
        "peak_rss_mib": round(ours.rss, 1),
        "output_ratio": round(ours.size / peer.size, 4),
    }


def row(case, ours, peer):
    ratio = entry(case, ours, peer)["ratio"]
    cells = [
        f"`{case.name}`", f"{ours.wall:.2f}", f"{ours.cpu:.2f}", f"{ours.rss:.0f}", f"{ours.size / 1e6:.1f}", case.peer.replace("|", "\\|"),
        f"{peer.wall:.2f}", f"{peer.cpu:.2f}", f"{peer.rss:.0f}", f"{peer.size / 1e6:.1f}", f"**{ratio:.3f}**",
        f"{ours.size / peer.size:.3f}",
    ]
    return f"| {' | '.join(cells)} |"


HEAD = """| case | s | CPU s | MiB | MB | peer | s | CPU s | MiB | MB | ratio | of size |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


def lines_of(command):
    """What it prints: a JSON object a line. On one processor, so that a rate is that of a thread."""
    told = subprocess.run(["taskset", "-c", "0", *command], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in told.stdout.splitlines()]


def encoders(bench, rounds):
    entries = []
    for told in lines_of([bench.binary, "encoders", bench.parquet, "1000000", str(rounds)]):
        print(f"| `{told['case']}` | {told['mb_per_s']:.0f} | {told['arrow_mb_per_s']:.0f} | **{told['ratio']:.2f}** |", flush=True)
        entries.append({
            "case": told["case"], "figure": round(told["mb_per_s"], 1), "unit": "MB/s", "peer": "arrow-csv",
            "ratio": round(told["ratio"], 3), "peak_rss_mib": None, "output_ratio": 1.0,
        })
    return entries


def stages(bench):
    definition = str(pathlib.Path(__file__).parent / "lineitem.toml")
    command = [bench.binary, "stages", str(bench.data), definition, "acme", bench.key, str(bench.work)]
    entries = []
    for told in lines_of(command):
        ratio = f"{told['ratio']:.2f}" if "ratio" in told else ""
        print(f"| {told['stage']} | {told['mb_per_s']:,.0f} | {ratio} |", flush=True)
        entries.append({
            "case": f"stage: {told['stage']}", "figure": round(told["mb_per_s"], 1), "unit": "MB/s", "peer": None,
            "ratio": None, "peak_rss_mib": None, "output_ratio": None,
        })
    return entries


def kept(entries):
    """All figures: these, and of other cases those of before."""
    path = DOCS / "packaging.json"
    before = json.loads(path.read_text()) if path.exists() else []
    measured = {entry["case"]: entry for entry in entries}
    kept = [measured.pop(entry["case"], entry) for entry in before] + list(measured.values())
    path.write_text(json.dumps(kept, indent=2) + "\n")
    return kept


def main():
    binary, key, folder, rounds, wanted, *factors = sys.argv[1:]
    folder, wanted = pathlib.Path(folder).resolve(), wanted.split(",") if wanted else None
    work = folder / "packaging"
    work.mkdir(exist_ok=True)
    bench = Bench(sys.executable, binary, key, folder / "tpch-sf1", work)
    entries = []

    def is_wanted(name):
        return wanted is None or name in wanted

    def run(bench, chosen):
        print(HEAD, flush=True)
        for case in filter(lambda case: is_wanted(case.name), chosen):
            ours, peer = measured(bench, case, 1 if case.once else int(rounds))
            print(row(case, ours, peer), flush=True)
            entries.append(entry(case, ours, peer))
        print()

    run(bench, cases(bench))
    if "10" in factors:
        bigger = Bench(sys.executable, binary, key, folder / "tpch-sf10", work)
        run(bigger, large_cases(bigger))
    if is_wanted("encoders"):
        print("| rows | ours, MB/s | arrow-csv, MB/s | ratio |\n|---|---|---|---|", flush=True)
        entries += encoders(bench, 2 * int(rounds) + 1)
    if is_wanted("stages"):
        print("\n| stage | MB of text per second, one thread | ratio of sizes |\n|---|---|---|", flush=True)
        entries += stages(bench)
    DOCS.joinpath("packaging.svg").write_text(plot.bars(kept(entries)))


main()
