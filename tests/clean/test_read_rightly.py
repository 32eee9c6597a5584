"""What the defaults set aside or refuse, read rightly by options and expressions; Parquet that is damaged, and headers of every form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.file_validation import Unreadable
from basketgraph.clean.landing_files import header_names
from basketgraph.clean.mapping import FileSet
from support.corner_shop import HEADER, MAPPING, Shop, csv, line, mapping, put

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
    put(shop.landing, "sales/open_last.csv", csv(line(22, title='"Tea'), line(23), line(24)))
    whole = [HEADER, line(25), line(26, title='"Tea\r\nfor two"')]  # without a line break at its end
    put(shop.landing, "sales/whole.csv", "\r\n".join(whole).encode())
    put(shop.landing, "latin/a.csv", "id\tkind\n1\tcaf\xe9\n".encode("latin-1"))
    put(shop.landing, "wide/a.csv", 'id,kind\n1,漢字\n2,"y"'.encode("utf-16"))
    put(shop.landing, "windows/a.csv", 'id||kind\n1||5" €\nid||kind\n'.encode("cp1252"))  # of two files put behind each other
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
    assert sorted(events) == ["1", "10", "11", "12", "14", "25", "26"]
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
        "array/broken.json", "array/lines.json", "nested/two_on_a_line.json", "sales/open_last.csv", "sales/swallowing.csv",
        "windows/no_text.csv",
    ]  # fmt: skip
    assert problems["array/broken.json"] == "not JSON at line 2"
    assert "more than one JSON value" in problems["array/lines.json"]
    assert "want one JSON value a line" in problems["nested/two_on_a_line.json"]
    for swallowing in ("sales/open_last.csv", "sales/swallowing.csv"):
        assert "a quote that is not closed, or not escaped, near line" in problems[swallowing]
    assert "encoding: not windows-1252" in problems["windows/no_text.csv"]


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


def test_headers_are_read_as_their_options_say() -> None:
    def files(**options: str) -> FileSet:
        return FileSet.model_validate({**MAPPING["files"]["sales"], "options": options})

    assert header_names('a,"b,c"', files()) == ["a", "b,c"]
    assert header_names('a,"b', files(quote="")) == ["a", '"b']
    assert header_names("a\tb", files(sep="\\t")) == ["a", "b"]
    assert header_names("a||'b'", files(sep="||", quote="'")) == ["a", "b"]
    assert header_names("", files()) == []
    with pytest.raises(Unreadable, match="not a line of CSV"):
        header_names("x" * 200_000, files())


@pytest.mark.parametrize("kind", ["timestamp", "timestamp_ntz"])
def test_instants_at_the_ends_of_their_range_are_refused_and_do_not_end_the_job(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    zones = {"event_time": "to_utc_timestamp(at, 'Pacific/Kiritimati')", "event_date": "to_date(from_utc_timestamp(at, 'America/Los_Angeles'))"}
    back = {"odd": "from_utc_timestamp(at, 'Pacific/Kiritimati') = to_utc_timestamp(at, 'America/Los_Angeles')"}
    given = mapping(columns=zones, reject=back)
    names = HEADER.split(",")
    given["files"]["sales"] |= {"pattern": "*.parquet", "format": "parquet", "columns": {**dict.fromkeys(names, "string"), "at": kind}, "let": {}}
    moments = [-(2**63), 2**63 - 1, 1 - 2**63, None, 1_772_359_200_000_000]
    texts = {name: [value] * len(moments) for name, value in zip(names, line(1).split(","), strict=True)} | {"line": list("12345")}
    stamps = pa.array(moments, pa.int64()).cast(pa.timestamp("us", tz="UTC" if kind == "timestamp" else None))
    shop = Shop(spark, tmp_path, given)
    shop.landing.mkdir()
    pq.write_table(pa.table({name: stamps if name == "at" else pa.array(texts[name], pa.string()) for name in names}), shop.landing / "a.parquet")
    shop.clean()
    refused = {f"{why}:{column}": rows for column in ("event_date", "event_time") for why, rows in (("missing", 1), ("unreadable", 3))}
    assert shop.counts()["rejected_by_reason"] == refused
    assert [row["event_id"] for row in shop.rows("silver.events")] == ["5"]
