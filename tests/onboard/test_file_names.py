"""A day in the names of files or folders is the day of sale where no column has it; no Spark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from basketgraph.onboard.file_names import named_day
from support.drafts import asked, columns, drafted, lets
from support.new_shops import lines_csv, sales


@pytest.mark.parametrize(
    ("name", "day", "is_certain"),
    [
        ("sales/dt={:%Y-%m-%d}/part-0.csv", "dt=", True),
        ("sales/order_date={:%Y%m%d}/hour=09/part-0.csv", "order_date=", True),
        ("y/year={0:%Y}/month={0:%m}/day={0:%d}/a.csv", "(?:year|y)=", True),
        ("{:%Y/%m/%d}/a.csv", "/([0-9]{1,2})/", True),
        ("{:%Y-%m-%d}/a.csv", "/.*$", True),
        ("sales_{:%Y%m%d}.csv", "(19|20)", False),
        ("export={:%Y-%m-%d}/a.csv", "export=", False),
    ],
)
def test_a_day_in_the_names_of_folders_is_the_day_of_sale(tmp_path: Path, name: str, day: str, is_certain: bool) -> None:
    by_day: dict[Any, list[list[Any]]] = {}
    for s in sales():
        by_day.setdefault(s.at.date(), []).append([s.order, f"C{s.user}", f"P{s.item}", s.pieces, s.price])
    for of_day, rows in by_day.items():
        lines_csv(tmp_path / name.format(of_day), ["order", "customer", "sku", "qty", "price"], rows)
    found = drafted(tmp_path)
    if is_certain:
        assert day in lets(found)["sold_on"]
        assert columns(found)["event_date"] == "to_date(sold_on)"
        assert f"({min(by_day)} to {max(by_day)})" in found.text
    else:
        assert columns(found)["event_date"] == "cast(null as date)"
        assert any("If it is the day in the files' names: to_timestamp(regexp_replace(file_name, " in text for text in asked(found))


def test_a_name_without_a_day_says_none() -> None:
    assert named_day(["a/dt=2024-03-01/x.csv", "a/x.csv"]) is None
    assert named_day(["sales_20241399.csv"]) is None
    assert named_day([]) is None
