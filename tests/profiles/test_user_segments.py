"""Segments: rules hold where their columns are known, learned ones are found and named, and who came and went is counted."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from basketgraph.cli.preflight import check_run
from basketgraph.foundation.config import CONF_VARIABLE, UserError, load
from basketgraph.foundation.tables.reader import session_conf
from basketgraph.profiles.learned_segments import SegmentSettings, learned_segments, names_of
from basketgraph.profiles.rule_segments import applied_rules, otherwise_in_words, rule_segments
from basketgraph.profiles.segment_rules import SegmentRule, read_rules
from basketgraph.profiles.user_segments import segment_summary, summary_rows, user_segments
from support.contract_rows import rows

CUT = date(2026, 3, 1)
SETTINGS = SegmentSettings(clusters=(2, 3, 4), least_users=40, learning_users=1000, seed=7)


def profiles(spark: SparkSession, *given: dict[str, Any]) -> DataFrame:
    return rows(spark, "gold.user_profiles", [{"as_of": CUT, **row} for row in given])


def rule(condition: str, otherwise: Any = None) -> SegmentRule:
    return SegmentRule(description="", condition=condition, otherwise=otherwise)


def test_rules_hold_where_their_columns_are_known_and_do_what_the_file_says_where_they_are_not(spark: SparkSession) -> None:
    shop = profiles(
        spark,
        {"user_id": "ann", "age_band": "65+", "lifecycle": "new", "occupation": "Student"},
        {"user_id": "bob", "age_band": "64", "lifecycle": "active", "categories": [("TEA", 1.0)]},
        {"user_id": "cid", "age_band": "no idea"},
    )
    given = {
        **read_rules(),
        "tea": rule("exists(categories, c -> c.name = 'TEA')"),
        "owners": rule("home_ownership = 'owner'", "everybody"),  # known of nobody
        "gold_card": rule("card = 'gold' AND orders > 0", "nobody"),  # no such column
        "unknown": rule("age_band > '9' AND home_ownership = 'owner'"),  # without `otherwise` null is no
    }
    applied = applied_rules(given, shop)
    held = {(row.segment, row.user_id) for row in rule_segments(shop, applied).collect()}
    assert held == {
        *(("all", user) for user in ("ann", "bob", "cid")),
        ("students", "ann"),
        ("senior", "ann"),
        ("new_customers", "ann"),
        ("tea", "bob"),
        *(("owners", user) for user in ("ann", "bob", "cid")),
    }
    said = [otherwise_in_words(one) for one in applied if one.lacking]
    assert said == [
        "owners: the shop does not have home_ownership, so the segment holds everybody",
        "gold_card: the shop does not have card, so the segment holds nobody",
    ]


def test_broken_rules_are_named_all_at_once(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"syntax": rule("orders >"), "number": rule("orders + 1"), "typo": rule("lifecicle = 'new'"), "sums": rule("sum(orders) > 3")}
    with pytest.raises(UserError, match=r"conf/segments\.yaml") as refused:
        applied_rules(wrong, profiles(spark, {"user_id": "ann"}))
    assert [fault.partition(":")[0] for fault in refused.value.faults] == [f"rules.{name}.condition" for name in wrong]
    assert refused.value.faults[2].endswith("have lifecicle; did you mean lifecycle?")

    shop = profiles(spark, {"user_id": "ann", "age_band": "45-54"}, {"user_id": "bob", "age_band": "70"})
    with session_conf(spark, "spark.sql.ansi.enabled", "true"), pytest.raises(UserError, match="try_cast") as refused:
        applied_rules({"all": rule("true"), "older": rule("age_band > 60")}, shop)
    (fault,) = refused.value.faults
    assert fault.startswith('rules.older.condition: A value of the type "STRING" cannot be cast')
    assert fault.endswith("have 'age_band > 60'")
    assert "45-54" not in str(refused.value), "what the shop knows of a person is in no message"

    place = tmp_path / "conf" / "segments.yaml"
    place.parent.mkdir()
    place.write_text("rules: {some: {description: some, condition: 'true', otherwise: anybody}}\n")
    monkeypatch.setenv(CONF_VARIABLE, str(tmp_path))
    with pytest.raises(UserError, match=r"segments\.yaml\.rules\.some\.otherwise"):
        check_run(load("local", "complete_journey", {"warehouse": str(tmp_path / "w")}), "profiles")


def test_groups_that_are_alike_are_found_and_named_and_the_best_silhouette_decides(spark: SparkSession) -> None:
    often = [{"user_id": f"o{n}", "recency_days": 1 + n % 3, "orders_90d": 30 + n % 5, "discount_line_share": 0.5} for n in range(30)]
    seldom = [{"user_id": f"s{n}", "recency_days": 80 + n % 9, "orders_90d": 1, "discount_line_share": None} for n in range(30)]
    shop = profiles(spark, *often, *seldom)
    found, clusters = learned_segments(shop, SETTINGS)
    assert clusters is not None
    assert max(clusters.silhouettes, key=lambda k: clusters.silhouettes[k]) == 2
    segments = {row.user_id: row.segment for row in found.collect()}
    assert len(segments) == 60
    assert {segments[row["user_id"]] for row in often} == {"order often, bought lately"}
    assert {segments[row["user_id"]] for row in seldom} == {"order seldom, have stayed away long"}
    nobody, none = learned_segments(shop.limit(39), SETTINGS)
    assert (none, nobody.count()) == (None, 0)


def test_names_are_told_apart_by_more_features_and_at_last_by_a_number() -> None:
    features = ("recency_days", "orders_90d", "price_position")
    centres = [[3.0, -2.0, 1.0], [3.0, -2.0, -1.0], [-1.0, 2.0, 0.5], [-1.0, 2.0, 0.5]]
    names = names_of(centres, features)
    stay = "have stayed away long, order seldom"
    twice = "order often, bought lately, choose dear products"
    assert names == [f"{stay}, choose dear products", f"{stay}, choose cheap products", f"{twice} (1)", f"{twice} (2)"]


def test_who_came_and_went_is_counted_and_a_segment_that_was_not_there_before_is_new(spark: SparkSession) -> None:
    def day(*members: tuple[str, str, str]) -> DataFrame:
        by_kind = [spark.createDataFrame(list(of), "user_id string, segment string, kind string") for of in (members[:-1], members[-1:])]
        return user_segments(*by_kind)

    now = day(("ann", "all", "rule"), ("bob", "all", "rule"), ("ann", "thrifty", "learned"))
    before = day(("bob", "all", "rule"), ("cid", "all", "rule"), ("cid", "gone", "learned"))
    spent = profiles(spark, {"user_id": "ann", "spend_minor_28d": 5, "spend_minor_90d": 50}, {"user_id": "bob", "spend_minor_28d": 7})
    found = {row.pop("segment"): row for row in summary_rows(segment_summary(now, before, spent))}
    assert list(found) == ["all", "thrifty", "gone"]
    assert found["all"] == {"kind": "rule", "people": 2, "spend_minor_28d": 12, "spend_minor_90d": 51, "joined": 1, "left": 1}
    assert (found["thrifty"]["people"], found["thrifty"]["joined"], found["gone"]["people"], found["gone"]["left"]) == (1, None, 0, 1)
