"""gold.user_profiles: what was known of a user before a day, with one row on each side of each bound."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from basketgraph.foundation.config import data_yaml
from basketgraph.foundation.contracts import conform, contract
from basketgraph.profiles.moods import known_moods
from basketgraph.profiles.rule_segments import applied_rules, rule_segments
from basketgraph.profiles.segment_rules import SegmentRule
from basketgraph.profiles.user_profiles import ProfilesSettings, lifecycle, user_profiles
from support.contract_rows import rows

AS_OF = date(2026, 3, 1)  # a Sunday
SETTINGS = ProfilesSettings(
    half_life_days=10,
    top_affinities=2,
    price_days=30,
    new_days=28,
    active_days=28,
    active_gaps=2,
    lapsed_days=182,
    rewrite_days=14,
    session_minutes=30,
    view_weight=0.25,
    favourite_weight=0.5,
    cart_weight=0.75,
    open_cart_days=28,
    impossible_minute_looks=100,
    impossible_day_items=1000,
)
NOTHING_BOUGHT = {"orders": 0, "lines": 0, "amount_minor": 0, "orders_by_hour": [0] * 24}
Given = Sequence[dict[str, Any]]


def ago(days: int) -> date:
    return AS_OF - timedelta(days=days)


def line(item: str, amount: int, listed: int | None = None, quantity: int = 1) -> tuple[str, int, int, int | None]:
    return (item, quantity, amount, listed)


def day(age: int, **columns: Any) -> dict[str, Any]:
    """A user's day, `age` days before AS_OF, with one order at noon."""
    by_hour = [0] * 12 + [columns.get("orders", 1)] + [0] * 11
    return {"user_id": "ann", "event_date": ago(age), "orders_by_hour": by_hour} | columns


def profiles(
    spark: SparkSession, days: Given, items: Given = (), users: Given = (), carts: Sequence[tuple[str, str]] | None = None
) -> dict[str, Any]:
    known = {"valid_from": date(2025, 1, 1), "recommendable": True}
    frames: list[DataFrame] = [
        rows(spark, "gold.user_days", days),
        rows(spark, "silver.items", [known | item for item in items]),
        rows(spark, "silver.users", users),
    ]
    in_cart = None if carts is None else spark.createDataFrame(carts, "user_id string, item_id string")
    found = conform(user_profiles(*frames, in_cart, as_of=AS_OF, settings=SETTINGS), "gold.user_profiles").collect()
    assert len({row.user_id for row in found}) == len(found)
    return {row.user_id: row for row in found}


def test_recency_frequency_and_spend_count_up_to_the_day_before_and_windows_have_their_bounds(spark: SparkSession) -> None:
    ages = (0, 1, 28, 29, 90, 91, 365, 366)
    got = profiles(spark, [day(age, amount_minor=10**n, orders=2, lines=3) for n, age in enumerate(ages)])["ann"]
    assert (got.as_of, got.recency_days, got.tenure_days) == (AS_OF, 1, 366)
    assert (got.purchase_days, got.orders, got.purchases, got.spend_minor) == (7, 14, 21, 11111110)
    assert (got.spend_minor_28d, got.spend_minor_90d, got.spend_minor_365d) == (110, 11110, 1111110)
    assert (got.orders_28d, got.orders_90d, got.orders_365d) == (4, 8, 12)


