"""The Spark session of a run: its properties come from conf/spark, as spark-submit's do."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from basketgraph.config import Config, Mistake, data_text
from basketgraph.interrupt import kept_interrupt
from basketgraph.progress import at

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def properties(text: str) -> dict[str, str]:
    """A spark-submit properties file as a dict: `key value` a line, with space, tab, `=` or `:` between them, and # comments."""
    pairs = {}
    for line in text.splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            key, value = [*re.split(r"\s*[=:\s]\s*", line, maxsplit=1), ""][:2]
            if not value:
                raise Mistake("spark properties: want `key value` on each line", [f"have {line!r}"])
            pairs[key] = value
    return pairs


@contextmanager
def _prints_to_stderr() -> Iterator[None]:
    """What is started meanwhile has our stderr for its stdout: Delta's VACUUM prints, and a command's stdout is its own answer."""
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(own, 1)
        os.close(own)


def spark_session(conf: Config, app: str) -> SparkSession:
    """The session this process has (under spark-submit), or a new one with the environment's properties."""
    from pyspark.sql import SparkSession

    # Executors must run the interpreter that has our packages, not whatever `python3` is first on the PATH.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(app)
    if SparkSession.getActiveSession() is None and "PYSPARK_GATEWAY_PORT" not in os.environ:
        for key, value in properties(data_text(conf.environment.spark_conf)).items():
            builder = builder.config(key, value)
        at("starting Spark")
        with _prints_to_stderr(), kept_interrupt():
            builder.getOrCreate()
        at("Spark has started")
    with kept_interrupt():
        session: SparkSession = builder.getOrCreate()
    # Times are instants in UTC for all that reads and writes them; submitted without conf/spark, Spark would take the machine's zone.
    session.conf.set("spark.sql.session.timeZone", "UTC")
    session.sparkContext.setLogLevel("ERROR")
    return session
