"""What a check looks at, run after run: the whole table, the days that changed, or nothing; and what a person accepts."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

import pytest
from pyspark.sql import Row, SparkSession

from basketgraph.cli.status import quality_verdict
from basketgraph.foundation.config import data_yaml, parsed
from basketgraph.foundation.quality.check import QualityStop, check_all
from basketgraph.foundation.quality.history import CheckHistory, CheckRun, check_history
from basketgraph.foundation.quality.incremental import newer_lookup
from basketgraph.foundation.quality.renderers import scope_in_words
from basketgraph.foundation.quality.suites import QualitySettings, Suite, suite
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.report.newest import newest_checks
from basketgraph.report.promises import state
from support.contract_rows import rows

EVENTS = "silver.events"
SETTINGS = parsed(QualitySettings, data_yaml("conf/settings.yaml")["quality"], "settings.quality")
USER = "0123456789abcdef" * 2
LAST = date(2026, 3, 6)
KEY, CURRENCY, DISCOUNT = "key_to_be_unique:event_id", "column_values_to_meet:currency", "column_values_to_meet:event_id"


class Shop:
    """A warehouse in which each run adds events and checks them."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder, self.runs = spark, folder, 0

    def release(self) -> RunTables:
        return RunTables(self.spark, str(self.folder), f"run-{self.runs}")

    def add(self, day: date, *events: dict[str, Any]) -> None:
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=timezone.utc)
        base = {"event_type": "purchase", "event_time": noon, "event_date": day, "user_id": USER, "currency": "EUR", "ingested_at": noon}
        given = [{**base, "event_id": f"{day}-{number}", **event} for number, event in enumerate(events)]
        self.release().append(rows(self.spark, EVENTS, given), EVENTS)

    def check(self, ds: date, **options: Any) -> dict[str, Any]:
        self.runs += 1
        return check_all(self.release(), [EVENTS], ds, SETTINGS, **options)

    def found(self) -> dict[str, Row]:
        """The results of the last run, by check."""
        kept = self.release().read("ops.quality_results").where(f"run_id = 'run-{self.runs}'").collect()
        assert len({row.check_name for row in kept}) == len(kept)
        return {row.check_name: row for row in kept}

    def state(self, check_name: str) -> str:
        """As the page tells it."""
        return next(state(check) for check in newest_checks(self.release()) if check["check_name"] == check_name)


@pytest.fixture
def shop(spark: SparkSession, tmp_path: Path) -> Shop:
    return Shop(spark, tmp_path)


@pytest.mark.long
def test_after_the_first_check_only_the_days_that_changed_are_looked_at_until_the_whole_table_is_due(shop: Shop) -> None:
    for back in (2, 1):
        shop.add(LAST - timedelta(days=back), {}, {"discount_minor": -1})  # a warning on each day
    (first,) = shop.check(LAST).values()
    assert first["scope"].startswith("the whole table: no version of it has passed")
    assert (shop.found()[DISCOUNT].unexpected_count, shop.found()[DISCOUNT].element_count, shop.found()[DISCOUNT].value) == (2, 4, 0.5)

    assert shop.check(LAST) == {}, "nothing new, nothing looked at"
    shop.add(LAST, {}, {"event_id": "moved"}, {})
    next_day = LAST + timedelta(days=1)
    (second,) = shop.check(next_day).values()
    found = shop.found()
    assert second["scope"] == "rows of 1 day that changed since the last check: 2026-03-06"
    assert (found[DISCOUNT].element_count, found[DISCOUNT].outcome, found[DISCOUNT].scope_days) == (3, "kept", [LAST]), (
        "the old days are not read again"
    )
    assert shop.state(DISCOUNT) == "open", "what broke it on the old days is not forgotten"
    assert (found["table_row_count_to_be_between"].value, found["table_row_count_to_be_between"].scope_kind) == (7, "log")
    assert found["column_max_to_be_between:event_date"].success
    purchase = found["looked_up_values_to_meet:purchase_comes_first"]
    assert (purchase.scope_kind, purchase.repeated_from) == ("table", LAST), "only the whole table can show it, so it is repeated"
    assert (first["spark_jobs"] > 0, first["seconds"] > 0) == (True, True)

    later = LAST + timedelta(days=5)
    (third,) = shop.check(later).values()
    assert third["scope"].startswith("nothing changed since the last check"), "the newest day is compared with the day of the run all the same"
    assert shop.found()[DISCOUNT].element_count == 3
    assert scope_in_words(shop.found()[DISCOUNT].asDict()) == f"looked at for {next_day}: {second['scope']}"
    assert shop.state(DISCOUNT) == "open"
    assert shop.check(later + timedelta(days=4))[EVENTS]["scope"] == "the whole table: every 7 days"
    assert (shop.found()[DISCOUNT].element_count, shop.found()[DISCOUNT].unexpected_count) == (7, 2)
    assert shop.state(DISCOUNT) == "warning"
    assert not shop.found()["column_max_to_be_between:event_date"].success, "the newest event is nine days old, seven are allowed"
    assert shop.release().read("ops.daily_values").where("check_name LIKE '%orders'").count() >= 3