def test_who_only_looked_is_a_prospect_and_looking_changes_no_purchase_figure(spark: SparkSession) -> None:
    look = NOTHING_BOUGHT | {"views": 3, "clicks": 1, "cart_adds": 2}
    told = {"searches": 2, "ratings": 4, "rating_points": 3000}
    got = profiles(spark, [day(20), day(14), day(2, **look, **told), day(5, **look, user_id="bob")], carts=[("ann", "tea"), ("ann", "jam")])
    ann, bob = got["ann"], got["bob"]
    assert (ann.searches, ann.ratings, ann.rating_mean, ann.buys_a_cart, ann.open_cart_items) == (2, 4, 0.75, 1.0, 2)
    assert (bob.searches, bob.ratings, bob.rating_mean, bob.buys_a_cart, bob.open_cart_items) == (0, 0, None, 0.0, 0)
    assert (ann.recency_days, ann.last_seen_days, ann.gap_days_mean, ann.purchase_days) == (14, 2, 6.0, 2)
    assert (ann.views, ann.cart_adds, ann.carts_a_view, ann.buys_a_view) == (3, 2, 0.5, 0.5)
    assert (bob.lifecycle, bob.recency_days, bob.last_seen_days, bob.hour_shares, bob.orders) == ("prospect", None, 5, None, 0)


def test_the_preferred_channel_and_device_are_those_of_most_days_the_newer_ones_weighing_more(spark: SparkSession) -> None:
    store, web = {"channels": ["store"], "devices": []}, {"channels": ["web"], "devices": ["phone", "tablet"]}
    got = profiles(spark, [day(11, **store), day(12, **store), day(1, **web), day(9, channels=[]), day(1, user_id="bob", channels=["b", "a"])])
    assert (got["ann"].preferred_channel, got["ann"].preferred_device) == ("web", "phone")  # 1 day of weight 1 before 2 of at most .5
    assert (got["bob"].preferred_channel, got["bob"].preferred_device) == ("a", None)


def test_days_between_purchases(spark: SparkSession) -> None:
    got = profiles(spark, [day(20), day(14), day(12), day(11), day(0), day(3, user_id="once"), day(4, user_id="twice"), day(1, user_id="twice")])
    gaps = {user: (p.gap_days_mean, p.gap_days_median, p.gap_days_sd) for user, p in got.items()}
    assert gaps["ann"] == (3.0, 2.0, pytest.approx(7**0.5))  # gaps of 6, 2 and 1 days
    assert gaps["twice"] == (3.0, 3.0, None)
    assert gaps["once"] == (None, None, None)


def test_habits_and_baskets_weigh_recent_days_more(spark: SparkSession) -> None:
    morning = [0] * 8 + [1] + [0] * 15
    old = day(11, orders_by_hour=morning, lines=10, amount_minor=1000)  # a Wednesday, half the weight of the day ten days later
    got = profiles(spark, [old, day(1, lines=4, amount_minor=400)])["ann"]
    assert got.basket_lines_mean == pytest.approx((10 * 0.5 + 4) / 1.5, abs=1e-5)
    assert got.basket_minor_mean == pytest.approx((1000 * 0.5 + 400) / 1.5, abs=1e-3)
    assert {hour: round(share, 4) for hour, share in enumerate(got.hour_shares) if share} == {8: 0.3333, 12: 0.6667}
    assert {weekday: round(share, 4) for weekday, share in enumerate(got.weekday_shares) if share} == {2: 0.3333, 5: 0.6667}
    assert (len(got.hour_shares), len(got.weekday_shares)) == (24, 7)


def test_shares_bought_on_discount_and_with_coupons(spark: SparkSession) -> None:
    told = {"lines": 4, "discounted_lines": 2, "coupon_lines": 1, "discount_minor": 30, "coupon_minor": 10, "list_amount_minor": 200}
    got = profiles(spark, [day(1, **told), day(1, user_id="untold")])
    assert (got["ann"].discount_line_share, got["ann"].discount_rate) == (0.5, 0.15)
    assert (got["ann"].coupon_line_share, got["ann"].coupon_rate) == (0.25, 0.05)
    assert (got["untold"].discount_line_share, got["untold"].discount_rate, got["untold"].coupon_line_share, got["untold"].coupon_rate) == (None,) * 4


