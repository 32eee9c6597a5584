"""The Spark session of a run: its properties come from conf/spark, as spark-submit's do."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from py4j.protocol import Py4JJavaError

from basketgraph.config import Config, Mistake, data_text
from basketgraph.paths import PACKAGE, local_folder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NO_SUCH_SYSTEM = ("UnsupportedFileSystemException", "ClassNotFoundException")  # what Java says of a scheme whose package is not there


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
        with _prints_to_stderr():
            builder.getOrCreate()
    session: SparkSession = builder.getOrCreate()
    # Times are instants in UTC for all that reads and writes them; submitted without conf/spark, Spark would take the machine's zone.
    session.conf.set("spark.sql.session.timeZone", "UTC")
    session.sparkContext.setLogLevel("ERROR")
    want_reachable(session, {"warehouse": conf.warehouse, "work_dir": conf.environment.work_dir, "landing": conf.source.get("landing")})
    return session


def want_reachable(spark: SparkSession, places: Mapping[str, object]) -> None:
    """Raises Mistake with each of the paths that this JVM cannot carry: those of a scheme that Hadoop has no file system for, and those with
    letters that its locale lacks, which Java would take for question marks.
    """
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
        raise Mistake("paths cannot be used", faults, "docs/operating.md says which packages the stores of a cluster want.")


def _encodes(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    except LookupError:  # Java knows it, Python does not
        pass
    return True
