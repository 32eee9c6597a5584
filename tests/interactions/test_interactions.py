"""gold.interactions: what counts as a purchase before the cut, and how it is weighed."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from basketgraph.foundation.contracts import conform
from basketgraph.foundation.point_in_time import items_or_sold, kept_before
from basketgraph.interactions.interactions import done_before, interactions
from support.contract_rows import rows

CUT = date(2026, 3, 1)
PAST = date(2026, 2, 1)


def items(spark: SparkSession, *given: dict[str, Any]) -> DataFrame:
    known = {"item_id": "milk", "valid_from": date(2025, 1, 1), "recommendable": True}
    return rows(spark, "silver.items", [known | row for row in (given or ({},))])


def edges(
    spark: SparkSession,
    events: list[dict[str, Any]],
    catalogue: DataFrame | None = None,
) -> list[Any]:
    bought = {
        "event_type": "purchase",
        "user_id": "ann",
        "item_id": "milk",
        "event_date": PAST,
    }
    frame = rows(spark, "silver.events", [bought | event for event in events])
    found = interactions(
        frame,
        catalogue if catalogue is not None else items(spark),
        as_of=CUT,
        half_life_days=90,
    )
    return conform(found, "gold.interactions").orderBy("user_id", "item_id").collect()


def test_purchases_up_to_the_day_before_the_cut_count_and_the_cut_day_does_not(
    spark: SparkSession,
) -> None:
    (got,) = edges(
        spark,
        [
            {"event_date": date(2026, 1, 5), "amount_minor": 10, "quantity": 1},
            {
                "event_date": date(2026, 2, 28),
                "amount_minor": 5,
                "quantity": 2,
            },  # last day that counts
            {
                "event_date": CUT,
                "amount_minor": 900,
                "quantity": 90,
            },  # first day that does not
        ],
    )
    assert (got.purchases, got.amount_minor, got.quantity) == (2, 15, 3)
    assert (got.as_of, got.first_date, got.last_date) == (
        CUT,
        date(2026, 1, 5),
        date(2026, 2, 28),
    )


def test_weight_is_the_log_of_one_plus_lines_and_an_order_with_two_lines_is_one_order(
    spark: SparkSession,
) -> None:
    (got,) = edges(spark, [{"order_id": "a"}, {"order_id": "a"}, {"order_id": "b"}])
    assert (got.purchases, got.orders) == (3, 2)
    assert got.weight == pytest.approx(math.log(4))


def test_decayed_halves_with_every_half_life_before_the_cut(
    spark: SparkSession,
) -> None:
    (got,) = edges(spark, [{"event_date": date(2025, 12, 1)}, {"event_date": date(2025, 9, 2)}])  # 90 and 180 days before
    assert got.decayed == pytest.approx(0.5 + 0.25, abs=1e-9)


def test_cancellations_change_no_edge(spark: SparkSession) -> None:
    (got,) = edges(
        spark,
        [{"amount_minor": 10}, {"event_type": "cancellation", "amount_minor": 10}],
    )
    assert (got.purchases, got.amount_minor) == (1, 10)
    assert edges(spark, [{"event_type": "cancellation"}]) == []


def test_an_edge_stands_on_what_was_kept_as_known_at_the_cut(spark: SparkSession) -> None:
    bought = {"event_type": "purchase", "user_id": "ann", "item_id": "milk", "event_date": PAST, "quantity": 5, "amount_minor": 50}
    events = rows(spark, "silver.events", [bought | {"event_id": "a"}, bought | {"event_id": "b"}, bought | {"event_id": "c", "user_id": "bob"}])
    states = [("a", 2, date(2026, 2, 28)), ("b", 0, CUT), ("c", 0, date(2026, 2, 28))]  # the second is given back on the cut's own day
    kept = rows(spark, "gold.kept_purchases", [{"event_id": e, "kept_quantity": left, "valid_from": day} for e, left, day in states])
    found = interactions(kept_before(events, kept, as_of=CUT), items(spark), as_of=CUT, half_life_days=90).collect()
    assert [(e.user_id, e.purchases, e.quantity, e.amount_minor) for e in found] == [("ann", 2, 7, 70)]


def test_users_and_items_are_counted_apart(spark: SparkSession) -> None:
    got = edges(
        spark,
        [{}, {"user_id": "bob"}, {"item_id": "tea"}],
        items(spark, {}, {"item_id": "tea"}),
    )
    assert [(e.user_id, e.item_id, e.purchases) for e in got] == [
        ("ann", "milk", 1),
        ("ann", "tea", 1),
        ("bob", "milk", 1),
    ]


def test_only_items_recommendable_on_the_last_day_before_the_cut_give_edges(
    spark: SparkSession,
) -> None:
    catalogue = items(
        spark,
        {"item_id": "withdrawn later", "valid_to": CUT},
        {"item_id": "withdrawn later", "valid_from": CUT, "recommendable": False},
        {"item_id": "withdrawn before", "valid_to": date(2026, 2, 28)},
        {
            "item_id": "withdrawn before",
            "valid_from": date(2026, 2, 28),
            "recommendable": False,
        },
        {"item_id": "fuel", "recommendable": False},
    )
    sold = ["withdrawn later", "withdrawn before", "fuel", "not in the catalogue"]
    assert [e.item_id for e in edges(spark, [{"item_id": item} for item in sold], catalogue)] == ["withdrawn later"]


def test_rows_at_or_after_the_cut_change_nothing(spark: SparkSession) -> None:
    past = [{"order_id": "a", "event_id": "1"}, {"user_id": "bob", "event_id": "2"}]
    future = [
        {"event_date": CUT, "event_id": "3"},
        {"event_date": date(2026, 6, 1), "user_id": "new", "event_id": "4"},
    ]
    catalogue = items(spark, {}, {"item_id": "new", "valid_from": CUT})
    assert edges(spark, past + future, catalogue) == edges(spark, past)


def test_other_behaviours_count_by_their_weights_and_what_was_taken_out_of_the_cart_does_not(spark: SparkSession) -> None:
    def did(kind: str, item: str = "milk", day: date = date(2025, 12, 1), **more: Any) -> dict[str, Any]:
        return {"event_type": kind, "user_id": "ann", "item_id": item, "event_date": day, "quantity": None, "amount_minor": None, **more}

    bought = did("purchase", day=PAST, quantity=2, amount_minor=30, order_id="a")
    happened = [bought, did("view"), did("view", day=PAST), did("favourite"), did("dismiss")]
    happened += [did("view", "tea"), *(did(kind, "oats") for kind in ("cart_add", "cart_add", "cart_remove")), did("view", "late", CUT)]
    happened += [did(kind, "salt") for kind in ("cart_add", "cart_remove")]
    happened += [did("order", "rice", event_id="sent back"), did("order", "rice", event_id="kept")]  # of a shop whose goal is another
    events = rows(spark, "silver.events", happened)
    shop = items(spark, *({"item_id": item} for item in ("milk", "tea", "oats", "salt", "late", "rice")))
    kept = rows(spark, "gold.kept_purchases", [{"event_id": "sent back", "kept_quantity": 0, "valid_from": PAST}])
    done = done_before(events, kept, as_of=CUT, behaviours=("view", "favourite", "cart_add", "order"))
    weights = {"view": 0.5, "favourite": 0.0, "cart_add": 1.0, "order": 1.0}
    got = conform(interactions(done, shop, as_of=CUT, half_life_days=90, weights=weights), "gold.interactions").orderBy("item_id").collect()
    assert [(row.item_id, row.purchases, row.quantity, row.amount_minor) for row in got] == [
        ("milk", 1, 2, 30), ("oats", 0, 0, 0), ("rice", 0, 0, 0), ("tea", 0, 0, 0)
    ]  # fmt: skip
    assert [row.weight for row in got] == pytest.approx([math.log(2) + 0.5 * math.log(3), math.log(2), math.log(2), 0.5 * math.log(2)])
    milk, oats, rice, tea = got
    assert [(one.behaviour, one.events) for one in rice.behaviours] == [("order", 1)]
    ((name, views, decayed),) = milk.behaviours
    assert (name, views) == ("view", 2)
    assert decayed == pytest.approx(0.5 + 0.5 ** (28 / 90), abs=1e-9)
    assert [(one.behaviour, one.events) for one in oats.behaviours] == [("cart_add", 1)]
    assert (milk.first_date, milk.last_purchase_date, tea.last_purchase_date) == (date(2025, 12, 1), PAST, None)


def test_no_events_give_no_edges(spark: SparkSession) -> None:
    assert edges(spark, []) == []


def test_all_items_sold_are_the_shops_where_its_mapping_has_no_table_of_them(spark: SparkSession) -> None:
    first, later = date(2026, 1, 5), date(2026, 2, 28)
    sold = rows(
        spark,
        "silver.events",
        [
            {"item_id": "milk", "event_type": "purchase", "event_date": later},
            {"item_id": "milk", "event_type": "purchase", "event_date": first},
            {"item_id": "tea", "event_type": "purchase", "event_date": CUT},
            {"item_id": "cancelled only", "event_type": "cancellation"},
        ],
    )
    unmapped, none = {"tables": {"silver.events": {}}}, items(spark).limit(0)
    known = items_or_sold(none, sold, unmapped)
    assert [(row.item_id, row.valid_from, row.recommendable, row.name) for row in known.orderBy("item_id").collect()] == [
        ("milk", first, True, None),
        ("tea", CUT, True, None),
    ]
    bought = [{"user_id": "ann"}, {"item_id": "tea", "event_date": CUT}]
    assert [row.item_id for row in edges(spark, bought, known)] == ["milk"], "tea is known from the cut on"
    assert items_or_sold(none, sold, {"tables": {"silver.items": {}}}).count() == 0, "a list without a row lists nothing"
    assert items_or_sold(items(spark), sold, unmapped).count() == 1, "what is live of a table that is mapped no longer stays"