def test_affinities_are_the_top_shares_of_decayed_spend_on_known_categories_and_brands(spark: SparkSession) -> None:
    items = [
        {"item_id": "milk", "category": "dairy", "brand": "farm"},
        {"item_id": "cheese", "category": "dairy", "manufacturer": "m1"},
        {"item_id": "tea", "category": "drinks"},
        {"item_id": "soap", "category": "care"},
        {"item_id": "odd"},
        {"item_id": "fuel", "category": "fuel", "brand": "oil", "recommendable": False},
    ]
    recent = day(1, bought=[line("milk", 100), line("cheese", 60), line("odd", 500), line("fuel", 900), line("not in the catalogue", 900)])
    older = day(11, bought=[line("tea", 400), line("soap", 80)])
    got = profiles(spark, [recent, older], items)["ann"]
    assert [(c.name, round(c.share, 4)) for c in got.categories] == [("drinks", 0.5), ("dairy", 0.4)]  # of 160 + 200 + 40; the third is cut off
    assert [(b.name, round(b.share, 4)) for b in got.brands] == [("farm", 0.625), ("m1", 0.375)]


def test_other_behaviours_count_in_affinities_as_a_part_of_a_purchase_at_shelf_price_and_in_nothing_else(spark: SparkSession) -> None:
    items = [
        {"item_id": "tea", "category": "drinks", "brand_type": "Private"},
        {"item_id": "soap", "category": "care"},
        {"item_id": "new", "category": "toys"},  # nobody bought it: the mean price of tea and soap
        {"item_id": "fuel", "category": "fuel", "recommendable": False},
    ]
    stock = day(1, user_id="all", bought=[line("tea", 200), line("soap", 100)])
    looked = [("tea", "view", 2), ("soap", "cart_add", 1), ("new", "favourite", 1), ("new", "dismiss", 9), ("fuel", "view", 99)]
    days = [stock, day(1, **NOTHING_BOUGHT, other_behaviours=looked), day(1, user_id="bob", bought=[line("soap", 100)], other_behaviours=looked)]
    got = profiles(spark, days, items, carts=[])
    assert [(c.name, round(c.share, 4)) for c in got["ann"].categories] == [("drinks", 0.4), ("care", 0.3)]  # of 100, 75 and 75; a tie goes by name
    assert [(c.name, round(c.share, 4)) for c in got["bob"].categories] == [("care", 0.5), ("drinks", 0.2857)]  # 175, 100 and 75
    assert (got["ann"].price_position, got["ann"].private_label_share) == (None, None)
    without = profiles(spark, days, items)
    assert ([(c.name, c.share) for c in without["bob"].categories], without["ann"].categories) == ([("care", 1.0)], [])
    assert got["all"] == without["all"]
    clicks_alone = profiles(spark, [day(1, **NOTHING_BOUGHT, other_behaviours=looked)], items, carts=[])
    assert [(c.name, round(c.share, 4)) for c in clicks_alone["ann"].categories] == [("care", 0.4286), ("drinks", 0.2857)]


def test_price_position_places_an_items_shelf_price_among_its_category(spark: SparkSession) -> None:
    items = [{"item_id": name, "category": "tea"} for name in ("cheap", "plain", "plain too", "fine")] + [{"item_id": "salt", "category": "salt"}]
    stock = day(
        1,
        user_id="all",
        bought=[line("cheap", 100), line("plain", 400, quantity=2), line("plain too", 200), line("fine", 100, listed=900), line("salt", 5)],
    )
    got = profiles(
        spark,
        [
            stock,
            day(2, user_id="thrifty", bought=[line("cheap", 100)]),
            day(2, user_id="mean of two", bought=[line("cheap", 100), line("fine", 300, listed=900)]),
            day(2, user_id="middle", bought=[line("plain", 200)]),
            day(2, user_id="alone", bought=[line("salt", 5)]),
        ],
        items,
    )
    assert got["thrifty"].price_position == pytest.approx(0.125)  # the first of four, at its middle
    assert got["mean of two"].price_position == pytest.approx((100 * 0.125 + 300 * 0.875) / 400)  # fine is dear at shelf price, whatever was paid
    assert got["middle"].price_position == pytest.approx(0.5)  # two items share the price
    assert got["alone"].price_position == pytest.approx(0.5)


