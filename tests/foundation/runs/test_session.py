"""Spark's properties: one file for spark-submit and for the local runner."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from basketgraph.foundation.config import CONF_VARIABLE, UserError, data_files, data_text, data_yaml
from basketgraph.foundation.runs.session import properties

NEEDED = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}

ONE_MACHINE = {  # of local.conf: sizes, and what a cluster is told elsewhere or does well without
    "spark.master",
    "spark.driver.memory",
    "spark.driver.extraJavaOptions",
    "spark.sql.shuffle.partitions",
    "spark.sql.sources.parallelPartitionDiscovery.threshold",
    "spark.sql.files.maxPartitionBytes",
    "spark.databricks.delta.snapshotPartitions",
    "spark.ui.enabled",
    "spark.ui.showConsoleProgress",
    "spark.executorEnv.OPENBLAS_NUM_THREADS",
}
CLUSTER = {"spark.dynamicAllocation.enabled", "spark.task.maxFailures"}


def test_properties_are_read_as_spark_submit_reads_them() -> None:
    assert properties("# note\n\nspark.a   1\nspark.b\t-Da=b -Dc=d\n  spark.c=7\n") == {"spark.a": "1", "spark.b": "-Da=b -Dc=d", "spark.c": "7"}


def test_a_line_without_a_value_is_a_mistake() -> None:
    with pytest.raises(UserError, match=r"spark\.a"):
        properties("spark.a\n")


@pytest.mark.parametrize("environment", [stem for stem, _ in data_files("conf/environments")])
def test_every_environment_names_properties_with_what_the_suite_needs(environment: str) -> None:
    given = properties(data_text(data_yaml(f"conf/environments/{environment}.yaml")["spark_conf"]))
    assert {key: given.get(key) for key in NEEDED} == NEEDED
    assert given["spark.jars.packages"] == f"io.delta:delta-spark_2.13:{version('delta-spark')}"


def test_one_machine_and_a_cluster_differ_in_sizes_alone() -> None:
    local, cluster = (properties(data_text(f"conf/spark/{name}.conf")) for name in ("local", "cluster"))
    assert (set(local) - set(cluster), set(cluster) - set(local)) == (ONE_MACHINE, CLUSTER)
    shared = set(local) & set(cluster)
    assert {key: cluster[key] for key in shared} == {key: local[key] for key in shared}


def test_the_packages_that_s3_wants_are_told_in_the_versions_that_fit() -> None:
    import pyspark

    (hadoop,) = (Path(pyspark.__file__).parent / "jars").glob("hadoop-client-api-*.jar")
    told = data_text("conf/spark/cluster.conf")
    assert f"org.apache.hadoop:hadoop-aws:{hadoop.stem.removeprefix('hadoop-client-api-')} " in told
    assert f"io.delta:delta-storage-s3-dynamodb:{version('delta-spark')};" in told


def test_the_local_runner_starts_with_the_files_properties_prints_to_its_log_and_leaves_the_working_folder_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own: driver memory must be set before the JVM starts."""
    shipped = data_text("conf/spark/local.conf")
    monkeypatch.setenv(CONF_VARIABLE, str(tmp_path))
    folder, working = tmp_path / "conf" / "spark", tmp_path / "working"
    folder.mkdir(parents=True)
    working.mkdir()
    changed = {"spark.master": "local[1]", "spark.driver.memory": "600m", "spark.sql.session.timeZone": "PST"}
    kept = [line for line in shipped.splitlines() if line.split(" ")[0] not in changed]
    (folder / "local.conf").write_text("\n".join([*kept, *(f"{key} {value}" for key, value in changed.items())]))
    code = f"""
from basketgraph.foundation.config import UserError, load
from basketgraph.foundation.runs.arguments import log_to_stderr
from basketgraph.foundation.runs.session import announce_spark, spark_log, spark_session, want_reachable
log_to_stderr()
conf = load("local", "complete_journey", {{"warehouse": {str(tmp_path / "new" / "warehouse")!r}}})
announce_spark(conf, make_warehouse=True)
spark = spark_session(conf, "test")
megabytes = spark._jvm.java.lang.Runtime.getRuntime().maxMemory() >> 20
again = spark_session(conf, "another name")
spark._jvm.java.lang.System.out.println("what the JVM prints")
assert spark.sql("SHOW TABLES").collect() == []
want_reachable(spark, {{"warehouse": "/w", "work_dir": None, "landing": "package:caf\u00e9/x"}})
try:
    want_reachable(spark, {{"warehouse": "a:/b", "landing": "/caf\u00e9"}})
except UserError as mistake:
    assert [fault.split(",")[0] for fault in mistake.faults] == ["warehouse: want a path", "landing: want letters of the locale"], mistake.faults
else:
    raise AssertionError("Java would look for /caf?")
print(spark.sparkContext.master, 400 < megabytes <= 600, spark.sparkContext.appName, spark is again, spark.conf.get("spark.sql.session.timeZone"))
print(spark_log())
"""
    bare = {**os.environ, "LC_ALL": "C"}  # as cron and containers start programs
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=working, env=bare)
    assert done.returncode == 0, done.stderr
    told, place = done.stdout.splitlines()
    assert told.split() == ["local[1]", "True", "test", "True", "UTC"], "instants are in UTC whatever the properties say"
    (line,) = done.stderr.splitlines()
    assert line.endswith(f"starting Spark, whose log is {place}")
    assert Path(place).parent == tmp_path / "new" / "warehouse" / "logs"
    assert "what the JVM prints" in Path(place).read_text()
    assert list(working.iterdir()) == []


def test_where_the_jvm_does_not_start_the_last_lines_of_its_log_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "no java"))
    code = """
import sys
from basketgraph.foundation.runs.arguments import exit_code_of
from basketgraph.foundation.config import load
from basketgraph.foundation.runs.session import spark_session
try:
    spark_session(load("local", "complete_journey", {"warehouse": sys.argv[1]}), "test")
except Exception as error:
    sys.exit(exit_code_of(error, debug=False))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    (log,) = (tmp_path / "logs").iterdir()
    assert done.returncode == 1
    assert f"Spark did not start. The last lines of {log}:" in done.stderr
    assert str(tmp_path / "no java") in done.stderr
    assert "Traceback" not in done.stderr
