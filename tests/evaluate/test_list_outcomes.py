"""What customers bought of their lists: whose purchases count, what is new to a customer, and how counts become shares."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from basketgraph.evaluate.list_outcomes import ALL, customer_outcomes, outcome_rows, purchases_after
from basketgraph.evaluate.settings import EvaluateSettings
from basketgraph.foundation.cuts import Cuts
from support.contract_rows import rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CUT = date(2026, 3, 1)
CUTS = Cuts(CUT - timedelta(days=28), CUT, 28)
SETTINGS = EvaluateSettings(seed=0, draws=50, max_users=100)


def bought(user: str, item: str, day: int, minor: int, **changed: Any) -> dict[str, Any]:
    row = {"user_id": user, "item_id": item, "event_date": CUT + timedelta(days=day), "event_type": "purchase", "amount_minor": minor, "quantity": 2}
    return {**row, "currency": "EUR", **changed}


EVENTS = [
    bought("u1", "tea", -1, 100),
    bought("u1", "tea", 0, 300),  # first day of the window
    bought("u1", "tea", 3, 300),  # again
    bought("u1", "jam", 27, 600),  # last day
    bought("u1", "fuel", 5, 400),  # on no list
    bought("u1", "gin", 28, 9000),  # a day too late
    bought("u2", "jam", 5, 200, event_id="half kept"),
    bought("u2", "rum", 5, 700, event_id="given back"),
    bought("u2", "jam", -9, 200, event_id="jam given back before"),
    bought("stranger", "tea", 5, 500),  # has no list
]
KEPT = [
    {"event_id": event, "valid_from": CUT + timedelta(days=day), "kept_quantity": pieces}
    for event, day, pieces in (("half kept", 20, 1), ("given back", 27, 0), ("jam given back before", -2, 0))
]
PLACES = [
    ("rebuy", "published", "u1", ["tea", "gin", "jam"]),
    ("rebuy", "published", "u2", ["rum", "jam"]),
    ("rebuy", "published", "u3", ["tea"]),  # never shops
    ("rebuy", "popularity", "u1", ["fuel"]),
    ("rebuy", "popularity", "u2", ["tea"]),
    ("rebuy", "personal_frequency", "u1", ["tea"]),
    ("rebuy", "als", "u1", ["fuel"]),  # is not compared
    ("discovery", "published", "u1", ["jam", "gin"]),
]


@pytest.fixture(scope="module")
def counted(spark: SparkSession) -> pa.Table:
    lists: DataFrame = spark.createDataFrame(
        [(setting, model, user, rank, item) for setting, model, user, items in PLACES for rank, item in enumerate(items, 1)],
        "setting string, model string, user_id string, rank int, item_id string",
    )
    profiles = [{"user_id": user, "lifecycle": "active" if user == "u1" else "lapsed"} for user in ("u1", "u2", "u3")]
    after = purchases_after(rows(spark, "silver.events", EVENTS), rows(spark, "gold.kept_purchases", KEPT), CUTS)
    return customer_outcomes(lists, after, rows(spark, "gold.user_profiles", profiles), SETTINGS).toArrow()


def test_purchases_of_the_window_count_as_far_as_they_were_kept(counted: pa.Table) -> None:
    found = {
        (row["setting"], row["model"], row["user_id"]): (row["places"], row["places_bought"], row["spend_minor"], row["listed_spend_minor"])
        for row in counted.to_pylist()
        if row["shopped"]
    }
    assert found == {
        ("rebuy", "published", "u1"): (3, 2, 1600, 1200),
        ("rebuy", "popularity", "u1"): (1, 1, 1600, 400),
        ("rebuy", "personal_frequency", "u1"): (1, 1, 1600, 600),
        ("discovery", "published", "u1"): (2, 1, 1000, 600),  # jam and fuel are new to u1, tea is not
        ("discovery", "popularity", "u1"): (0, 0, 1000, 0),  # a missing list scores 0
        ("rebuy", "published", "u2"): (2, 1, 100, 100),
        ("rebuy", "popularity", "u2"): (1, 0, 100, 0),
        ("rebuy", "personal_frequency", "u2"): (0, 0, 100, 0),
        ("discovery", "published", "u2"): (0, 0, 100, 0),  # the jam before the cut was given back before it: jam is new
        ("discovery", "popularity", "u2"): (0, 0, 100, 0),
    }


def test_shares_are_of_those_who_shopped_and_of_each_segment(counted: pa.Table) -> None:
    made = {(row["setting"], row["model"], row["segment"]): row for row in outcome_rows(counted, CUTS, SETTINGS)}
    own, lapsed = made["rebuy", "published", ALL], made["rebuy", "published", "lapsed"]
    assert (own["customers"], own["shopped"], own["bought_from_list"], own["currency"]) == (3, 2, 2, "EUR")
    assert (own["customers_share"], own["places_share"], own["spend_share"]) == (1.0, 3 / 5, 1300 / 1700)
    assert own["places_low"] <= own["places_share"] <= own["places_high"]
    assert (lapsed["customers"], lapsed["shopped"], lapsed["places_share"]) == (2, 1, 1 / 2)
    assert made["discovery", "published", "lapsed"]["places_share"] is None, "nobody had a list"
    assert made["rebuy", "popularity", ALL]["customers_share"] == 1 / 2
    assert len(made) == 5 * 3, "two settings, with three lists and two, for all, active and lapsed"
    assert outcome_rows(counted.filter(pa.compute.invert(counted["shopped"])), CUTS, SETTINGS) == [], "nobody shopped yet"
