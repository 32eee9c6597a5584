"""Files that nobody wants, each read rightly by an option, set aside with the reason, or refused row by row; the good ones beside them go on."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.load import Cleaning, Outcome
from basketgraph.clean.mapping import FileSet
from basketgraph.clean.pick_up import header_names
from basketgraph.clean.screening import Unreadable
from basketgraph.config import Mistake
from clean.shop import HEADER, MAPPING, Shop, deliver, line, mapping

MOMENT = datetime(2026, 3, 2, 8, tzinfo=timezone.utc).timestamp()


def put(folder: Path, name: str, content: bytes) -> None:
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    os.utime(place, (MOMENT, MOMENT))


def csv(*lines: str, header: str = HEADER) -> bytes:
    return ("\n".join([header, *lines]) + "\n").encode()


def zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.csv", csv(line(1)))
    return held.getvalue()


def parquet() -> bytes:
    held = io.BytesIO()
    pq.write_table(pa.table({"line": ["1"]}), held)
    return held.getvalue()


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
QUARANTINED = {  # file -> content, part of the reason
    "truncated.csv.gz": (gzip.compress(csv(*map(line, range(100, 900))))[:-50], "not readable to its end: EOFException"),
    "latin1.csv": (csv(line(40, title="caf\xe9")).decode().encode("latin-1"), "encoding: not UTF-8 within the 8192 bytes before byte"),
    "utf16.csv": (csv(line(41)).decode().encode("utf-16"), "encoding: not UTF-8"),
    "missing_column.csv": (csv("42,u1", header="line,customer"), "missing column product"),
    "column_twice.csv": (csv(line(43) + ",1", header=HEADER + ",line"), "header: line more than once"),
    "broken_last_field.csv": (csv(line(44, title='"Tea'), 'for two"', line(45)), "1 lines of which a part would be lost"),
    "long_record.csv": (csv(line(46), line(47, title="x" * 3_600_000)), "a record of more than 2000000 bytes"),
    "long_header.csv": (csv(line(48), header=HEADER + ",x" * 600_000), "no line break within 1048576 bytes"),
    "empty.csv": (b"", "empty: the file has no bytes"),
    "zip.csv": (zipped(), "encoding: not UTF-8"),
    "parquet.csv": (parquet(), "encoding: not UTF-8"),
    "many_fields.csv": (csv(line(49), "50" + "," * 30_000), "not readable: "),
    "co:lon.csv": (csv(line(51)), "unreadable: "),
    "quote_in_header.csv": (csv(line(52), header='line,"customer"x,product,pieces,price,at,title'), "header: not a line of CSV"),
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
    (shop.landing / "link_in.csv").symlink_to(shop.landing / "plain.csv")
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
    assert {ledger[name].rows_duplicate for name in ("link_in.csv", "plain.csv")} == {0, 1}  # equal content is one row
    assert (ledger["header_only.csv"].status, ledger["header_only.csv"].rows_read) == ("done", 0)
    assert not {*UNFINISHED, "directory.csv", "link_to_nothing.csv"} & set(ledger)


QUOTED = 'line,customer,product,pieces,price,at,title\n1,u1,p1,2,"1,234.50",2026-03-01 10:00,"Tea\nfor ""two"", hot"\n'
DATES = ["2026-03-01 10:00", "01/03/2026 10:00", "1 Mar 2026 10:00", "2026-03-29 01:30", "2026-10-25 01:30", "next week"]


def every_option() -> dict[str, Any]:
    """A mapping whose file sets need options: line breaks, encodings, JSON with nested columns, JSON arrays; and expressions for mixed values."""
    found = mapping(
        columns={"amount_minor": "round(try_cast(replace(price, ',', '') as decimal(18, 4)) * try_cast(pieces as bigint) * 100)"},
        reject={
            "free": "try_cast(replace(price, ',', '') as decimal(18, 4)) = 0",
            "local_time_does_not_exist": "from_utc_timestamp(to_utc_timestamp(moment, source_time_zone), source_time_zone) <> moment",
        },
    )
    sales = found["files"]["sales"]
    sales |= {"pattern": "sales/*.csv", "options": {"multiLine": True}}
    shapes = ("yyyy-MM-dd HH:mm", "dd/MM/yyyy HH:mm", "d MMM yyyy HH:mm")
    sales["let"] = {"moment": "coalesce(" + ", ".join(f"try_to_timestamp(at, '{shape}')" for shape in shapes) + ")"}
    pair = {"id": "string", "kind": "string"}
    day = {"start_date": "DATE'2026-01-01'", "end_date": "DATE'2026-02-01'"}
    nested = {"id": "string", "of": "struct<name: string, tags: array<string>>", "prices": "array<struct<per: string, minor: bigint>>"}
    found["files"] |= {
        "latin": {"pattern": "latin/*.csv", "format": "csv", "options": {"encoding": "ISO-8859-1", "sep": "\\t"}, "columns": pair},
        "wide": {"pattern": "wide/*.csv", "format": "csv", "options": {"encoding": "UTF-16"}, "columns": pair},
        "windows": {"pattern": "windows/*.csv", "format": "csv", "options": {"encoding": "windows-1252", "sep": "||", "quote": ""}, "columns": pair},
        "nested": {"pattern": "nested/*.json", "format": "json", "columns": nested},
        "array": {"pattern": "array/*.json", "format": "json", "options": {"multiLine": True}, "columns": pair},
    }
    found["tables"] |= {
        "silver.campaigns": {"files": "latin", "columns": {"campaign_id": "id", "campaign_type": "kind", **day}},
        "silver.coupons": {"files": "wide", "columns": {"coupon_id": "id", "campaign_id": "kind", "item_id": "id"}},
        "silver.redemptions": {
            "files": "windows",
            "columns": {"user_id": "id", "coupon_id": "kind", "campaign_id": "kind", "redemption_date": "DATE'2026-01-01'"},
        },
        "silver.items": {
            "files": "nested",
            "columns": {
                "item_id": "id",
                "valid_from": "DATE'1900-01-01'",
                "name": "of.name",
                "category": "of.tags[1]",
                "recommendable": "prices[0].minor > 0",
            },
            "nullable": ["category", "name"],
        },
        "silver.campaign_targets": {"files": "array", "columns": {"campaign_id": "kind", "user_id": "id"}},
    }
    return found


@pytest.mark.slow
def test_options_and_expressions_read_what_the_defaults_do_not(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, every_option())
    put(shop.landing, "sales/quoted.csv", QUOTED.encode())
    put(shop.landing, "sales/dates.csv", csv(*[line(10 + n, at=at) for n, at in enumerate(DATES)]))
    put(shop.landing, "sales/swallowing.csv", csv(line(20, title='"Tea'), line(21, title='"Green tea"')))
    put(shop.landing, "latin/a.csv", "id\tkind\n1\tcaf\xe9\n".encode("latin-1"))
    put(shop.landing, "wide/a.csv", "id,kind\n1,漢字\n2,y\n".encode("utf-16"))
    put(shop.landing, "windows/a.csv", 'id||kind\n1||5" €\n'.encode("cp1252"))
    put(shop.landing, "windows/no_text.csv", b"id||kind\n1||\x81\n")
    nested = {"id": "i1", "of": {"name": "Tea", "tags": ["hot", "green"]}, "prices": [{"per": "piece", "minor": 3}]}
    other = json.dumps({**nested, "id": "i2", "of": None})
    put(shop.landing, "nested/a.json", f'{json.dumps(nested)}\n{other}\n{{"id": "i3", "of": 1}}\n{{"id": \n'.encode())
    put(shop.landing, "nested/two_on_a_line.json", f"{other} {other}\n".encode())
    put(shop.landing, "nested/array_on_a_line.json", json.dumps([{**nested, "id": "i5"}, {**nested, "id": "i6"}]).encode())
    put(shop.landing, "array/a.json", json.dumps([{"id": "u1", "kind": "c1"}, {"id": "u2", "kind": "c1"}], indent=1).encode())
    put(shop.landing, "array/lines.json", b'{"id": "u3", "kind": "c1"}\n{"id": "u4", "kind": "c1"}\n')
    put(shop.landing, "array/broken.json", b'[{"id": "u5", "kind": "c1"},\n{"id": "u6", "kind"')
    outcome = shop.clean()
    events = {row["event_id"]: row for row in shop.rows("silver.events")}
    assert sorted(events) == ["1", "10", "11", "12", "14"]
    assert events["1"]["amount_minor"] == 246900
    assert {events[key]["event_date"].isoformat() for key in ("10", "11", "12")} == {"2026-03-01"}
    (ambiguous,) = shop.table("silver.events").where("event_id = '14'").selectExpr("cast(event_time as string)").first() or ()
    assert ambiguous == "2026-10-25 00:30:00"  # the first of the two hours: summer time
    reasons = sorted(tuple(row["reasons"]) for row in shop.rows("silver.rejected_rows") if row["table_name"] == "silver.events")
    assert reasons == [("local_time_does_not_exist",), ("unreadable:event_date", "unreadable:event_time")]
    assert [row["campaign_type"] for row in shop.rows("silver.campaigns")] == ["café"]
    assert [row["campaign_id"] for row in shop.rows("silver.coupons")] == ["漢字", "y"]
    assert [row["coupon_id"] for row in shop.rows("silver.redemptions")] == ['5" €']
    items = {row["item_id"]: (row["name"], row["category"], row["recommendable"]) for row in shop.rows("silver.items")}
    assert items == {"i1": ("Tea", "green", True), "i2": (None, None, True), "i5": ("Tea", "green", True), "i6": ("Tea", "green", True)}
    assert shop.counts("silver.items")["rejected_by_reason"] == {"unparsable": 2}
    assert len(shop.rows("silver.campaign_targets")) == 2
    problems = dict(outcome.quarantined)
    assert sorted(problems) == [
        "array/broken.json", "array/lines.json", "nested/two_on_a_line.json", "sales/swallowing.csv", "windows/no_text.csv",
    ]  # fmt: skip
    assert problems["array/broken.json"] == "not JSON at line 2"
    assert "more than one JSON value" in problems["array/lines.json"]
    assert "want one JSON value a line" in problems["nested/two_on_a_line.json"]
    assert "a quote that is not closed, or not escaped, near line" in problems["sales/swallowing.csv"]
    assert "encoding: not windows-1252" in problems["windows/no_text.csv"]


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


@pytest.mark.slow
def test_damaged_pages_of_a_parquet_file_set_it_aside_and_the_others_go_on(spark: SparkSession, tmp_path: Path) -> None:
    given = mapping()
    given["files"]["sales"] |= {"format": "parquet", "pattern": "*.parquet"}
    shop = Shop(spark, tmp_path, given)
    names = HEADER.split(",")
    shop.landing.mkdir()
    for name, start in (("a.parquet", 0), ("b.parquet", 5000)):
        columns = list(zip(*[line(start + n).split(",") for n in range(2000)], strict=True))
        pq.write_table(pa.table(dict(zip(names, map(list, columns), strict=True))), shop.landing / name, use_dictionary=False, compression="snappy")
    damaged = bytearray((shop.landing / "b.parquet").read_bytes())
    damaged[100:4000] = b"\xff" * 3900
    (shop.landing / "b.parquet").write_bytes(bytes(damaged))
    not_text = pa.Array.from_buffers(pa.string(), 2, pa.array([b"caf\xe9", b"tea"]).buffers())
    columns = {name: [value] * 2 for name, value in zip(names, line(9000).split(","), strict=True)}
    pq.write_table(pa.table({**columns, "line": ["9000", "9001"], "title": not_text}), shop.landing / "c.parquet")
    outcome = shop.clean()
    assert [path for path, _ in outcome.quarantined] == ["b.parquet"]
    assert outcome.quarantined[0][1].startswith("not readable: ")
    assert len(shop.rows("silver.events")) == 2001
    assert shop.counts()["rejected_by_reason"] == {"unparsable": 1}


def test_where_all_files_prove_unreadable_the_run_stops(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    put(shop.landing, *("many_fields.csv", QUARANTINED["many_fields.csv"][0]))
    with pytest.raises(Mistake, match="no file of this kind can be used") as caught:
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


@pytest.mark.parametrize(("length", "fits"), [(900, True), (1600, False)])
def test_a_record_has_a_greatest_length(spark: SparkSession, tmp_path: Path, length: int, fits: bool) -> None:
    shop = Shop(spark, tmp_path)
    place = deliver(shop.landing, "a.csv", *[line(n) for n in range(50)], line(99, title="x" * length), *[line(n) for n in range(50)])
    cleaning = shop.cleaning(max_record_bytes=1000)
    (listed,) = cleaning.landing.list(["*.csv"])
    problem = cleaning.landing.examined(listed, cleaning.source.files["sales"], max_record_bytes=1000).problem
    assert (problem is None) == fits, (place, problem)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_set_aside(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1))
    deliver(shop.landing, "b.csv", line(2)).chmod(0)
    outcome = shop.clean()
    assert [path for path, _ in outcome.quarantined] == ["b.csv"]


def test_headers_are_read_as_their_options_say() -> None:
    def files(**options: str) -> FileSet:
        return FileSet.model_validate({**MAPPING["files"]["sales"], "options": options})

    assert header_names('a,"b,c"', files()) == ["a", "b,c"]
    assert header_names('a,"b', files(quote="")) == ["a", '"b']
    assert header_names("a\tb", files(sep="\\t")) == ["a", "b"]
    assert header_names("a||'b'", files(sep="||", quote="'")) == ["a", "b"]
    assert header_names("", files()) == [""]
    with pytest.raises(Unreadable, match="not a line of CSV"):
        header_names("x" * 200_000, files())
