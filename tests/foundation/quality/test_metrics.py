"""Our own expectations on planted rows: look-ups into other tables, days that are not usual, prices and distributions that move."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pyspark.sql import DataFrame, SparkSession

from basketgraph.foundation.config import data_yaml, parsed
from basketgraph.foundation.quality import metrics
from basketgraph.foundation.quality.check_scope import Finding, Look, Scope, judged_days, whole_table
from basketgraph.foundation.quality.examine import examine
from basketgraph.foundation.quality.suites import Expectation, QualitySettings, Suite, suite
from support.contract_rows import rows

SETTINGS = parsed(QualitySettings, data_yaml("conf/settings.yaml")["quality"], "settings.quality")
DS = date(2026, 3, 2)  # a Monday: the days before it end with a Sunday
SATURDAY = date(2026, 2, 28)
NOON = datetime(2026, 2, 28, 12, tzinfo=timezone.utc)
EVENT = {"event_type": "purchase", "event_time": NOON, "event_date": SATURDAY, "user_id": "u", "item_id": "tea", "order_id": "o"}


def found(
    spark: SparkSession, table: str, frame: DataFrame, others: Mapping[str, DataFrame], *checks: str, later: str | None = None
) -> dict[str, Finding]:
    """What these checks of the table's suite find, looking at all of `frame`."""
    chosen = Suite(table, {name: suite(table).expectations[name] for name in checks})
    values = {**SETTINGS.values, "ds": DS, "previous_rows": None, "later_delivery": later}
    days = judged_days(DS, SETTINGS.judged_days)
    look = Look(frame, frame, ds=DS.isoformat(), judged=days, window=days, usual=SETTINGS.usual, lookup=lambda name: others.get(name))
    return {finding.check: finding for finding in examine(chosen, values, look)}


def test_references_and_sequences_of_events_are_looked_up(spark: SparkSession) -> None:
    day = timedelta(days=1)
    items = [
        {"item_id": "tea", "valid_from": SATURDAY - 9 * day, "valid_to": SATURDAY},  # renamed
        {"item_id": "tea", "valid_from": SATURDAY},
        {"item_id": "jam", "valid_from": SATURDAY - 9 * day, "valid_to": SATURDAY},  # withdrawn from that day on
    ]
    given = [
        {},
        {"item_id": "jam"},
        {"item_id": "jam", "event_date": SATURDAY - day},
        {"item_id": "jam", "event_type": "cancellation", "user_id": "w", "order_id": "c1"},
        {"item_id": "gin"},
        {"event_type": "cancellation", "order_id": "c2", "event_time": NOON},  # at the instant of the purchase
        {"event_type": "cancellation", "order_id": "c3", "event_time": NOON - timedelta(seconds=1)},
        {"event_type": "cancellation", "user_id": "nobody", "order_id": "c4"},  # bought before the data begin
        {"order_id": "c4"},
    ]
    events = rows(spark, "silver.events", [{**EVENT, **row} for row in given])
    others = {"silver.items": rows(spark, "silver.items", items), "silver.events": events}
    names = [
        f"looked_up_values_to_meet:{name}" for name in ("item_is_listed", "item_is_not_withdrawn", "purchase_comes_first", "labels_agree_in_an_order")
    ]
    got = found(spark, "silver.events", events, others, *names)
    counts = [(got[name].element_count, got[name].unexpected_count, got[name].success) for name in names]
    assert counts == [(9, 1, False), (9, 1, False), (4, 1, False), (4, 1, False)]
    alone = found(spark, "silver.events", events, {}, names[0])[names[0]]
    assert (alone.outcome, alone.observed) == ("not_compared", "not compared: this shop has no silver.items")


