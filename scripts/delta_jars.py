"""Resolve Delta's jars with Ivy, as Spark's own start does, so that later starts are offline; with a folder as argument, copy them there too.

On a cluster without a way out, conf/spark/cluster.conf names the copies under `spark.jars` instead of `spark.jars.packages`.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from urllib.parse import urlparse

from pyspark.sql import SparkSession

from basketgraph.foundation.config import data_text
from basketgraph.foundation.runs.session import properties

ATTEMPTS = 3  # a registry that stumbles once is no reason to fail a set-up


def resolved(packages: str) -> list[Path]:
    """The jars of `group:artifact:version,...` in Ivy's cache, those they need among them."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[1]").appName("jars").config("spark.jars.packages", packages).config("spark.ui.enabled", "false")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            spark = builder.getOrCreate()
        except Exception as error:
            print(f"attempt {attempt} of {ATTEMPTS}: {error}", file=sys.stderr)
            continue
        jars = spark.sparkContext.getConf().get("spark.jars") or ""
        spark.stop()
        return [Path(urlparse(jar).path) for jar in jars.split(",") if jar]
    sys.exit(f"{packages}: not resolved. Is Maven's central repository reachable from here (or a mirror of it in Ivy's settings)?")


def file_name(jar: Path) -> str:
    """Ivy puts the group before the name: `io.delta_delta-spark_2.13-4.0.1.jar` is delta-spark_2.13-4.0.1.jar."""
    return jar.name.split("_", 1)[1]


def main(arguments: list[str]) -> None:
    jars = resolved(properties(data_text("conf/spark/local.conf"))["spark.jars.packages"])
    for folder in arguments:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for jar in jars:
            shutil.copyfile(jar, Path(folder) / file_name(jar))
            print(Path(folder) / file_name(jar))


if __name__ == "__main__":
    main(sys.argv[1:])
