"""Files that nobody wants, each read rightly by an option, set aside with the reason, or refused row by row; the good ones beside them go on."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.cleaning import Cleaning, Outcome
from basketgraph.foundation.config import UserError
from support.corner_shop import HEADER, Shop, csv, deliver, line, mapping, put
from support.hostile_files import QUARANTINED

REORDERED = "title,at,price,pieces,product,customer,line"
ACCEPTED = {  # file -> content: all of its rows are accepted
    "plain.csv": csv(line(1)),
    "reordered.csv": csv("Tea,2026-03-01 10:00,1.50,2,p1,u1,2", header=REORDERED),
    "additional.csv": csv(line(3) + ",x,y", header=HEADER + ",Line,_metadata"),
    "byte_order_mark.csv": b"\xef\xbb\xbf" + csv(line(4)),
    "crlf.csv": csv(line(5), line(6)).replace(b"\n", b"\r\n"),
    "a b+c%41 [1] {2,3} ü 100%.csv": csv(line(7)),
    "#?*.csv": csv(line(8)),
    "folder.csv/inside.csv": csv(line(9)),
    "doubled_quotes.csv": csv(line(10, title='"said ""so, twice"""'), line(11, title='5" pipe')),
    "gzip.csv.gz": gzip.compress(csv(line(12))),
    "unicode.csv": csv(line(13, title="crème brûlée 漢字 😀")),
}
REJECTED: dict[str, tuple[bytes, list[list[str]]]] = {  # file -> content, reasons of its refused rows (it has one good row, too)
    "nul.csv": (csv(line(30), line(31, product="p\0"), "\0" * 100), [["unparsable"]]),  # a line of nothing but NUL is an empty line
    "long_line.csv": (csv(line(32), line(33, pieces="9" * 900_000)), [["unreadable:amount_minor", "unreadable:quantity"]]),
    "lone_quote.csv": (csv(line(34), line(35, product='"p1')), [["unparsable"]]),
    "wrong_number_of_fields.csv": (csv(line(36), "37,u1", line(38) + ",x"), [["unparsable"], ["unparsable"]]),
}
UNFINISHED = ("half.csv.part", "half.csv._COPYING_", ".half.csv", "_half.csv", "_temporary/half.csv")


@pytest.fixture(scope="module")
def cleaned(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Outcome]:
    """A shop whose landing folder has all of these files, cleaned once."""
    shop = Shop(spark, tmp_path_factory.mktemp("hostile"))
    for name, content in ACCEPTED.items():
        put(shop.landing, name, content)
    for name, (content, _) in {**REJECTED, **QUARANTINED}.items():
        put(shop.landing, name, content)
    for name in UNFINISHED:
        put(shop.landing, name, csv(line(90)))
    put(shop.landing, "header_only.csv", csv())
    put(shop.landing.parent, "secret.csv", csv(line(91)))
    (shop.landing / "link_out.csv").symlink_to(shop.landing.parent / "secret.csv")
    (shop.landing / "link_in.csv").symlink_to(shop.landing / "additional.csv")
    (shop.landing / "link_to_nothing.csv").symlink_to(shop.landing / "nothing")
    (shop.landing / "directory.csv").mkdir()
    return shop, shop.clean(max_record_bytes=2_000_000)


@pytest.fixture
def hostile(cleaned: tuple[Shop, Outcome]) -> Shop:
    return cleaned[0]


@pytest.mark.slow
def test_good_files_go_on_beside_bad_ones(hostile: Shop) -> None:
    ledger = {row.source_file: row for row in hostile.table("ops.files").collect()}
    for name in ACCEPTED:
        assert (ledger[name].status, ledger[name].rows_read) == ("done", ledger[name].rows_accepted), name
        assert ledger[name].rows_accepted >= 1
    events = {row["event_id"]: row for row in hostile.rows("silver.events")}
    assert sorted(map(int, events)) == [*range(1, 14), 30, 32, 34, 36]
    assert events["2"]["quantity"] == 2
    assert hostile.counts()["read"] == sum(row.rows_read for row in ledger.values())


@pytest.mark.slow
def test_bad_rows_are_refused_with_file_content_hash_and_reason(hostile: Shop) -> None:
    ledger = {row.source_file: row for row in hostile.table("ops.files").collect()}
    refused: dict[str, list[list[str]]] = {}
    for row in hostile.table("silver.rejected_rows").collect():
        refused.setdefault(row.source_file, []).append(list(row.reasons))
        assert row.file_hash == ledger[row.source_file].file_hash
    assert {name: sorted(reasons) for name, reasons in refused.items()} == {name: reasons for name, (_, reasons) in REJECTED.items()}


@pytest.mark.slow
def test_bad_files_are_set_aside_with_the_reason_and_not_a_row_of_them_is_used(cleaned: tuple[Shop, Outcome]) -> None:
    hostile, outcome = cleaned
    ledger = {row.source_file: row for row in hostile.table("ops.files").collect()}
    for name, (_, reason) in QUARANTINED.items():
        assert (ledger[name].status, ledger[name].rows_read) == ("quarantined", 0), name
        assert reason in ledger[name].problem, name
        assert ledger[name].file_hash, name
    assert sorted(name for name, row in ledger.items() if row.status == "quarantined") == sorted([*QUARANTINED, "link_out.csv"])
    assert dict(outcome.quarantined) == {name: row.problem for name, row in ledger.items() if row.problem}


