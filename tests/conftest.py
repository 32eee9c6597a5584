"""One Spark session with Delta for the whole test run; real data where it is there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The shared session: the local environment's properties, sized for tests."""
    from pyspark.sql import SparkSession

    from basketgraph.foundation.config import data_text
    from basketgraph.foundation.runs.session import properties

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.appName("tests")
    given = properties(data_text("conf/spark/local.conf"))
    # A few rows are planned, not crunched: compiling their expressions and planning them anew between stages is a sixth of the CPU.
    given |= {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.sql.adaptive.enabled": "false"}
    given |= {"spark.databricks.delta.snapshotPartitions": "1"}
    # Delta remembers each table for an hour, with some 4 MB of query plans: those of hundreds of tables would fill the heap.
    given |= {"spark.databricks.delta.delta.log.cacheSize": "64"}
    given |= {"spark.driver.memory": "2g", "spark.sql.shuffle.partitions": "2", "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("spark"))}
    for key, value in given.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real data beside the checkout; a test that asks for it is skipped where it is absent."""
    folder = Path(os.environ.get("BASKETGRAPH_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not there (set BASKETGRAPH_SHARED_DATA)")
    return folder


@pytest.fixture(autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests never touch the user's own key."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
