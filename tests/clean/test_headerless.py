"""A CSV file without a header line is read by the names that the mapping gives its fields, in their order."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from support.corner_shop import Shop, line, mapping, put


@pytest.mark.slow
def test_the_first_line_is_a_row_and_a_file_of_another_width_is_set_aside(spark: SparkSession, tmp_path: Path) -> None:
    given = mapping()
    given["files"]["sales"]["options"] = {"header": False}
    shop = Shop(spark, tmp_path, given)
    put(shop.landing, "marked.csv", b"\xef\xbb\xbf" + f"{line(1)}\r\n{line(2)}\r\n".encode())
    put(shop.landing, "packed.csv.gz", gzip.compress(f"4,cut\n{line(3)}".encode()))
    put(shop.landing, "wider.csv", f"{line(5)},more\n{line(6)},more\n".encode())
    outcome = shop.clean()
    assert [row["event_id"] for row in shop.rows("silver.events")] == ["1", "2", "3"]
    assert shop.counts()["rejected_by_reason"] == {"unparsable": 1}
    assert list(outcome.quarantined) == [("wider.csv", "options: header false: want 7 fields a line, as many as columns, have 8")]


@pytest.mark.slow
def test_a_separator_of_two_characters_is_read(spark: SparkSession, tmp_path: Path) -> None:
    given = mapping()
    given["files"]["sales"]["options"] = {"header": False, "sep": "::", "quote": ""}
    shop = Shop(spark, tmp_path, given)
    put(shop.landing, "a.csv", "\n".join([line(1, title='a "good" tea').replace(",", "::"), line(2).replace(",", "::")]).encode())
    shop.clean()
    assert [row["event_id"] for row in shop.rows("silver.events")] == ["1", "2"]
