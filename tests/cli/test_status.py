"""What is told of a warehouse, derived from its run log and its live release."""

from __future__ import annotations

from datetime import date

import pytest

from basketgraph.cli.status import still_to_come


@pytest.mark.parametrize(
    ("judged_from", "as_of", "told"),
    [
        ("2026-03-15", date(2026, 3, 14), "2026-03-15"),
        ("2026-03-15", date(2026, 3, 15), None),  # a run of that day judges, or says anew that it cannot
        ("2026-03-15", None, "2026-03-15"),
        (None, date(2026, 3, 14), None),
    ],
)
def test_a_day_from_which_lists_can_be_judged_is_told_until_it_comes(judged_from: str | None, as_of: date | None, told: str | None) -> None:
    assert still_to_come(judged_from, {"as_of": as_of}) == told


def test_without_a_release_the_day_is_told() -> None:
    assert still_to_come("2026-03-15", None) == "2026-03-15"
