"""What Spark reads otherwise than the sample was read, by rows as Spark would give them; no Spark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from basketgraph.onboard.plan import FilesPlan
from basketgraph.onboard.trial_differences import Row, remark_differences
from support.drafts import drafted
from support.new_shops import lines_csv

HEADER = ["order_id", "order_date", "customer_id", "sku", "quantity", "unit_price"]
RAW = {"order": "1", "time": "2024-03-01 10:00:00", "user": "7", "item": "SX1", "quantity": "2", "unit_price": "1.50"}
SILVER = {"order_id": "1", "event_time": "2024-03-01 09:00:00", "event_date": "2024-03-01", "user_id": "7", "item_id": "SX1", "quantity": "2"}


@pytest.fixture
def files(tmp_path: Path) -> FilesPlan:
    rows = [[1 + n // 2, f"2024-03-{1 + n % 28:02} 10:00:00", 7 + n % 5, f"SX{n % 9}", 1 + n % 3, f"{1 + n % 7}.50"] for n in range(60)]
    (plan,) = drafted(lines_csv(tmp_path / "sales.csv", HEADER, rows)).plan.files
    return plan


def row(*, corrupt: bool = False, reasons: Sequence[str] = (), price: str | None = "1.50", **columns: str | None) -> Row:
    """A row that Spark reads as the sample was read, but for these columns: raw ones by role, silver ones by name."""
    raw = RAW | {name: text for name, text in columns.items() if name in RAW}
    silver = SILVER | {name: text for name, text in columns.items() if name in SILVER and name not in RAW}
    return Row(True, corrupt, reasons, raw, {"price": price, "pieces": "2"}, silver)


def todos(files: FilesPlan, rows: Sequence[Row]) -> list[str]:
    """The TODOs that these rows add."""
    events = files.tables[0]
    before = {remark.text for remarks in events.remarks.values() for remark in remarks}
    remark_differences(files, events, rows, whole=False)
    return [remark.text for remarks in events.remarks.values() for remark in remarks if remark.text not in before]


def test_rows_that_are_read_alike_add_nothing(files: FilesPlan) -> None:
    assert todos(files, [row()] * 10) == []
    assert todos(files, []) == []


@pytest.mark.parametrize(
    ("odd", "text"),
    [
        (row(event_date=None), "order_date: Spark cannot read 20 % of the times, such as `2024-03-01 10:00:00`; mend the pattern"),
        (row(event_date="2024-01-03"), "order_date: Spark reads 20 % of the times as other days, such as `2024-03-01 10:00:00` as 2024-01-03"),
        (row(price=None), "unit_price: Spark cannot read 20 % of the numbers, such as `1.50`; mend the expression"),
        (row(price="150"), "unit_price: Spark reads 20 % of the numbers as others, such as `1.50` as 150"),
        (row(user_id=None), "customer_id: Spark reads 20 % of the values as nothing, such as `9`; mend the expression"),
        (row(item="sx1", item_id="sx1"), "have ids that differ in case or in what nobody sees, such as `SX1` and `sx1`: are they one?"),
        (row(item="N/A", item_id="N/A"), "20 % of sku are `N/A`, which is taken for a value; add it to null_values"),
        (row(user=None, user_id=None), "customer_id: 20 % of the rows have no value as Spark reads them, 0 % as the sample was read"),
    ],
)
def test_a_difference_is_asked_with_its_share_and_an_example(files: FilesPlan, odd: Row, text: str) -> None:
    assert [todo for todo in todos(files, [row()] * 8 + [odd] * 2) if text in todo]


def test_a_day_beside_another_is_the_same_moment_in_another_zone(files: FilesPlan) -> None:
    assert todos(files, [row(event_date="2024-03-02")] * 10) == []


def test_lines_that_are_no_rows_and_frequent_reasons_are_asked(files: FilesPlan) -> None:
    refused = row(reasons=["price_not_positive", "missing:user_id"])
    assert todos(files, [row()] * 6 + [refused] * 4) == ["40 % of the sampled rows would be rejected as price_not_positive"]
    assert todos(files, [row()] * 8 + [row(corrupt=True)] * 2) == []
    assert files.remarks[-1].text == "20 % of the sampled lines (2) are no rows for Spark; see options"