def test_redemptions_and_recommendations_are_looked_up(spark: SparkSession) -> None:
    day = timedelta(days=1)
    others = {
        "silver.campaigns": rows(spark, "silver.campaigns", [{"campaign_id": "c", "start_date": SATURDAY - day, "end_date": SATURDAY}]),
        "silver.campaign_targets": rows(spark, "silver.campaign_targets", [{"campaign_id": "c", "user_id": "u"}]),
        "silver.coupons": rows(spark, "silver.coupons", [{"campaign_id": "c", "coupon_id": "k", "item_id": "tea"}]),
        "silver.items": rows(spark, "silver.items", [{"item_id": "tea"}, {"item_id": "tea", "valid_from": SATURDAY}]),
    }
    good = {"campaign_id": "c", "user_id": "u", "coupon_id": "k", "redemption_date": SATURDAY}
    bad = [{"redemption_date": SATURDAY + day}, {"redemption_date": SATURDAY - 2 * day}, {"user_id": "v"}, {"coupon_id": "x"}]
    names = [f"looked_up_values_to_meet:{name}" for name in ("campaign_runs", "user_was_targeted", "coupon_is_known")]
    redemptions = rows(spark, "silver.redemptions", [good, *({**good, **change} for change in bad)])
    got = found(spark, "silver.redemptions", redemptions, others, *names)
    assert [got[name].unexpected_count for name in names] == [2, 1, 1]
    listed = "looked_up_values_to_meet:item_is_listed"
    lists = rows(spark, "gold.recommendations", [{"item_id": "tea"}, {"item_id": "gone"}])
    (finding,) = found(spark, "gold.recommendations", lists, others, listed).values()
    assert (finding.severity, finding.element_count, finding.unexpected_count) == ("critical", 2, 1), "an item of two versions is one"


def test_exposures_are_held_against_the_row_of_our_lists_that_they_name(spark: SparkSession) -> None:
    names = ("looked_up_values_to_meet:list_row_is_ours", "looked_up_values_to_meet:list_row_fits")
    lists = rows(spark, "gold.recommendations", [{"as_of": DS, "user_id": "u", "item_id": "tea", "list_row_id": "1"}, {"user_id": "old"}])
    good = {"event_date": DS, "user_id": "u", "item_id": "tea", "list_row_id": "1"}
    fitting = [{}, {"user_id": None}, {"user_id": None, "visitor_id": "v"}, {"user_id": "account", "visitor_id": "u"}]
    misfits = [{"user_id": "w"}, {"item_id": "jam"}, {"event_date": DS - timedelta(days=1)}]
    strange = [{"list_row_id": "2", "event_date": DS - timedelta(days=ago)} for ago in (60, 61)]  # the older one's list may be gone
    exposures = rows(spark, "silver.exposures", [{**good, **change} for change in [*fitting, *misfits, *strange, {"list_row_id": None}]])
    got = found(spark, "silver.exposures", exposures, {"gold.recommendations": lists}, *names)
    assert [(got[name].severity, got[name].unexpected_count) for name in names] == [("warning", 1), ("warning", len(misfits))]


def test_a_file_is_set_aside_until_a_newer_one_of_its_name_was_read(spark: SparkSession) -> None:
    at = [NOON + timedelta(hours=hour) for hour in range(2)]
    given = [
        {"source_file": "mended", "status": "quarantined", "seen_at": at[0]},
        {"source_file": "mended", "status": "done", "seen_at": at[1]},
        {"source_file": "mended", "status": "quarantined", "seen_at": at[1], "table_name": "another"},  # which cannot use it still
        {"source_file": "worse", "status": "done", "seen_at": at[0]},
        {"source_file": "worse", "status": "quarantined", "seen_at": at[1]},
    ]
    files = rows(spark, "ops.files", [{"table_name": "silver.events", **row} for row in given])
    name = "looked_up_values_to_meet:newest_is_read"
    (finding,) = found(spark, "ops.files", files, {"ops.files": files}, name).values()
    assert (finding.element_count, finding.unexpected_count, finding.success) == (5, 2, False)


