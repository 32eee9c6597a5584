"""Rows that a mapping's `where` leaves out are counted, and counts of a table that gets nothing, or equal lines, are told."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean import batch
from basketgraph.clean.check_source import TableCheck, hints
from basketgraph.clean.ledger import Counts, as_copy, counted
from basketgraph.cli.sources import rows_in_words
from support.corner_shop import Shop, deliver, line, mapping
from support.rehearsals import check_of, rehearsal
from support.replays import assert_as_fresh, replay

VIEWS = [line(number, title="view") for number in range(10, 13)]
LINES = [line(1), line(2), *VIEWS, line(2), line(3, price="0.00"), "4,u1"]
WANTED = {
    "read": 8,
    "accepted": 2,
    "rejected": 2,
    "duplicates": 1,
    "left_out": 3,
    "superseded": 0,
    "retracted": 0,
    "rejected_by_reason": {"free": 1, "unparsable": 1},
}


@pytest.mark.slow
def test_what_is_left_out_is_counted_by_a_large_load_by_check_source_and_in_a_copy(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "FEW_BYTES", 0)
    shop = Shop(spark, tmp_path, mapping(where="title <> 'view'"))
    deliver(shop.landing, "a.csv", *LINES)
    deliver(shop.landing, "b.csv", *VIEWS, minute=1)
    deliver(shop.landing, "copy.csv", *LINES, minute=2)
    (check,) = rehearsal(shop).check().tables
    shop.clean()
    assert shop.counts() == {**WANTED, "read": 19, "duplicates": 6, "left_out": 9}
    assert counted(check.counts) == counted(Counts(19, 2, 2, 6, 0, WANTED["rejected_by_reason"], 9))
    deliver(shop.landing, "d.csv", *VIEWS, line(13, title="view"), minute=3)  # a day of views only, new ones
    deliver(shop.landing, "e.csv", *VIEWS, minute=4)  # and old ones
    for later in ("d.csv", "e.csv"):
        (check,) = rehearsal(shop).check().tables
        assert (check.counts.read > 0, check.counts.about, check.gets_nothing) == (True, 0, False)
        (shop.landing / later).unlink()


@pytest.mark.long
def test_a_replay_under_another_where_counts_as_a_fresh_warehouse_copies_too(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, mapping(where="title <> 'view'"))
    deliver(shop.landing, "a.csv", *LINES)
    deliver(shop.landing, "copy.csv", *LINES, minute=2)
    shop.clean()
    assert shop.counts() == {**WANTED, "read": 16, "duplicates": 6, "left_out": 6}
    shop.given = mapping(where="title <> 'view' and line <> '2'")
    replay(shop, first_day=date(2026, 3, 1), last_day=date(2026, 3, 1))
    assert_as_fresh(shop, tmp_path)
    assert shop.counts() == {**WANTED, "read": 16, "accepted": 1, "duplicates": 3, "left_out": 10}
    before = shop.release().version("ops.files")
    replay(shop, first_day=date(2026, 3, 1), last_day=date(2026, 3, 1))
    assert shop.release().version("ops.files") == before


@pytest.mark.slow
def test_a_table_that_gets_no_row_is_told_also_where_rows_are_equal_and_so_are_lines_without_a_number(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, mapping(reject={"all": "true"}))
    deliver(shop.landing, "a.csv", line(1), line(1))
    found = rehearsal(shop).check()
    (check,) = found.tables
    assert (check.counts.accepted, check.counts.duplicate, check.gets_nothing) == (0, 0, True)
    assert "silver.events: not one row would be accepted" in hints(found)
    shop.given = mapping()
    del shop.given["tables"]["silver.events"]["columns"]["event_id"]
    deliver(shop.landing, "a.csv", *[line(number) for number in range(30)], line(0))
    assert any("1 of 31 rows are equal to others and count once" in hint for hint in hints(rehearsal(shop).check()))
    assert not any("equal" in hint for hint in hints(check_of(duplicate=1)))


@pytest.mark.parametrize(
    ("counts", "good", "filled", "nothing"),
    [
        (Counts(), 0, False, False),  # there are no rows
        (Counts(3, 0, 2, 1), 0, False, True),
        (Counts(3, 0, 2, 1), 1, False, False),  # the table has that row
        (Counts(3, left_out=3), 0, False, True),
        (Counts(3, left_out=3), 0, True, False),  # a day without a purchase
        (Counts(3, 0, 1, left_out=2), 0, True, True),
        (Counts(3, 1, 2), None, False, False),
    ],
)
def test_a_table_gets_nothing_where_no_row_is_good(counts: Counts, good: int | None, filled: bool, nothing: bool) -> None:
    assert TableCheck("silver.events", counts, {}, {}, good, filled=filled).gets_nothing == nothing


@pytest.mark.parametrize(("types", "kind"), [({"purchase": 1_750}, "purchases"), ({"purchase": 1_749, "cancellation": 1}, "events")])
def test_words_say_what_the_table_gets_of_how_many_lines(types: dict[str, int], kind: str) -> None:
    counts = Counts(84_476, 1_750, 1, 0, 0, {"unparsable": 1}, 82_725)
    check = TableCheck("silver.events", counts, {}, {"events": 1_750, "types": types})
    assert rows_in_words(check) == [
        "silver.events: 84,476 rows read = 1,750 accepted + 1 rejected + 0 duplicates + 82,725 left out",
        f"  1,750 {kind} of 84,476 lines; 82,725 others left out, 1 unparsable",
    ]
    assert rows_in_words(TableCheck("silver.items", Counts(2, 2), {}, {})) == ["silver.items: 2 rows read = 2 accepted + 0 rejected + 0 duplicates"]


def test_counts_add_up_with_those_left_out_and_a_copy_leaves_out_as_many() -> None:
    entry: dict[str, Any] = counted(Counts(7, 2, 1, 1, left_out=3))
    assert as_copy(entry) == Counts(7, duplicate=4, left_out=3)
    for wrong in (Counts(7, 2, 1, 1), Counts(3, 2, 1, 1, left_out=-1)):
        with pytest.raises(RuntimeError, match="left out"):
            wrong.check("a file")
