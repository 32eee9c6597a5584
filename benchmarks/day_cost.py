"""What one more day costs when 30, 180 and 360 days are there: cleaning and user_days of Complete Journey's transactions, copied ten times.

For each number of days a fresh warehouse is filled with that many days in one delivery; then days are delivered one by one, each run timed as
`basketgraph run` runs it, checks and release included, start of Spark excluded. The middle one counts. The fill of 360 days is the rebuild that
the days are held against. The first day that is added goes unmeasured (compilers warm up).

    .venv/bin/python benchmarks/day_cost.py [--days 30,180,360] [--copies 10] [--added 3] [--work DIR]
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from clean_peers import STEPS, data_folder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHOP = "complete_journey"
PIPELINE = {"help": "cleaning and days alone", "steps": ["clean", "user_days", "publish"]}


def copied(day: pa.Table, copies: int) -> pa.Table:
    """The rows under `copies` sets of ids."""
    parts = []
    for copy in range(copies):
        moved = day
        for column in set(STEPS) & set(day.column_names):
            values = pc.add(day[column], pa.scalar(copy * STEPS[column], pa.int64()))
            moved = moved.set_column(moved.schema.get_field_index(column), column, values)
        parts.append(moved)
    return pa.concat_tables(parts)


def write_days(source: Path, folder: Path, copies: int) -> list[Path]:
    """One Parquet file for each UTC day of sales, oldest first."""
    rows = pq.read_table(source / "transactions.parquet")
    days = pc.cast(pc.floor_temporal(rows["transaction_timestamp"], unit="day"), pa.date32())
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for day in sorted(pc.unique(days).to_pylist()):
        file = folder / f"transactions_{day}.parquet"
        if not file.exists():
            pq.write_table(copied(rows.filter(pc.equal(days, day)), copies), file, version="1.0", use_deprecated_int96_timestamps=True)
        files.append(file)
    return files


def conf_folder(folder: Path, layout: str) -> Path:
    """The shop's mapping with events alone, a pipeline of the two steps, and contracts with the layout: clusterBy is what they ship with."""
    from basketgraph.foundation.config import data_text, data_yaml

    pipelines, mapping = data_yaml("conf/pipelines.yaml"), data_yaml(f"conf/sources/{SHOP}.yaml")
    pipelines["pipelines"] = {"all": PIPELINE}
    mapping["files"] = {"transactions": {**mapping["files"]["transactions"], "pattern": "*.parquet"}}
    mapping["tables"] = {"silver.events": mapping["tables"]["silver.events"]}
    (folder / "conf" / "sources").mkdir(parents=True)
    (folder / "conf" / "pipelines.yaml").write_text(yaml.safe_dump(pipelines))
    (folder / "conf" / "sources" / f"{SHOP}.yaml").write_text(yaml.safe_dump(mapping))
    for table in ("silver/events", "gold/user_days") if layout != "clusterBy" else ():
        contract = folder / "schemas" / f"{table}.yaml"
        contract.parent.mkdir(parents=True)
        contract.write_text(data_text(f"schemas/{table}.yaml").replace("clusterBy", layout))
    return folder


def timed_run(landing: Path, warehouse: Path) -> tuple[float, dict[str, float]]:
    """Seconds of a run, in all and a step."""
    from basketgraph.cli.runner import run_pipeline
    from basketgraph.foundation.config import load

    conf = load("local", SHOP, {"landing": str(landing), "warehouse": str(warehouse)})
    began = time.monotonic()
    outcome = run_pipeline(conf, "all")
    if outcome.error is not None:
        raise outcome.error
    return time.monotonic() - began, {step.name: round(step.seconds, 1) for step in outcome.steps}


def merge_of(warehouse: Path) -> dict[str, int]:
    """What Delta says of the newest MERGE into silver.events, and how many of the table's files hold rows of its days: all that it has to read."""
    from delta.tables import DeltaTable
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as F

    spark = SparkSession.getActiveSession()
    assert spark is not None
    place = f"{warehouse}/silver/events"
    (merge,) = DeltaTable.forPath(spark, place).history().where("operation = 'MERGE'").limit(1).collect()
    before = spark.read.format("delta").option("versionAsOf", merge["version"] - 1).load(place)
    days = [
        row[0]
        for row in spark.read.format("delta").load(place).where(F.col("run_id") == newest_run(spark, place)).select("event_date").distinct().collect()
    ]
    told = {key: int(merge["operationMetrics"][key]) for key in ("numTargetRowsInserted", "numTargetFilesAdded", "numTargetFilesRemoved")}
    return {"files": len(before.inputFiles()), "files_of_its_days": len(before.where(F.col("event_date").isin(days)).inputFiles()), **told}


def newest_run(spark: "SparkSession", place: str) -> str:
    """The run that wrote last; run ids sort by time."""
    (found,) = spark.read.format("delta").load(place).selectExpr("max(run_id)").first()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--days", default="30,180,360")
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--added", type=int, default=3, help="days that are added and timed (default: 3)")
    parser.add_argument("--layout", default="clusterBy", choices=("clusterBy", "partitionBy"), help="how tables lie by day (default: clusterBy)")
    parser.add_argument("--work", type=Path, help="where days and warehouses lie (default: a temporary folder)")
    given = parser.parse_args()
    from basketgraph.foundation.runs.job import log_to_stderr
    from basketgraph.foundation.runs.session import spark_session

    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        files = write_days(data_folder(), (given.work or Path(folder)) / f"days-{given.copies}", given.copies)
        os.environ["BASKETGRAPH_CONF"] = str(conf_folder(Path(folder) / "conf", given.layout))
        os.environ["BASKETGRAPH_KEY"] = "a key of the benchmark"
        log_to_stderr()
        from basketgraph.foundation.config import load

        spark_session(load("local", SHOP), "day cost").range(1).count()
        found = {}
        for days in (int(text) for text in given.days.split(",")):
            landing, warehouse = Path(folder) / f"landing-{days}", Path(folder) / f"warehouse-{days}"
            landing.mkdir()
            for file in files[:days]:
                os.link(file, landing / file.name)
            fill, steps = timed_run(landing, warehouse)
            print(f"{days:>4} days: filled in {fill:.1f} s {steps}", flush=True)
            added = []
            for number, file in enumerate(files[days : days + 1 + given.added]):
                os.link(file, landing / file.name)
                seconds, steps = timed_run(landing, warehouse)
                print(f"{days:>4} days: one more in {seconds:.1f} s {steps}{'' if number else ' (not counted)'}", flush=True)
                added += [seconds] if number else []
            found[days] = {"fill": fill, "added": statistics.median(added), "merge": merge_of(warehouse)}
            print(f"{days:>4} days: MERGE {found[days]['merge']}", flush=True)
            shutil.rmtree(warehouse)
        times = [one["added"] for one in found.values()]
        rebuild = max(one["fill"] for one in found.values())
        print(f"slowest / fastest day: {max(times) / min(times):.2f}; slowest day / rebuild: {max(times) / rebuild:.3f}")
        print(json.dumps(found))


if __name__ == "__main__":
    main()
