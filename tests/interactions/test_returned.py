"""The order of 74,215 pieces of 2011-01-18, cancelled 16 minutes later, through the real jobs: once that is known, nobody counts it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from basketgraph.cli.runner import load_job
from basketgraph.foundation.config import data_yaml, load
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.point_in_time import kept_before
from basketgraph.foundation.runs.job import quality_checker
from basketgraph.foundation.tables.warehouse import RunTables
from support.corner_shop import Shop

ORDER = "541431,23166,MEDIUM CERAMIC TOP STORAGE JAR,74215,2011-01-18 10:01:00,1.04,12346.0,United Kingdom"
CANCELLED = "C541433,23166,MEDIUM CERAMIC TOP STORAGE JAR,-74215,2011-01-18 10:17:00,1.04,12346.0,United Kingdom"
# The same by another customer, who cancels on the day after.
PLANTED = ORDER.replace("541431", "999991").replace("12346.0", "1.0")
CANCELLED_LATER = CANCELLED.replace("541433", "999993").replace("12346.0", "1.0").replace("01-18", "01-19")
THE_DAY_AFTER, TWO_DAYS_AFTER = date(2011, 1, 19), date(2011, 1, 20)
JOBS = ("kept_purchases", "user_days", "user_profiles", "interactions")


@pytest.fixture(scope="module")
def warehouse(spark: SparkSession, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunTables:
    """Two days of Online Retail, cleaned, with what was kept, profiles and edges as of the two days after the order."""
    folder = tmp_path_factory.mktemp("returned")
    shop = Shop(spark, folder, data_yaml("conf/sources/online_retail.yaml"))
    shop.landing.mkdir()
    for day, planted in (("18", PLANTED), ("19", CANCELLED_LATER)):
        text = (shared_data / "online_retail" / f"2011-01-{day}.csv").read_text()
        assert (ORDER in text and CANCELLED in text) == (day == "18")
        (shop.landing / f"{day}.csv").write_text(f"{text.rstrip()}\n{planted}\n")
    shop.clean()
    conf = load("local", "online_retail", {"warehouse": str(shop.warehouse), "interactions.window_days": "1"}, pipeline="recommend")
    release = RunTables(spark, conf.warehouse, "run-9", checker=quality_checker(conf, {}), ds=TWO_DAYS_AFTER)
    assert run_cuts(conf, TWO_DAYS_AFTER, release).days == (THE_DAY_AFTER, TWO_DAYS_AFTER)
    for job in JOBS:
        load_job(job)(spark, conf, TWO_DAYS_AFTER, release)
    return release


def counted(tables: RunTables, cut: date, order_id: str) -> dict[str, int]:
    """Pieces and pence of an order wherever they count as of a cut: the net state, the user's profile, the edge to the item."""
    events = tables.read("silver.events")
    user = events.where(f"order_id = '{order_id}'").select("user_id").distinct()

    def total(frame: DataFrame, column: str) -> int:
        return int(frame.join(user, "user_id", how="left_semi").agg({column: "sum"}).collect()[0][0] or 0)

    at_cut = f"as_of = DATE'{cut}'"
    return {
        "kept": total(kept_before(events, tables.read("gold.kept_purchases"), as_of=cut), "quantity"),
        "profile": total(tables.read("gold.user_profiles").where(at_cut), "spend_minor"),
        "edge": total(tables.read("gold.interactions").where(f"{at_cut} AND item_id = '23166'"), "quantity"),
    }


@pytest.mark.long
def test_the_rows_of_the_order_and_of_its_cancellation_stay_as_they_were(warehouse: RunTables) -> None:
    rows = warehouse.read("silver.events").where("order_id IN ('541431', 'C541433')").orderBy("event_type").collect()
    assert [(row.event_type, row.quantity, row.amount_minor) for row in rows] == [
        ("cancellation", 74_215, 7_718_360),
        ("purchase", 74_215, 7_718_360),
    ]
    (state,) = warehouse.read("gold.kept_purchases").where("order_id = '541431'").collect()
    assert (state.quantity, state.amount_minor, state.kept_quantity, state.kept_amount_minor) == (74_215, 7_718_360, 0, 0)
    assert (state.valid_from, state.valid_to, state.cancellation_ids) == (date(2011, 1, 18), None, [rows[0].event_id])


@pytest.mark.long
def test_an_order_cancelled_on_its_own_day_counts_nowhere(warehouse: RunTables) -> None:
    for cut in (THE_DAY_AFTER, TWO_DAYS_AFTER):
        assert counted(warehouse, cut, "541431") == {"kept": 0, "profile": 0, "edge": 0}


@pytest.mark.long
def test_an_order_cancelled_a_day_later_counts_until_that_day_is_known(warehouse: RunTables) -> None:
    assert counted(warehouse, THE_DAY_AFTER, "999991") == {"kept": 74_215, "profile": 7_718_360, "edge": 74_215}
    assert counted(warehouse, TWO_DAYS_AFTER, "999991") == {"kept": 0, "profile": 0, "edge": 0}
