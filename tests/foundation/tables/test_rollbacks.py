"""Which release a rollback takes, and what it changes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from basketgraph.foundation.config import UserError
from basketgraph.foundation.tables.rollbacks import kept_releases, rollback_changes, rollback_target


def row(release: int, restores: int | None = None) -> dict[str, Any]:
    shown = restores or release
    table = {"versions": {"a": shown, "b": 1}, "rows": {"a": shown * 10, "b": 5}}
    return {"release": release, "kind": "rollback" if restores else "publish", "restores": restores, "as_of": date(2026, 3, shown), **table}


ROWS = [row(5, restores=2), row(4), row(3), row(2), row(1)]


@pytest.mark.parametrize(("to", "target"), [(None, 1), (1, 1), (4, 4), (3, 3)])
def test_a_release_is_named_or_it_is_the_one_before_what_is_shown(to: int | None, target: int) -> None:
    assert rollback_target(ROWS, to=to, keep=30, warehouse="w")["release"] == target


def test_a_rollback_is_named_as_the_release_that_it_restores() -> None:
    assert rollback_target([row(6), *ROWS], to=5, keep=30, warehouse="w")["release"] == 2


@pytest.mark.parametrize(
    ("to", "keep", "fault"),
    [
        (7, 30, "want a release from 1 to 5, have 7"),
        (0, 30, "want a release from 1 to 5, have 0"),
        (2, 30, "want another release than the live one, have 2"),
        (5, 30, "want another release than the live one, have 5"),
        (3, 2, "want a release that the newest 2 show, have 3"),
        (None, 2, "want a release that the newest 2 show, have 1"),
    ],
)
def test_a_release_that_cannot_be_shown_is_refused(to: int | None, keep: int, fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        rollback_target(ROWS, to=to, keep=keep, warehouse="w")


def test_a_kept_rollback_keeps_what_it_restores() -> None:
    assert [kept["release"] for kept in kept_releases(ROWS, 2)] == [2, 4]


def test_only_tables_of_other_versions_change() -> None:
    live = {"versions": {"a": 2, "b": 1, "new": 0}, "rows": {"a": 20, "b": 5, "new": 7}}
    assert rollback_changes(live, row(1)) == {
        "a": {"version": [2, 1], "rows": [20, 10]},
        "new": {"version": [0, None], "rows": [7, None]},
    }