def test_late_events_are_those_of_a_later_delivery(spark: SparkSession) -> None:
    at = [DS - timedelta(days=days) for days in (2, 3, 4)]
    events = rows(spark, "silver.events", [{**EVENT, "event_date": day, "run_id": run} for day in at for run in ("old", "new")])
    name = "column_values_to_meet:arrives_on_time"
    got = found(spark, "silver.events", events, {}, name, later="new")[name]
    assert (got.element_count, got.unexpected_count, got.success) == (3, 1, False), "three days are on time, four are late"
    first = found(spark, "silver.events", events, {}, name)[name]
    assert (first.outcome, first.observed) == ("not_compared", "not compared yet: no later delivery"), "a first load brings the past"


def history(*, halved: date | None, factor: int = 1) -> list[dict[str, Any]]:
    """Fourteen weeks of orders at all hours: 12 a day, 20 on Saturdays, 4 on Sundays."""
    given = []
    for back in range(1, 99):
        day = DS - timedelta(days=back)
        orders = {5: 20, 6: 4}.get(day.weekday(), 12) // (2 if day == halved else 1)
        for number in range(orders):
            moment = datetime(day.year, day.month, day.day, 8 + number % 12, tzinfo=timezone.utc)
            amount = 100 * (factor if back <= 7 else 1)
            row = {"order_id": f"{day}-{number}", "event_date": day, "event_time": moment, "item_id": f"i{number % 4}", "amount_minor": amount}
            given.append({**EVENT, **row, "user_id": f"u{number}"})
    return given


USUAL, AMOUNTS, HOURS, PRICES = (
    "metric_to_be_usual:orders",
    "distribution_to_be_steady:amounts",
    "distribution_to_be_steady:hours",
    "medians_to_be_steady:prices",
)


@pytest.mark.slow
def test_a_halved_saturday_and_prices_in_another_unit_are_found_and_an_ordinary_week_is_not(spark: SparkSession) -> None:
    ordinary = found(spark, "silver.events", rows(spark, "silver.events", history(halved=None)), {}, USUAL, AMOUNTS, HOURS, PRICES)
    assert [finding.check for finding in ordinary.values() if not finding.success] == []
    assert (ordinary[USUAL].value, ordinary[USUAL].anomaly_score, ordinary[USUAL].judged_day) == (4, 0, date(2026, 3, 1)), (
        "a Sunday is compared with Sundays"
    )
    assert ordinary[HOURS].scope.scope_reason == "and the 28 days before them"
    assert ordinary[USUAL].observed == "it is 4 on 2026-03-01; usual on Sundays is 3.04 to 4.96"

    bad = found(spark, "silver.events", rows(spark, "silver.events", history(halved=SATURDAY, factor=100)), {}, USUAL, AMOUNTS, HOURS, PRICES)
    assert {finding.check for finding in bad.values() if finding.outcome == "broken"} == {USUAL, AMOUNTS, PRICES}
    assert "it is 10 on 2026-02-28; usual on Saturdays is" in bad[USUAL].observed
    assert bad[USUAL].anomaly_score is not None
    assert bad[USUAL].anomaly_score < -4
    assert (bad[USUAL].usual_low or 0) > 10
    assert (bad[PRICES].element_count, bad[PRICES].unexpected_count, bad[PRICES].observed) == (
        4,
        4,
        "not true of 4 items of 4 (100\N{NO-BREAK SPACE}%)",
    )


def test_hours_are_the_shops_own_so_that_summer_time_moves_none(spark: SparkSession) -> None:
    ds, berlin = date(2026, 4, 5), ZoneInfo("Europe/Berlin")
    days = [ds - timedelta(days=back) for back in range(1, 36)]  # the seven from 29 March on are summer
    moments = [datetime(day.year, day.month, day.day, hour, tzinfo=berlin) for day in days for hour in range(9, 22)]
    events = rows(spark, "silver.events", [{**EVENT, "event_date": moment.date(), "event_time": moment} for moment in moments])
    window = judged_days(ds, 7)
    told = {}
    for zone in ("Europe/Berlin", "UTC"):
        values = {**SETTINGS.model_copy(update={"time_zone": zone}).values, "ds": ds}
        look = Look(events, events, ds=ds.isoformat(), judged=window, window=window, usual=SETTINGS.usual)
        (told[zone],) = examine(Suite("silver.events", {HOURS: suite("silver.events").expectations[HOURS]}), values, look)
    assert (told["Europe/Berlin"].success, told["Europe/Berlin"].value) == (True, 0)
    assert not told["UTC"].success