def test_shelf_prices_are_those_of_the_last_price_days(spark: SparkSession) -> None:
    items = [{"item_id": "a", "category": "tea"}, {"item_id": "b", "category": "tea"}]
    reference = [day(30, user_id="now", bought=[line("b", 200)]), day(30, user_id="last", bought=[line("a", 100)])]
    outside = day(31, user_id="before", bought=[line("a", 900)])  # would make a the dearer one
    got = profiles(spark, [*reference, outside], items)
    assert (got["last"].price_position, got["now"].price_position) == (0.25, 0.75)


def test_a_line_paid_below_zero_counts_as_nothing(spark: SparkSession) -> None:
    items = [{"item_id": "a", "category": "tea", "brand_type": "Private"}, {"item_id": "b", "category": "tea", "brand_type": "National"}]
    lines = [line("a", 100, listed=100), line("b", -50, listed=200)]
    got = profiles(spark, [day(1, bought=lines)], items)["ann"]
    assert (got.price_position, got.private_label_share, got.categories[0].share) == (0.25, 1.0, 1.0)


def test_private_label_share_is_of_spend_with_a_known_brand_type(spark: SparkSession) -> None:
    items = [{"item_id": "own", "brand_type": "Private"}, {"item_id": "other", "brand_type": "National"}, {"item_id": "unknown"}]
    bought = [line("own", 100), line("other", 300), line("unknown", 999)]
    got = profiles(spark, [day(1, bought=bought), day(1, user_id="bob", bought=[line("unknown", 1)])], items)
    assert (got["ann"].private_label_share, got["bob"].private_label_share) == (0.25, None)


def test_a_shop_with_events_alone_gets_profiles(spark: SparkSession) -> None:
    got = profiles(spark, [day(1, bought=[line("a", 100)])], [{"item_id": "a"}])["ann"]
    assert (got.categories, got.brands, got.private_label_share, got.age_band, got.price_position) == ([], [], None, None, 0.5)
    assert profiles(spark, [day(1, bought=[line("a", 0)])])["ann"].price_position is None
    assert profiles(spark, []) == {}


def test_demographics_are_those_of_the_last_day_before(spark: SparkSession) -> None:
    spans = [("before", ago(90), ago(1)), ("then", ago(1), AS_OF), ("later", AS_OF, None)]
    users = [{"user_id": "ann", "age_band": band, "valid_from": start, "valid_to": end} for band, start, end in spans]
    assert profiles(spark, [day(5)], users=users)["ann"].age_band == "then"


def test_nothing_at_or_after_as_of_changes_a_profile(spark: SparkSession) -> None:
    items = [{"item_id": "milk", "category": "dairy"}, {"item_id": "tea", "category": "dairy"}]
    past = [day(40, bought=[line("milk", 100)]), day(3, bought=[line("tea", 50)])]
    future = [day(0, bought=[line("tea", 9000)], amount_minor=9000), day(-30, bought=[line("milk", 1)]), day(-1, user_id="new")]
    renamed = {"item_id": "milk", "category": "other", "valid_from": AS_OF}
    until_then = [items[0] | {"valid_to": AS_OF}, renamed, items[1]]
    assert profiles(spark, past + future, until_then) == profiles(spark, past, items)