@pytest.mark.slow
def test_links_lead_nowhere_outside_and_unfinished_files_are_not_looked_at(hostile: Shop) -> None:
    ledger = {row.source_file: row for row in hostile.table("ops.files").collect()}
    assert ledger["link_out.csv"].problem == "a link that leads out of the landing folder"
    assert ledger["link_out.csv"].file_hash.startswith("unread-")
    assert {ledger[name].rows_duplicate for name in ("link_in.csv", "additional.csv")} == {0, 1}  # equal content is one row
    assert (ledger["header_only.csv"].status, ledger["header_only.csv"].rows_read) == ("done", 0)
    assert not {*UNFINISHED, "directory.csv", "link_to_nothing.csv"} & set(ledger)


@pytest.mark.slow
def test_a_file_that_is_written_while_it_is_read_waits_for_the_next_run(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "whole.csv", line(1))
    growing = deliver(shop.landing, "growing.csv", line(2))
    vanishing = deliver(shop.landing, "vanishing.csv", line(3))
    prepare = Cleaning._prepare

    def meanwhile(self: Cleaning, *given: Any) -> Any:
        if vanishing.exists():
            vanishing.unlink()
            with growing.open("a") as stream:
                stream.write(line(4) + "\n")
        return prepare(self, *given)

    with monkeypatch.context() as patched:
        patched.setattr(Cleaning, "_prepare", meanwhile)
        outcome = shop.clean()
    assert [row["event_id"] for row in shop.rows("silver.events")] == ["1"]
    problems = dict(outcome.quarantined)
    assert problems["growing.csv"].startswith("changed while it was read: ")
    assert problems["vanishing.csv"].startswith("gone while it was read: ")
    shop.clean()
    assert [row["event_id"] for row in shop.rows("silver.events")] == ["1", "2", "4"]
    assert shop.counts()["read"] == 3


@pytest.mark.parametrize(("age_seconds", "expected"), [(59, []), (60, ["1"])])
def test_a_file_settles_before_it_is_picked_up(spark: SparkSession, tmp_path: Path, age_seconds: int, expected: list[str]) -> None:
    shop = Shop(spark, tmp_path)
    place = deliver(shop.landing, "a.csv", line(1))
    cleaning = shop.cleaning(settle_seconds=60)
    moment = cleaning.now.timestamp() - age_seconds
    os.utime(place, (moment, moment))
    cleaning.run()
    assert [row["event_id"] for row in shop.rows("silver.events")] == expected


def test_where_all_files_prove_unreadable_the_run_stops(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    put(shop.landing, "many_fields.csv", QUARANTINED["many_fields.csv"][0])
    with pytest.raises(UserError, match="no file of this kind can be used") as caught:
        shop.clean()
    assert "many_fields.csv: not readable" in str(caught.value)
    assert not (shop.warehouse / "silver").exists()


@pytest.mark.long
def test_a_json_record_of_200_megabytes_does_not_end_the_job(spark: SparkSession, tmp_path: Path) -> None:
    given = mapping()
    given["files"]["sales"] |= {"format": "json", "pattern": "*.json*"}
    shop = Shop(spark, tmp_path, given)
    row = dict(zip(HEADER.split(","), line(1).split(","), strict=True))
    put(shop.landing, "good.json", (json.dumps(row) + "\n").encode())
    put(shop.landing, "bomb.json.gz", gzip.compress(json.dumps({**row, "line": "3", "title": "x" * 200_000_000}).encode(), 1))
    with (shop.landing / "big.json").open("w") as stream:
        stream.write(json.dumps({**row, "line": "2", "title": ""})[:-2])
        for _ in range(200):
            stream.write("x" * 1_000_000)
        stream.write('"}\n' + json.dumps({**row, "line": "4"}) + "\n")
    assert (shop.landing / "big.json").stat().st_size > 200_000_000
    outcome = shop.clean()
    assert [row["event_id"] for row in shop.rows("silver.events")] == ["1"]
    limit = "a record of more than 16777216 bytes (clean.max_record_bytes)"
    assert outcome.quarantined == (("big.json", limit), ("bomb.json.gz", limit))


@pytest.mark.parametrize(("bytes_of_it", "fits"), [(200_000, True), (200_001, False)])
def test_a_record_has_a_greatest_length(spark: SparkSession, tmp_path: Path, bytes_of_it: int, fits: bool) -> None:
    shop = Shop(spark, tmp_path)
    wide = (HEADER.encode() + (b"," + b" " * 999) * 200)[:bytes_of_it]
    assert len(wide) == bytes_of_it
    put(shop.landing, "a.csv", wide + b"\n" + line(1).encode() + b"\n")
    cleaning = shop.cleaning()
    (listed,) = cleaning.landing.list(["*.csv"])
    problem = cleaning.landing.examined(listed, cleaning.source.files["sales"], max_record_bytes=200_000).problem
    assert (problem is None) == fits, problem


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_set_aside(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1))
    deliver(shop.landing, "b.csv", line(2)).chmod(0)
    outcome = shop.clean()
    assert [path for path, _ in outcome.quarantined] == ["b.csv"]