def test_a_distribution_of_more_values_than_the_driver_should_get_is_refused(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    events = rows(spark, "silver.events", [{**EVENT, "quantity": number} for number in range(1, 4)])
    monkeypatch.setattr(metrics, "MOST_BUCKETS", 3)
    assert metrics.shifts(events, "event_date", SATURDAY.isoformat(), json.dumps({"at_most": "quantity"})) == {"at_most": (0.0, 3, 0)}
    monkeypatch.setattr(metrics, "MOST_BUCKETS", 2)
    with pytest.raises(ValueError, match=r"^many: want at most 2 buckets, have more$"):
        metrics.shifts(events, "event_date", SATURDAY.isoformat(), json.dumps({"many": "quantity", "few": "event_type"}))


@pytest.mark.parametrize("part", [True, False])
def test_a_day_that_lost_all_its_rows_counts_as_empty_and_leaves_the_history(spark: SparkSession, part: bool) -> None:
    days = [SATURDAY - timedelta(weeks=back) for back in range(9)]
    known: dict[str, float | None] = {day.isoformat(): 1.0 for day in [*days, SATURDAY + timedelta(days=1)]}
    whole = rows(spark, "silver.events", [{**EVENT, "event_date": date.fromisoformat(day)} for day in known if day != SATURDAY.isoformat()])
    seen: dict[str, Any] = {"known": {USUAL: known}, "history": lambda name, expectation: known, "usual": SETTINGS.usual}
    lost = [SATURDAY.isoformat()]
    look = Look(
        whole.where(f"event_date = '{SATURDAY}'") if part else whole, whole, scope=Scope("days", [SATURDAY]) if part else Scope(), judged=lost, **seen
    )
    (finding,) = examine(Suite("silver.events", {USUAL: suite("silver.events").expectations[USUAL]}), {**SETTINGS.values, "ds": DS}, look)
    assert (finding.success, finding.value) == (False, 0)
    assert (look.daily[USUAL][SATURDAY.isoformat()], len(look.daily[USUAL])) == (None, 1 if part else 10)


def test_a_day_that_changed_is_noted_for_later_also_where_none_is_judged(spark: SparkSession) -> None:
    frame = rows(spark, "silver.events", [{**EVENT, "event_date": DS}])
    look = Look(frame, frame, scope=Scope("days", [DS, SATURDAY]), usual=SETTINGS.usual)
    (finding,) = examine(Suite("silver.events", {USUAL: suite("silver.events").expectations[USUAL]}), {**SETTINGS.values, "ds": DS}, look)
    assert (finding.success, finding.value) == (True, None)
    assert look.daily == {USUAL: {DS.isoformat(): 1.0, SATURDAY.isoformat(): None}}


@pytest.mark.slow
@pytest.mark.parametrize("part", [True, False])
def test_a_condition_on_rows_holds_for_every_kind_of_promise_whatever_is_looked_at(spark: SparkSession, part: bool) -> None:
    """Purchases are alike on all days; the cancellations are other amounts, and more of them, in the days that are judged."""
    on_purchases = {"row_condition": "event_type = 'purchase'", "condition_parser": "spark"}
    windowed = {"day": "event_date", "window_days": 28}
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "rows": ("expect_table_row_count_to_be_between", {"max_value": 36}),
        "max": ("expect_column_max_to_be_between", {"column": "quantity", "max_value": 1}),
        "metric": ("expect_metric_to_be_usual", {"metric": "sum(quantity)"}),
        "amounts": ("expect_distribution_to_be_steady", {"bucket": "amount_minor", "max_index": 0.1, **windowed}),
        "medians": ("expect_medians_to_be_steady", {"by": "item_id", "measure": "amount_minor", "factor": 2.0, "least": 5, **windowed}),
    }
    given = []
    for back in range(1, 37):
        day = {"event_date": DS - timedelta(days=back)}
        given.append({**EVENT, **day, "quantity": 1, "amount_minor": 100})
        given += [{**EVENT, **day, "quantity": 9, "amount_minor": 5000, "event_type": "cancellation"}] * (9 if back <= 7 else 0)
    frame, window = rows(spark, "silver.events", given), judged_days(DS, 7)
    some = frame.where(f"event_date = '{window[-1]}'") if part else frame
    scope = Scope("days", [date.fromisoformat(window[-1])]) if part else Scope()
    look = Look(some, frame, scope=scope, ds=DS.isoformat(), judged=window[-1:], window=window, usual=SETTINGS.usual)
    for condition, promised in ((on_purchases, True), ({}, False)):
        expectations = {
            name: Expectation(type=kind, kwargs={**kwargs, **condition}, severity="warning", notes="why") for name, (kind, kwargs) in kinds.items()
        }
        got = {f.check: f for f in examine(Suite("silver.events", expectations), {**SETTINGS.values, "ds": DS}, look)}
        assert {name: finding.success for name, finding in got.items() if name != "metric"} == dict.fromkeys(set(kinds) - {"metric"}, promised)
        assert got["metric"].value == (36 if condition else 36 + 7 * 9 * 9)
        scopes = (got["rows"].scope.scope_kind, got["metric"].scope.scope_kind)
        assert scopes == (("all_rows" if condition else "log", "all_rows") if part else ("table", "table"))