@pytest.mark.slow
def test_a_failure_stops_until_it_is_mended_or_a_person_lets_it_pass_for_the_day(shop: Shop) -> None:
    shop.add(LAST, {}, {"currency": "euro"})
    for _ in range(2):  # the second run finds the version that stopped the first
        with pytest.raises(QualityStop) as stopped:
            shop.check(LAST)
    (failure,) = stopped.value.failures
    assert (failure["table"], failure["check"], failure["since"]["run_id"], failure["since"]["ds"]) == (EVENTS, CURRENCY, "run-1", "2026-03-06")
    assert shop.found()[CURRENCY].accepted_because is None

    shop.check(LAST, accepted={(EVENTS, CURRENCY): "a trial (accepted by ann)"})
    assert (shop.found()[CURRENCY].success, shop.found()[CURRENCY].accepted_because) == (False, "a trial (accepted by ann)")
    shop.add(LAST, {"event_id": "one more"})
    shop.check(LAST)
    assert shop.found()[CURRENCY].accepted_because == "a trial (accepted by ann)", "the same day again: what was accepted stays so"
    shop.add(LAST, {"event_id": "and one"})
    with pytest.raises(QualityStop):
        shop.check(LAST + timedelta(days=1))
    assert shop.found()[CURRENCY].accepted_because is None, "another day: to be accepted anew"


@pytest.mark.long
def test_what_was_let_pass_for_a_day_stops_the_next_although_only_other_days_changed(shop: Shop) -> None:
    shop.add(LAST - timedelta(days=1), {})
    shop.check(LAST - timedelta(days=1))
    shop.add(LAST, {"event_id": "twice"}, {"event_id": "twice"})
    shop.check(LAST, accepted={(EVENTS, KEY): "mended tomorrow (accepted by ann)"})
    assert shop.check(LAST) == {}, "the same day again"
    shop.add(LAST - timedelta(days=1), {"event_id": "late"})
    shop.check(LAST)
    assert (shop.found()[KEY].success, shop.found()[KEY].accepted_because) == (False, "mended tomorrow (accepted by ann)"), "it is still broken"
    next_day = LAST + timedelta(days=1)
    shop.add(next_day, {})
    with pytest.raises(QualityStop):
        shop.check(next_day)
    assert shop.found()[KEY].scope_days == [LAST - timedelta(days=1), LAST, next_day], "all that changed since a check that passed by itself"


def test_what_a_person_let_pass_is_no_check_from_which_changes_are_counted() -> None:
    at = datetime(2026, 3, 6, tzinfo=timezone.utc)
    same = {"check_name": KEY, "suite_hash": "h", "scope_kind": "table", "repeated_from": None, "severity": "critical"}
    kept = {**same, "ds": LAST - timedelta(days=1), "success": True, "accepted_because": None, "checked_at": at}
    broken = {**same, "ds": LAST, "success": False, "accepted_because": "a trial", "checked_at": at + timedelta(days=1)}
    other = {**kept, "ds": LAST, "suite_hash": "another", "checked_at": at + timedelta(days=2)}
    known = CheckHistory({EVENTS: {KEY: [kept, broken, other]}})
    assert (known.of_suite(EVENTS, "h"), known.passed(EVENTS, "h")) == ([[broken], [kept]], [[kept]])
    assert (known.of_suite(EVENTS, "new"), known.passed(EVENTS, "new")) == ([], [])


