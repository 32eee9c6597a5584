"""The Spark session of a run: its properties come from conf/spark, as spark-submit's do."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from basketgraph.foundation.config import Config, UserError, conf_without_shop, data_text
from basketgraph.foundation.interrupt import kept_interrupt
from basketgraph.foundation.paths import PACKAGE, local_folder
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.spark_log import last_lines, log_place, new_profile, opened_log

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger("basketgraph")
SUBMITTED = "PYSPARK_GATEWAY_PORT"  # spark-submit's JVM is there before this process
NO_SUCH_SYSTEM = ("UnsupportedFileSystemException", "ClassNotFoundException")  # what Java says of a scheme whose package is not there


def properties(text: str) -> dict[str, str]:
    """A spark-submit properties file as a dict: `key value` a line, with space, tab, `=` or `:` between them, and # comments."""
    pairs = {}
    for line in text.splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            key, value = [*re.split(r"\s*[=:\s]\s*", line, maxsplit=1), ""][:2]
            if not value:
                raise UserError("spark properties: want `key value` on each line", [f"have {line!r}"])
            pairs[key] = value
    return pairs


class SparkNotStarted(RuntimeError):
    """The JVM ended before there was a session; the message holds what it printed last."""

    exit_code = 1


_log: Path | None = None  # of the JVM that this process starts


def spark_log() -> Path | None:
    """The log of the JVM that this process started; None where it started none (under spark-submit)."""
    return _log


def announce_spark(conf: Config, *, make_warehouse: bool = False) -> None:
    """Log that Spark is being started and where its own log is, unless it runs already. Called before slow imports.

    make_warehouse: whether the warehouse's folder may be made for the log.
    """
    global _log
    pyspark = sys.modules.get("pyspark")
    runs = SUBMITTED in os.environ or (pyspark is not None and pyspark.SparkContext._gateway is not None)
    if _log is None and not runs:
        _log = log_place(conf.warehouse, make_warehouse=make_warehouse)
        log.info("starting Spark, whose log is %s", _log)


def _start(spark_properties: Mapping[str, str], app: str, place: Path) -> None:
    """Start a JVM and a SparkContext in it. What the JVM and Python workers print goes to `place`: a command's output is its own answer."""
    from py4j.protocol import Py4JError
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException
    from pyspark.java_gateway import launch_gateway

    conf = SparkConf().setAppName(app).setAll(list(spark_properties.items()))
    try:
        with opened_log(place) as stream, kept_interrupt():
            gateway = launch_gateway(conf, {"stdout": stream, "stderr": stream})  # type: ignore[no-untyped-call]
            SparkContext(conf=conf, gateway=gateway)
    except (PySparkException, Py4JError) as error:
        raise SparkNotStarted(f"Spark did not start. The last lines of {place}:\n{last_lines(place)}") from error


def event_log(folder: Path) -> dict[str, str]:
    """Spark's properties for an event log in one file below `folder`."""
    kept = {"enabled": "true", "dir": str(folder), "rolling.enabled": "false", "compress": "true", "compression.codec": "zstd"}
    return {f"spark.eventLog.{name}": value for name, value in kept.items()}


def spark_session(conf: Config, app: str, *, run_id: str | None = None) -> SparkSession:
    """The session this process has (under spark-submit), or a new one with the environment's properties.

    run_id: whose event log is kept where the environment says `profile`.
    errors: SparkNotStarted where there is no JVM, or it does not take the properties.
    """
    announce_spark(conf)
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    # Executors must run the interpreter that has our packages, not whatever `python3` is first on the PATH.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(app)
    if SparkSession.getActiveSession() is None and SUBMITTED not in os.environ:
        from_file = properties(data_text(conf.environment.spark_conf))
        if SparkContext._gateway is None and _log is not None:
            if conf.environment.profile and run_id is not None:
                from_file |= event_log(new_profile(_log.parent, run_id))
            at("starting Spark")
            _start(from_file, app, _log)
            at("Spark has started")
        for key, value in from_file.items():
            builder = builder.config(key, value)
    with kept_interrupt():
        session: SparkSession = builder.getOrCreate()
    # Times are instants in UTC for all that reads and writes them; submitted without conf/spark, Spark would take the machine's zone.
    session.conf.set("spark.sql.session.timeZone", "UTC")
    session.sparkContext.setLogLevel("ERROR")
    want_reachable(session, {"warehouse": conf.warehouse, "work_dir": conf.environment.work_dir, "landing": conf.source.get("landing")})
    return session


def session_without_shop(app: str) -> SparkSession:
    """A session of this machine for work on plain files, which has no warehouse. errors: as of `spark_session`."""
    return spark_session(conf_without_shop(app), app)


def want_reachable(spark: SparkSession, places: Mapping[str, object]) -> None:
    """Raises UserError with each of the paths that this JVM cannot carry: those of a scheme that Hadoop has no file system for, and those with
    letters that its locale lacks, which Java would take for question marks.
    """
    from py4j.protocol import Py4JJavaError

    jvm, faults = spark._jvm, []
    encoding = str(jvm.java.lang.System.getProperty("sun.jnu.encoding"))  # type: ignore[union-attr]
    for name, place in places.items():
        if not isinstance(place, str) or place.startswith(PACKAGE):
            continue
        if local_folder(place) is None:
            try:
                jvm.org.apache.hadoop.fs.Path(place).getFileSystem(spark._jsc.hadoopConfiguration())  # type: ignore[union-attr]
            except Py4JJavaError as error:  # any other may be gone at the next try
                if any(text in str(error.java_exception) for text in NO_SUCH_SYSTEM):
                    faults.append(f"{name}: want a path, or a URL of a file system that Hadoop knows, have {place}: {error.java_exception}")
        elif not _encodes(encoding, place):
            faults.append(f"{name}: want letters of the locale, which is {encoding}, have {place}: export LC_ALL=C.UTF-8")
    if faults:
        raise UserError("paths cannot be used", faults, "docs/operating.md says which packages the stores of a cluster want.")


def _encodes(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    except LookupError:  # Java knows it, Python does not
        pass
    return True
