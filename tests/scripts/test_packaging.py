"""The zip for `spark-submit --py-files`: what is in it, and that a job needs nothing of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.tables.warehouse import RunTables

REPOSITORY = Path(__file__).resolve().parents[2]
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
LINES = ["536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom", "536366,22633,WARMER,2,2010-12-01 09:00:00,1.85,17851.0,France"]

# Runs as a job of its own: where the package comes from on the driver and in a Python worker, and that its data is found there.
PROBE = """
from pyspark.sql import SparkSession
import basketgraph
from basketgraph.foundation.config import data_text

def origin(rows):
    import basketgraph
    from basketgraph.foundation.contracts import contract
    for _ in rows:
        yield (str(basketgraph.__path__[0]), len(contract("silver.events").columns))

spark = SparkSession.builder.getOrCreate()
assert len(data_text("conf/settings.yaml")) > 0
((place, columns),) = spark.sparkContext.parallelize([0], 1).mapPartitions(origin).collect()
print("PROBE", basketgraph.__path__[0], place, columns)
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, str(REPOSITORY / "scripts" / "package.py"), str(folder)], check=True, capture_output=True)
    return folder / "basketgraph.zip"


def test_the_zip_holds_the_package_and_its_data_and_nothing_compiled(build: Path) -> None:
    names = zipfile.ZipFile(build).namelist()
    for folder, prefix in (("lib/basketgraph", "basketgraph"), *((f, f"basketgraph/_data/{f}") for f in ("schemas", "expectations", "conf", "jobs"))):
        files = [file for file in (REPOSITORY / folder).rglob("*") if file.is_file() and "__pycache__" not in file.parts]
        assert {f"{prefix}/{file.relative_to(REPOSITORY / folder).as_posix()}" for file in files} <= set(names)
    assert not [name for name in names if "__pycache__" in name or not name.startswith("basketgraph/")]
    assert len(names) == len(set(names))


def test_the_same_checkout_gives_the_same_bytes(build: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(REPOSITORY / "scripts" / "package.py"), str(tmp_path)], check=True, capture_output=True)
    assert (tmp_path / "basketgraph.zip").read_bytes() == build.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["basketgraph.zip"], "no half-written file stays behind"


class Node:
    """A place that has Spark and our dependencies, but neither the checkout nor an installed basketgraph."""

    def __init__(self, root: Path, zip_file: Path) -> None:
        self.folder, self.zip_file = root / "elsewhere", zip_file
        self.folder.mkdir()
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root / "venv")], check=True)
        packages = sysconfig.get_path("purelib")
        (own,) = (root / "venv" / "lib").glob("python*/site-packages")
        (own / "dependencies.pth").write_text(f"{packages}\n")  # its own .pth files, the editable basketgraph among them, are not followed
        python = str(root / "venv" / "bin" / "python")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("BASKETGRAPH_", "PYSPARK_", "SPARK_", "PYTHONPATH"))}
        self.environment = {**kept, "PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python, "SPARK_HOME": f"{packages}/pyspark"}
        self.environment["XDG_STATE_HOME"] = str(root / "state")
        self.submit_binary = f"{packages}/pyspark/bin/spark-submit"
        lacking = subprocess.run(
            [python, "-c", "import yaml, pyspark, basketgraph.foundation.config"],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        assert "No module named 'basketgraph" in lacking.stderr, lacking.stderr

    def submit(self, application: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        head = [self.submit_binary, "--properties-file", str(self.folder / "local.conf"), "--py-files", str(self.zip_file)]
        (self.folder / "local.conf").write_bytes((REPOSITORY / "conf" / "spark" / "local.conf").read_bytes())
        return subprocess.run(
            [*head, str(application), *arguments], env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False
        )


@pytest.mark.long
def test_a_job_runs_from_the_zip_alone(spark: SparkSession, build: Path, tmp_path: Path) -> None:
    node = Node(tmp_path, build)
    (node.folder / "probe.py").write_text(PROBE)
    probed = node.submit(node.folder / "probe.py")
    (line,) = [line for line in probed.stdout.splitlines() if line.startswith("PROBE")] or [pytest.fail(probed.stderr[-4000:])]
    _, driver, worker, columns = line.split()
    assert "basketgraph.zip" in driver
    assert "basketgraph.zip" in worker
    assert int(columns) > 10

    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse"
    landing.mkdir()
    (landing / "2010-12-01.csv").write_text("\n".join([HEADER, *LINES]) + "\n")
    for name in ("clean", "publish"):
        job = node.folder / f"{name}.py"
        job.write_bytes(zipfile.ZipFile(build).read(f"basketgraph/_data/jobs/{name}.py"))
        flags = ["--env", "local", "--source", "online_retail", "--ds", "2010-12-02", "--pipeline", "clean", "--run-id", "one-run"]
        done = node.submit(job, *flags, "--set", f"warehouse={warehouse}", "--set", f"landing={landing}")
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    release = RunTables(spark, str(warehouse), "look")
    assert release.read("silver.events").count() == 2
    assert {(row.run_id, row.step, row.status) for row in release.read("ops.runs").collect()} == {
        ("one-run", "clean", "done"),
        ("one-run", "publish", "done"),
    }
    (row,) = release.read("ops.releases").collect()
    assert row.versions["silver.events"] == release.version("silver.events")


@pytest.mark.long
def test_a_mistake_ends_the_submitted_job_with_2_and_an_unknown_flag_too(build: Path, tmp_path: Path) -> None:
    node = Node(tmp_path, build)
    job = node.folder / "publish.py"
    job.write_bytes(zipfile.ZipFile(build).read("basketgraph/_data/jobs/publish.py"))
    unknown = node.submit(job, "--env", "local", "--source", "no_such_shop")
    assert unknown.returncode == 2
    assert "no_such_shop" in unknown.stdout, "spark-submit gives what a job writes to stderr on its own stdout"
    assert "Traceback" not in unknown.stdout + unknown.stderr
    assert node.submit(job, "--env", "local", "--sorce", "x").returncode == 2


@pytest.mark.long
def test_deltas_jars_are_copied_for_clusters_without_a_way_out(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(REPOSITORY / "scripts" / "delta_jars.py"), str(tmp_path / "jars")], check=True, capture_output=True)
    jars = {file.name for file in (tmp_path / "jars").iterdir()}
    assert {"delta-spark_2.13-4.0.1.jar", "delta-storage-4.0.1.jar"} < jars
    named = (REPOSITORY / "conf" / "spark" / "cluster.conf").read_text()
    for jar in jars:
        assert f"dist/jars/{jar}" in named, "cluster.conf tells how to name them"
