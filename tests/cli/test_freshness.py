"""How old data and lists are, in the shop's own days, and what `status --check` objects to."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pytest

from basketgraph.cli.freshness import EVENTS, LISTS, ages, check_alert
from basketgraph.foundation.config import Config, load

NOON = datetime(2026, 3, 4, 12, tzinfo=timezone.utc)
RESTED = {"run_id": "r1", "step": None, "host": "here", "process": 1, "state": "ended"}
LIVE = {"versions": {EVENTS: 7, LISTS: 3}, "as_of": date(2026, 3, 2)}


class Events:
    """A reader of one table, which must ask for the live version: a newer one may be one that quality stopped."""

    def exists(self, table: str) -> bool:
        return True

    def rows(self, table: str, query: str, version: int | None = None) -> list[dict[str, Any]]:
        assert (table, version) == (EVENTS, 7)
        return [{"day": date(2026, 3, 1)}]

    def is_file(self, path: str) -> bool:
        return False


def conf(**limits: str) -> Config:
    return load("local", "online_retail", {f"alerts.{name}": text for name, text in limits.items()})


def late(now: datetime = NOON, live: dict[str, Any] | None = LIVE, **limits: str) -> dict[str, tuple[int | None, bool]]:
    found = ages(Events(), conf(**{"data_days": "3", "lists_days": "2", **limits}), live, now)
    return {what: (age["age_days"], age["is_late"]) for what, age in found.items()}


def test_data_and_lists_are_late_the_day_after_the_last_that_conf_allows() -> None:
    assert late() == {"data": (3, False), "lists": (2, False)}
    assert late(data_days="2", lists_days="1") == {"data": (3, True), "lists": (2, True)}
    assert late(data_days="null", lists_days="null") == {"data": (3, False), "lists": (2, False)}


def test_a_day_begins_when_it_does_at_the_shop() -> None:
    midnight = datetime(2026, 7, 1, 23, 30, tzinfo=timezone.utc)  # half past midnight in London
    assert late(midnight, {**LIVE, "as_of": date(2026, 6, 30)})["lists"] == (2, False)


@pytest.mark.parametrize("live", [None, {"versions": {}, "as_of": date(2026, 3, 4)}])
def test_what_was_never_live_is_late_unless_the_shop_has_none(live: dict[str, Any] | None) -> None:
    assert late(live=live) == {"data": (None, True), "lists": (None, True)}
    assert late(live=live, data_days="null", lists_days="null") == {"data": (None, False), "lists": (None, False)}


def test_late_lists_and_a_killed_run_that_no_run_followed_are_one_alert() -> None:
    state = {"ages": ages(Events(), conf(lists_days="1"), LIVE, NOON), "holder": RESTED}
    told = check_alert(conf(), state)
    assert told is not None
    assert (told["what"], told["exit_code"], told["failures"]) == (
        "data or lists are late", 3, ["the lists are of 2026-03-02, 2 days old; at most 1 are allowed"]
    )  # fmt: skip
    fresh = {"ages": ages(Events(), conf(), LIVE, NOON), "holder": RESTED}
    assert check_alert(conf(), fresh) is None
    killed = check_alert(conf(), {**fresh, "holder": {**RESTED, "state": "killed"}})
    assert killed is not None
    assert (killed["what"], killed["run_id"], killed["failures"]) == ("killed", "r1", ["run r1 was killed, and no run went on since"])