@pytest.mark.slow
def test_a_stop_of_promises_that_were_taken_back_ends_with_the_next_run(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    promotions, ends = "silver.promotions", "column_values_to_meet:valid_to"
    day = date(2026, 1, 1)
    RunTables(spark, str(tmp_path), "run-0").append(rows(spark, promotions, [{"valid_from": day, "valid_to": day + timedelta(days=9)}]), promotions)
    good = suite(promotions)
    wrong = good.expectations[ends].model_copy(update={"kwargs": {"column": "valid_to", "condition": "valid_to < valid_from"}})

    def run(number: int, terms: Suite) -> tuple[str | None, Any]:
        monkeypatch.setattr("basketgraph.foundation.quality.check.suites_of", lambda _: {promotions: terms})
        release, scope = RunTables(spark, str(tmp_path), f"run-{number}"), None
        try:
            scope = check_all(release, [promotions], LAST, SETTINGS).get(promotions, {}).get("scope")
        except QualityStop:
            scope = "stopped"
        found = quality_verdict(release, release.run_id)
        return scope, (found["critical_failures"], found["critical_of_earlier_runs"])

    assert run(1, good)[1] == (0, 0)
    assert run(2, Suite(promotions, {**good.expectations, ends: wrong})) == ("stopped", (1, 0))
    assert run(3, good) == ("the whole table: it was held against other promises since", (0, 0))
    assert run(4, good) == (None, (0, 0))


@pytest.mark.slow
def test_a_table_that_did_not_change_is_looked_at_again_when_what_it_looks_up_did(spark: SparkSession, tmp_path: Path) -> None:
    coupons, campaigns, listed = "silver.coupons", "silver.campaigns", "looked_up_values_to_meet:campaign_is_listed"

    def run(number: int, **campaign: str) -> tuple[str | None, bool, int]:
        release = RunTables(spark, str(tmp_path), f"run-{number}")
        if campaign:
            release.overwrite(rows(spark, campaigns, [campaign]), campaigns)
        told = check_all(release, [coupons], LAST, SETTINGS).get(coupons, {}).get("scope")
        last = check_history(release, [coupons]).last(coupons, listed) or {}
        return told, last["success"], last["looked_up_version"]

    RunTables(spark, str(tmp_path), "run-0").overwrite(rows(spark, coupons, [{"campaign_id": "late"}]), coupons)
    (_, success, version) = run(1, campaign_id="early")
    assert not success
    told, success, later = run(2, campaign_id="late")
    assert (told, success, later > version) == ("the whole table: silver.campaigns changed since it was looked up", True, True)
    assert run(3) == (None, True, later), "nothing new in either, nothing looked at"


@pytest.mark.parametrize(
    ("table", "name", "success", "was", "days", "anew"),
    [
        (EVENTS, "item_is_listed", True, 4, 1, None),  # events are not read as a whole each day because items changed
        (EVENTS, "item_is_listed", False, 4, 1, "silver.items"),
        (EVENTS, "item_is_listed", False, 5, 1, None),
        ("silver.coupons", "item_is_listed", True, 4, 1, "silver.items"),
        ("silver.coupons", "item_is_listed", True, None, 1, "silver.items"),  # the shop had no such table
        ("silver.coupons", "item_is_listed", True, 5, 1, None),
        ("silver.campaign_targets", "targets_are_shoppers", True, 4, 6, None),  # nor as a whole each day because there are new ones
        ("silver.campaign_targets", "targets_are_shoppers", True, 4, 7, EVENTS),
        ("silver.campaign_targets", "targets_are_shoppers", False, 4, 1, EVENTS),
    ],
)
def test_a_table_that_is_looked_up_calls_for_another_look_where_it_may_change_the_verdict(
    table: str, name: str, success: bool, was: int | None, days: int, anew: str | None
) -> None:
    check_name = f"looked_up_values_to_meet:{name}"
    terms = Suite(table, {check_name: suite(table).expectations[check_name]})
    row = {"check_name": check_name, "success": success, "looked_up_version": was, "ds": LAST}
    now = {terms.expectations[check_name].kwargs["table"]: 5}
    history = CheckHistory({table: {check_name: [row]}})
    run = CheckRun(cast(RunTables, None), LAST + timedelta(days=days), SETTINGS.model_copy(update={"whole_days": 7}), history)
    assert newer_lookup(run, terms, [row], now) == anew


@pytest.mark.long
def test_a_change_of_the_settings_makes_the_whole_table_be_looked_at(shop: Shop) -> None:
    shop.add(LAST, {})
    check_all(shop.release(), [EVENTS], LAST, SETTINGS)
    looser = SETTINGS.model_copy(update={"usual_score": 9.0})
    assert check_all(shop.release(), [EVENTS], LAST, SETTINGS) == {}
    assert check_all(shop.release(), [EVENTS], LAST, looser)[EVENTS]["scope"].startswith("the whole table: no version of it has passed these")
    kept = shop.release().read("ops.quality_results")
    assert kept.count() == kept.select("run_id", "table_name", "check_name").distinct().count(), "the same run again replaces what it found"