@pytest.mark.parametrize(
    ("tenure", "recency", "median_gap", "stage"),
    [
        (28, 28, None, "new"),
        (29, 28, None, "active"),
        (29, 29, None, "at_risk"),
        (400, 29, 14.5, "active"),  # twice the own rhythm
        (400, 30, 14.5, "at_risk"),
        (400, 182, 10.0, "at_risk"),
        (400, 183, 10.0, "lapsed"),
        (400, 183, 300.0, "lapsed"),  # no rhythm is slow enough for it
    ],
)
def test_lifecycle(spark: SparkSession, tenure: int, recency: int, median_gap: float | None, stage: str) -> None:
    user = spark.createDataFrame([(tenure, recency, median_gap)], "tenure_days int, recency_days int, gap_days_median double")
    assert user.select(lifecycle(SETTINGS)).collect()[0][0] == stage


def test_feature_columns_are_numbers_or_arrays_of_numbers() -> None:
    kinds = {p.name: p.physicalType for p in contract("gold.user_profiles").properties}
    assert {kinds[column] for column in contract("gold.user_profiles").feature_columns} == {"int", "bigint", "double", "array<double>"}
    assert {"recency_days", "hour_shares", "price_position"} <= set(contract("gold.user_profiles").feature_columns)


def test_the_shipped_settings_fit_the_stage() -> None:
    shipped = data_yaml("conf/settings.yaml")["profiles"]
    assert set(ProfilesSettings.model_validate(shipped).model_dump()) >= set(shipped)


def test_moods_of_the_newest_day_up_to_the_cut_are_columns_that_rules_may_name(spark: SparkSession) -> None:
    tops, hats = [("Tops", 0.9)], [("Hats", 0.8)]
    felt = [
        {
            "as_of": ago(0),
            "user_id": "ann",
            "mood": 0.7,
            "last_mood": 0.2,
            "last_text_at": datetime(2026, 2, 20, tzinfo=timezone.utc),
            "topics": tops,
        },
        {
            "as_of": ago(0),
            "user_id": "phone",
            "mood": 0.1,
            "last_mood": 0.1,
            "last_text_at": datetime(2026, 2, 19, tzinfo=timezone.utc),
            "topics": hats,
        },
        {"as_of": ago(0), "user_id": "bob", "topics": hats},
        {"as_of": ago(1), "user_id": "cat", "mood": 0.3},  # an earlier day of the pipeline: cat wrote nothing since that counts
        {"as_of": AS_OF + timedelta(days=1), "user_id": "bob", "mood": 0.2},  # not known yet
    ]
    links = spark.createDataFrame([("phone", "ann")], "actor_id string, user_id string")
    moods = rows(spark, "gold.user_moods", felt)
    known = {row.user_id: (row.mood, row.last_mood, row.topics[0].name) for row in known_moods(moods, links, as_of=AS_OF).collect()}
    assert known == {"ann": (0.7, 0.2, "Tops"), "bob": (None, None, "Hats")}
    assert known_moods(moods, None, as_of=ago(2)).isEmpty()
    days = rows(spark, "gold.user_days", [day(1), day(1, user_id="bob"), day(1, user_id="cat")])
    nothing = rows(spark, "silver.items", []), rows(spark, "silver.users", [])
    found = conform(user_profiles(days, *nothing, moods=known_moods(moods, links, as_of=AS_OF), as_of=AS_OF, settings=SETTINGS), "gold.user_profiles")
    rules = {
        "unhappy": SegmentRule(description="", condition="last_mood < 0.5", otherwise="nobody"),
        "hats": SegmentRule(description="", condition="exists(topics, t -> t.name = 'Hats' AND t.share > 0.5)", otherwise="nobody"),
    }
    assert {(row.user_id, row.segment) for row in rule_segments(found, applied_rules(rules, found)).collect()} == {
        ("ann", "unhappy"),
        ("bob", "hats"),
    }
    without = conform(user_profiles(days, *nothing, as_of=AS_OF, settings=SETTINGS), "gold.user_profiles")
    assert {(row.mood, row.topics) for row in without.collect()} == {(None, None)}
    assert [rule.lacking for rule in applied_rules(rules, without)] == [("last_mood",), ("topics",)]
