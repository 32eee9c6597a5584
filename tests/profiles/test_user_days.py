"""gold.user_days: a day's rows follow from that day's purchases alone, and stale days are found."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from basketgraph.foundation.contracts import conform
from basketgraph.profiles.changed_days import stale_days
from basketgraph.profiles.user_days import activity, net_days, user_days
from support.contract_rows import rows

DAY = date(2026, 2, 1)
NOON = datetime(2026, 2, 1, 17, tzinfo=UTC)  # in New York
WRITTEN = datetime(2026, 2, 2, tzinfo=UTC)


def events(spark: SparkSession, *given: dict[str, Any]) -> DataFrame:
    bought = {
        "event_type": "purchase",
        "user_id": "ann",
        "event_date": DAY,
        "event_time": NOON,
        "order_id": "a",
        "item_id": "milk",
        "ingested_at": WRITTEN,
    }
    return rows(spark, "silver.events", [bought | {"event_id": str(number)} | event for number, event in enumerate(given)])


def days_of(frame: DataFrame) -> DataFrame:
    return conform(user_days(frame, time_zone="America/New_York", recipe="r1"), "gold.user_days")


def days(spark: SparkSession, *given: dict[str, Any]) -> list[Any]:
    return days_of(events(spark, *given)).orderBy("user_id", "event_date").collect()


def test_orders_lines_and_money_of_a_day_are_added_up(spark: SparkSession) -> None:
    paid = {"amount_minor": 90, "list_amount_minor": 100, "discount_minor": 7, "coupon_minor": 3}
    full = {"amount_minor": 50, "list_amount_minor": 50, "discount_minor": 0, "coupon_minor": 0}
    (got,) = days(spark, paid, full, full | {"order_id": "b", "item_id": "tea", "quantity": 2})
    assert (got.orders, got.lines, got.amount_minor, got.list_amount_minor) == (2, 3, 190, 200)
    assert (got.discount_minor, got.coupon_minor, got.discounted_lines, got.coupon_lines) == (7, 3, 1, 1)
    assert [tuple(line) for line in got.bought] == [("milk", 1, 50, 50), ("milk", 1, 90, 100), ("tea", 2, 50, 50)]


def test_each_order_counts_once_in_the_hour_of_its_first_line_in_the_shops_zone(spark: SparkSession) -> None:
    late = {"order_id": "a", "event_time": NOON + timedelta(hours=1)}
    last_minute = {"order_id": "b", "event_time": NOON + timedelta(minutes=59)}
    (got,) = days(spark, {}, late, last_minute, {"order_id": "c", "event_time": NOON + timedelta(hours=1)})
    assert {hour: count for hour, count in enumerate(got.orders_by_hour) if count} == {12: 2, 13: 1}
    assert len(got.orders_by_hour) == 24


def test_users_and_days_have_their_own_rows_and_cancellations_none(spark: SparkSession) -> None:
    got = days(spark, {}, {"user_id": "bob"}, {"event_date": date(2026, 2, 2)}, {"event_type": "cancellation", "user_id": "cy"})
    assert [(d.user_id, d.event_date, d.lines) for d in got] == [("ann", DAY, 1), ("ann", date(2026, 2, 2), 1), ("bob", DAY, 1)]


def test_a_shop_that_tells_no_discounts_has_none_known_rather_than_zero(spark: SparkSession) -> None:
    (got,) = days(spark, {})
    assert (got.list_amount_minor, got.discount_minor, got.coupon_minor, got.discounted_lines, got.coupon_lines) == (None, None, None, None, None)


def test_two_halves_of_the_days_give_the_rows_of_the_whole(spark: SparkSession) -> None:
    whole = events(
        spark,
        *({"event_date": DAY + timedelta(days=n % 4), "order_id": str(n // 2), "user_id": f"u{n % 3}", "item_id": f"i{n % 5}"} for n in range(40)),
    )
    early = whole.event_date < DAY + timedelta(days=2)
    halves = days_of(whole.where(early)).union(days_of(whole.where(~early)))
    keys = ["user_id", "event_date"]
    assert halves.orderBy(*keys).collect() == days_of(whole).orderBy(*keys).collect()


def test_what_else_is_done_counts_beside_purchases_and_makes_a_day_of_its_own(spark: SparkSession) -> None:
    kinds = ("view", "view", "click", "favourite", "dismiss", "cart_add", "cart_remove")
    looks = [{"event_type": kind, "order_id": None, "quantity": None, "amount_minor": None} for kind in kinds]
    frame = events(spark, {}, *looks, looks[0] | {"user_id": "bob"})
    ann, bob = days_of(frame).orderBy("user_id").collect()
    counts = [(d.views, d.clicks, d.favourites, d.dismissals, d.cart_adds, d.cart_removes, d.searches, d.ratings) for d in (ann, bob)]
    assert counts == [(2, 1, 1, 1, 1, 1, 0, 0), (1, 0, 0, 0, 0, 0, 0, 0)]
    once = [("milk", kind, 1) for kind in ("cart_add", "cart_remove", "click", "dismiss", "favourite")]
    assert [tuple(done) for done in ann.other_behaviours] == [*once, ("milk", "view", 2)]
    assert [(d.orders, d.lines, d.amount_minor, len(d.bought), sum(d.orders_by_hour)) for d in (ann, bob)] == [(1, 1, 1, 1, 1), (0, 0, 0, 0, 0)]
    assert stale_days(frame, days_of(frame), recipe="r1").isEmpty()
    all_back = rows(spark, "gold.kept_purchases", [{"user_id": "ann", "event_date": DAY, "event_id": "0", "kept_quantity": 0, "valid_from": DAY}])
    left, _ = net(frame, all_back, DAY + timedelta(days=1))
    assert (left.orders, left.views) == (0, 2), "what was looked at before a return was looked at"


def test_searches_and_ratings_count_on_their_day_and_so_do_the_places_where_something_was_done(spark: SparkSession) -> None:
    looked = {"event_type": "view", "channel": "web", "order_id": None, "quantity": None, "amount_minor": None}
    done = events(spark, {"channel": "store"}, looked | {"device": "phone"}, looked | {"device": "desktop"})
    at = {"event_date": DAY, "ingested_at": WRITTEN}
    searches = [{"user_id": "ann", "channel": "app"}, {"visitor_id": "cookie"}, {}]
    rated = {"user_id": "ann", "item_id": "milk", "rating_min": 1.0, "rating_max": 5.0}
    reviews = [rated | {"rating": 5.0}, rated | {"rating": 2.0}, rated | {"rating": None}, rated | {"rating": 9.0, "rating_max": None}]
    nobodys = [rated | {"rating": 5.0, "user_id": None}, rated | {"rating": 5.0, "event_date": None}]
    frame = activity(
        done,
        rows(spark, "silver.searches", [at | search for search in searches]),
        rows(spark, "silver.reviews", [at | review for review in [*reviews, *nobodys]]),
    )
    ann, visitor = days_of(frame).orderBy("user_id").collect()
    assert (ann.searches, ann.ratings, ann.rating_points, ann.views, ann.orders) == (1, 2, 1250, 2, 1)
    assert (ann.channels, ann.devices) == (["app", "store", "web"], ["desktop", "phone"])
    assert ("milk", "rating", 2) in [tuple(done) for done in ann.other_behaviours]
    assert (visitor.user_id, visitor.searches, visitor.rating_points, visitor.other_behaviours, visitor.orders) == ("cookie", 1, None, [], 0)
    assert stale(frame, days_of(frame)) == []
    assert stale(frame, days_of(done)) == [DAY]


def net(frame: DataFrame, kept: DataFrame, as_of: date) -> list[Any]:
    found = net_days(days_of(frame), frame, kept, None, as_of=as_of, time_zone="America/New_York")
    return conform(found, "gold.user_days").drop("recipe", "events_at").orderBy("user_id", "event_date").collect()


def test_days_lose_what_was_given_back_before_as_of_and_other_days_stay(spark: SparkSession) -> None:
    later = DAY + timedelta(days=1)
    frame = events(
        spark,
        {"event_id": "part", "quantity": 3, "amount_minor": 300, "list_amount_minor": 600},
        {"event_id": "stays", "order_id": "b", "amount_minor": 20, "event_time": NOON + timedelta(hours=2)},
        {"event_id": "whole", "order_id": "c", "amount_minor": 7, "item_id": "tea"},
        {"event_id": "all of a day", "event_date": later},
        {"event_id": "bob's", "user_id": "bob", "amount_minor": 5},
    )
    given_back = DAY + timedelta(days=5)
    touched = {"user_id": "ann", "event_date": DAY, "valid_from": given_back}
    kept = rows(
        spark,
        "gold.kept_purchases",
        [
            touched | {"event_id": "part", "kept_quantity": 1},
            touched | {"event_id": "whole", "kept_quantity": 0},
            touched | {"event_id": "all of a day", "event_date": later, "kept_quantity": 0},
        ],
    )
    gross = net(frame, kept, given_back)
    assert [(d.user_id, d.event_date, d.orders, d.lines, d.amount_minor) for d in gross] == [
        ("ann", DAY, 3, 3, 327),
        ("ann", later, 1, 1, 1),
        ("bob", DAY, 1, 1, 5),
    ]
    assert gross == net(frame, kept.limit(0), given_back)
    ann, bob = net(frame, kept, given_back + timedelta(days=1))
    assert (ann.event_date, ann.orders, ann.lines, ann.amount_minor, ann.list_amount_minor) == (DAY, 2, 2, 120, 200)
    assert [tuple(line) for line in ann.bought] == [("milk", 1, 20, None), ("milk", 1, 100, 200)]
    assert {hour: count for hour, count in enumerate(ann.orders_by_hour) if count} == {12: 1, 14: 1}
    assert (bob.user_id, bob.amount_minor) == ("bob", 5)


def test_net_days_are_those_before_as_of(spark: SparkSession) -> None:
    frame = events(spark, {}, {"event_date": DAY + timedelta(days=1)})
    assert [d.event_date for d in net(frame, rows(spark, "gold.kept_purchases", []), DAY + timedelta(days=1))] == [DAY]


def stale(frame: DataFrame, of: DataFrame, recipe: str = "r1") -> list[date]:
    return [row.event_date for row in stale_days(frame, of, recipe=recipe).orderBy("event_date").collect()]


def test_new_changed_and_emptied_days_are_stale_and_no_others(spark: SparkSession) -> None:
    new, same, grown, changed, emptied = (DAY + timedelta(days=n) for n in range(5))
    before = events(spark, {"event_date": same}, {"event_date": grown}, {"event_date": changed}, {"event_date": emptied})
    now = events(
        spark,
        {"event_date": new},
        {"event_date": same},
        {"event_date": grown},
        {"event_date": grown},
        {"event_date": changed, "amount_minor": 5, "ingested_at": WRITTEN + timedelta(hours=1)},
    )
    assert stale(now, days_of(before)) == [new, grown, changed, emptied]


def test_rows_of_another_recipe_are_stale(spark: SparkSession) -> None:
    frame = events(spark, {})
    assert stale(frame, days_of(frame)) == []
    assert stale(frame, days_of(frame), recipe="r2") == [DAY]


def test_no_events_give_no_days_and_nothing_stale(spark: SparkSession) -> None:
    assert days(spark) == []
    assert stale(events(spark), rows(spark, "gold.user_days", [])) == []
