"""One warehouse in which every job has run once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pyspark.sql import SparkSession

from basketgraph.cli.runner import load_job
from basketgraph.foundation.config import CONF_VARIABLE
from basketgraph.foundation.runs.job import RunLog, opened, run_step
from basketgraph.foundation.runs.steps import pipelines
from support.ran_jobs import DS, ORDER, RanJobs, sales
from support.young_shop import OPENED, YoungShop


@pytest.fixture(scope="session")
def ran(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> RanJobs:
    shop = YoungShop(tmp_path_factory.mktemp("jobs"), sales())
    with (shop.landing / "sales.csv").open("a") as file:
        file.write(f"13,u0,tea,none,2.50,{OPENED + timedelta(days=19)} 10:00,Title of tea\n")  # rejected: no number of pieces
    known = pipelines()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(CONF_VARIABLE, str(shop.conf))
        patched.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))  # the user's own key is not touched
        conf = shop.config("all", **{"replay.first_day": str(OPENED), "replay.last_day": str(DS), "sequences.train": "true", "sequences.epochs": "1"})
        with opened(conf, "run", DS, "jobs") as (tables, memory):
            done, runs = RanJobs(conf, tables), RunLog(tables, conf)
            for name in ORDER:
                try:
                    done.results[name] = run_step(name, known.steps[name], load_job(name), conf, DS, runs, memory)
                except Exception as error:
                    done.results[name] = error
    return done
