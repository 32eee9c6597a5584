"""CAMPAIGN.yaml: what it may say, and what is told of one that says something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from basketgraph.foundation.config import UserError
from basketgraph.offers.campaign_file import read_campaign_file

WHOLE = """
campaign: autumn
type: Type A
start: 2026-10-01
end: 2026-10-31
audience: spend_minor_90d > 10000
budget: 250.00
coupons:
  - {coupon: jam-1, items: [i1, i2], discount: 1.50, category: sweet}
  - {coupon: tea-1, items: [i3], discount: 0.5}
floors: {sweet: 100}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "campaign.yaml"
    path.write_text(text)
    return path


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    found = read_campaign_file(written(tmp_path, WHOLE))
    assert [(one.coupon, one.items, one.category) for one in found.coupons] == [("jam-1", ("i1", "i2"), "sweet"), ("tea-1", ("i3",), "coupons")]
    assert (found.floors, found.budget, (found.end - found.start).days) == ({"sweet": 100}, 250.0, 30)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("budget: 250.00", "budget: -1"), r"campaign\.yaml\.budget: .*greater than 0"),
        (("budget: 250.00", "budgett: 1"), r"budgett: .*; did you mean budget\?"),
        (("budget: 250.00", "budget: 1\nbudget_share: 0.3"), "want budget or budget_share, have both"),
        (("end: 2026-10-31", "end: 2026-09-30"), "want an end on or after the start, 2026-10-01, have 2026-09-30"),
        (("end: 2026-10-31", "end: soon"), r"campaign\.yaml\.end: .*date"),
        (("tea-1", "jam-1"), "want each coupon once, have twice: jam-1"),
        (("{sweet: 100}", "{sour: 1}"), r"want floors of categories of the coupons \(coupons, sweet\), have sour"),
        (("campaign: autumn", "- autumn"), "not readable as YAML|want keys and values"),
    ],
)
def test_each_fault_is_told_with_its_place(tmp_path: Path, change: tuple[str, str], fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        read_campaign_file(written(tmp_path, WHOLE.replace(*change)))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yaml: cannot be read"):
        read_campaign_file(tmp_path / "none.yaml")