def test_metrics_of_a_table_and_its_conditions_take_one_pass(spark: SparkSession) -> None:
    """GX alone would take a scan for the largest value and one for the conditions, besides the count of rows, which Delta's log knows."""
    e = {"severity": "warning", "notes": "why"}
    expectations = {
        "rows": Expectation(type="expect_table_row_count_to_be_between", kwargs={"min_value": 1}, **e),
        "max": Expectation(type="expect_column_max_to_be_between", kwargs={"column": "quantity", "max_value": 5}, **e),
        "set": Expectation(type="expect_column_values_to_be_in_set", kwargs={"column": "event_type", "value_set": ["purchase"]}, **e),
        "meet": Expectation(type="expect_column_values_to_meet", kwargs={"column": "quantity", "condition": "quantity > 0"}, **e),
    }
    frame = rows(spark, "silver.events", [EVENT]).localCheckpoint()
    started = spark.sparkContext._jsc.sc().dagScheduler().nextJobId()  # type: ignore[attr-defined]
    frame.agg({"quantity": "max"}).collect()
    one_pass = spark.sparkContext._jsc.sc().dagScheduler().nextJobId() - started  # type: ignore[attr-defined]
    values = {**SETTINGS.values, "ds": DS, "previous_rows": None, "later_delivery": None}
    got = examine(Suite("silver.events", expectations), values, whole_table(frame, DS, SETTINGS))
    assert [finding.success for finding in got] == [True] * 4
    assert spark.sparkContext._jsc.sc().dagScheduler().nextJobId() - started - one_pass == 2 * one_pass  # type: ignore[attr-defined]


def test_the_stability_index_is_zero_for_equal_shares_and_large_for_others() -> None:
    assert metrics.stability([100, 200, 300], [10, 20, 30]) == 0
    assert metrics.stability([500, 500], [1000, 0]) > 1
    assert 0.1 < metrics.stability([5000, 5000], [7000, 3000]) < 0.25, "a shift that textbooks call moderate"
    assert math.isclose(metrics.stability([5000, 5000], [7000, 3000]), 0.4 * math.log(1.4) * 0.5 + 0.4 * math.log(1 / 0.6) * 0.5, abs_tol=2e-3)
    assert metrics.stability([3, 2], [0, 1]) == 0, "a handful of rows shows nothing"
    assert metrics.stability([], []) == 0
