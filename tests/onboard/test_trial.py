"""A draft is tried in Spark on the sample it was made from: it reads what the files hold, or a TODO names what it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.clean.landing_files import MAX_RECORD_BYTES, Landing, _fits
from basketgraph.clean.raw_rows import examined_files, raw_rows
from basketgraph.clean.sql_checks import checked_source
from basketgraph.clean.transform import REFUSED, TableRules, mapped_rows, silver
from basketgraph.foundation.config import UserError
from basketgraph.foundation.contracts import contract
from basketgraph.foundation.privacy.log_masking import masked
from basketgraph.onboard.draft import Draft, draft
from basketgraph.onboard.rendering import render
from basketgraph.onboard.trial import try_draft
from support.new_shops import Sale, lines_csv, lines_json, plain, sales

HEADER = ["Order No", "Order Date", "Customer No", "SKU", "Qty", "Unit Price"]
SALES = sales(60)
Write = Callable[[Path], object]


def drafted(spark: SparkSession, folder: Path) -> Draft:
    found = draft("newshop", [str(folder)], landing=None, currency="EUR", time_zone="Europe/Berlin", masker=masked)
    return try_draft(spark, found, masker=masked)


def todos(found: Draft) -> str:
    return "\n".join(f"{remark.place}: {remark.text}" for remark in found.said("todo"))


def read(spark: SparkSession, found: Draft) -> dict[str, Any]:
    """What cleaning would make of all files, in one Spark job: rows, those refused, and of the others what is in them."""
    checked = checked_source(spark, yaml.safe_load(found.text), "newshop")
    mapped = checked.source.tables["silver.events"]
    files = checked.source.files[mapped.files]
    landing = Landing(spark, str(found.plan.landing))
    landed = examined_files(spark, landing, files, landing.list([files.pattern]), max_record_bytes=MAX_RECORD_BYTES, damaged_share=0.05)
    references = checked.references["silver.events"]
    rules = TableRules("newshop", contract("silver.events"), mapped, files, references, lambda column: column)
    rows = mapped_rows(raw_rows(spark, checked.source, files, [file for file in landed if file.problem is None]), rules)
    good = F.when(~F.col(REFUSED), True)
    (row,) = rows.agg(
        F.count("*").alias("rows"),
        F.count(good).alias("accepted"),
        *[F.countDistinct(good, silver(f"{name}_id")).alias(f"{name}s") for name in ("user", "item")],
        F.sum(F.when(good, F.col(silver("amount_minor")))).alias("minor"),
        F.min(F.when(good, F.col(silver("event_date")))).alias("first"),
        F.max(F.when(good, F.col(silver("event_date")))).alias("last"),
    ).collect()
    return {**row.asDict(), "aside": [file.path for file in landed if file.problem is not None]}


def wanted(found: Iterable[Sale]) -> dict[str, Any]:
    kept = list(found)
    return {
        "accepted": len(kept),
        "users": len({s.user for s in kept}),
        "items": len({s.item for s in kept}),
        "minor": sum(round(s.price * 100) * s.pieces for s in kept),
        "first": min(s.at for s in kept).date(),
        "last": max(s.at for s in kept).date(),
    }


def with_times(form: Callable[[int, datetime], str]) -> Write:
    def write(folder: Path) -> None:
        rows = [[s.order, form(n, s.at), f"C{s.user}", f"S{s.item}", s.pieces, f"{s.price:.2f}"] for n, s in enumerate(SALES)]
        lines_csv(folder / "sales.csv", HEADER, rows)

    return write


def halves(number: int, at: datetime) -> str:
    """As browsers write times in the United States and in Mexico."""
    half = f"{at:%p}" if number % 2 else f"{at:%p}".lower()[0] + ".\u00a0m."
    return f"{at.month}/{at.day}/{at.year}, {at.hour % 12 or 12}:{at:%M:%S}\u202f{half}"


def digits(folder: Path) -> None:
    """Arabic, Devanagari and full-width digits, with a decimal mark of their own."""
    arabic, devanagari, wide = ({ord("0") + value: chr(zero + value) for value in range(10)} for zero in (0x660, 0x966, 0xFF10))
    rows = []
    for s in SALES:
        price = f"{s.price:.2f}".translate(arabic | {ord("."): "\u066b"})
        rows.append([s.order, f"{s.at:%Y-%m-%d %H:%M:%S}".translate(devanagari), f"C{s.user}", f"S{s.item}", str(s.pieces).translate(wide), price])
    lines_csv(folder / "sales.csv", HEADER, rows, sep=";")


def orders_json(place: Path, more: Callable[[Sale], Mapping[str, Any]]) -> Path:
    """A JSON record a line, with `more` beside item, time, pieces and price."""
    return lines_json(
        place,
        [
            {"order_id": s.order, "created_at": s.at.isoformat(), "sku": f"S{s.item}", "quantity": s.pieces, "price": s.price, **more(s)}
            for s in SALES
        ],
    )


def guests(folder: Path) -> None:
    """PHP's empty map, at two depths; in the second file no guest is there."""
    orders_json(
        folder / "orders-1.jsonl",
        lambda s: {"buyer": [] if s.user < 5 else {"customer_id": s.user, "address": [] if s.user < 9 else {"country": "DE"}}},
    )
    place = orders_json(folder / "orders-2.jsonl", lambda s: {"buyer": {"customer_id": s.user, "address": {"country": "DE"}}})
    place.write_text("".join(line for line, s in zip(place.read_text().splitlines(keepends=True), SALES, strict=True) if s.user >= 5))
    first = (folder / "orders-1.jsonl").read_text().splitlines(keepends=True)
    (folder / "orders-1.jsonl").write_text("".join(line for line, s in zip(first, SALES, strict=True) if s.user < 5 or s.order % 2))
    place.write_text("".join(line for line in place.read_text().splitlines(keepends=True) if not json.loads(line)["order_id"] % 2))


def odd_json(folder: Path) -> None:
    """Python's words for no number, ids with a fraction, keys that differ in case only, and what YAML does not take: controls, half a pair."""
    records = []
    for s in SALES:
        who = {"customer_id": float("nan") if s.user < 5 else float(s.user), "Customer_ID": None, "discount": float("inf")}
        about = {"Coupon": "", "coupon": "X", "COUPON": "y", "Product\u0085 \u009fName": f"Kid\u0092s \ud83d \u2028 \ufffe {s.title}\t#: '\""}
        order = {"order_id": s.order, "created_at": s.at.isoformat(), "sku": f"S{s.item}", "quantity": s.pieces, "price": s.price}
        records.append({**order, **who, **about, "list": [about]})
    (folder / "lines.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def mixed_types(folder: Path) -> None:
    """Whole numbers in one file, floating-point ones in another, narrower and wider ones; and types that Spark does not know."""
    for number, (whole, money) in enumerate([(pa.int64(), pa.float64()), (pa.float64(), pa.float32()), (pa.int32(), pa.float64())]):
        some = SALES[number::3]
        columns = {
            "invoice": pa.array([s.order for s in some], pa.int64()),
            "sold_at": pa.array([s.at for s in some], pa.timestamp("us")),
            "customer_id": pa.array([s.user for s in some]).cast(whole),
            "sku": pa.array([s.item for s in some], pa.int32() if number else pa.int64()),
            "qty": pa.array([s.pieces for s in some]).cast(whole),
            "unit_price": pa.array([s.price for s in some], money),
            "picked": pa.array([1] * len(some), pa.time64("us")),
            "shelf": pa.array([{"opens": 1}] * len(some), pa.struct([("opens", pa.time32("ms"))])),
        }
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), folder / f"sales_{number}.parquet")


def unseen(folder: Path) -> None:
    """Blanks and marks around and within ids and money, users that are nothing else, and two byte order marks."""
    rows = []
    for number, s in enumerate(SALES):
        user = f"C{s.user}" + "\u00a0" * (number % 2) if s.user >= 5 else "\u00a0"
        item = f"S{s.item}" if number % 3 else f"\ufeffS\u200b{s.item}"
        rows.append([s.order, s.at.isoformat(" ", "seconds"), user, item, s.pieces, f"{s.price:.2f}" + "\u202f" * (number % 2)])
    place = lines_csv(folder / "sales.csv", HEADER, rows)
    place.write_bytes(b"\xef\xbb\xbf\xef\xbb\xbf" + place.read_bytes())  # a mark put before one that was there


SHOPS: dict[str, tuple[Write, Callable[[Sale], bool]]] = {  # files, and which sales have a user
    "times": (with_times(halves), lambda s: True),
    "digits": (digits, lambda s: True),
    "guests": (guests, lambda s: s.user >= 5),
    "odd json": (odd_json, lambda s: s.user >= 5),
    "mixed types": (mixed_types, lambda s: True),
    "unseen": (unseen, lambda s: s.user >= 5),
}


@pytest.mark.parametrize("shop", list(SHOPS))
def test_a_draft_reads_what_python_and_spark_read_otherwise(spark: SparkSession, tmp_path: Path, shop: str) -> None:
    write, has_user = SHOPS[shop]
    (tmp_path / "landing").mkdir()
    write(tmp_path / "landing")
    found = drafted(spark, tmp_path / "landing")
    made = read(spark, found)
    expected = wanted(s for s in SALES if has_user(s))
    assert {key: made[key] for key in expected} == expected, found.text
    assert (made["rows"], made["aside"]) == (len(SALES), [])
    assert all(remark.place.endswith(("user_id", "event_id", "order_id")) for remark in found.said("todo")), todos(found)


def damaged(folder: Path) -> None:
    """Times at an hour of 24, ids in two cases, and a file with one line that is no UTF-8."""
    rows = []
    for number, s in enumerate(SALES):
        at = f"{s.at:%Y-%m-%d} {24 if number % 5 == 0 else s.at.hour:02}:{s.at:%M:%S}"
        rows.append([s.order, at, f"C{s.user}", f"{'S' if number % 2 else 's'}X{s.item}", s.pieces, f"{s.price:.2f}", "Thé"])
    lines_csv(folder / "sales_1.csv", [*HEADER, "Note"], rows)
    lines_csv(folder / "sales_2.csv", [*HEADER, "Note"], rows[:20])
    (folder / "sales_2.csv").write_bytes((folder / "sales_2.csv").read_bytes() + b"1,2024-03-01 10:00:00,C1,SX1,1,1.00,Th\xe9\r\n")


def test_what_spark_reads_otherwise_is_asked_beside_its_column(spark: SparkSession, tmp_path: Path) -> None:
    damaged(tmp_path / "landing")
    found = drafted(spark, tmp_path / "landing")
    text = todos(found)
    assert "files.sales: 1 of the 2 files that were looked at would be set aside, such as sales_2.csv: encoding: not UTF-8" in text
    assert "tables.silver.events.event_time: Order Date: Spark cannot read 20 % of the times, such as `2024-" in text
    assert re.search(
        r"item_id: SKU: \d+ % of the items \(\d+\) have ids that differ in case or in what nobody sees, such as `[sS]X\d+` and `[sS]X", text
    )
    lines = found.text.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("      event_time: "))
    assert any("TODO: Order Date: Spark cannot read" in line for line in lines[place - 4 : place])
    with_times(lambda number, at: f"{at.day} Sept {at.year}")(tmp_path / "months")
    assert "Spark cannot read 100 % of the times, such as `" in todos(drafted(spark, tmp_path / "months"))


def test_what_spark_cannot_analyse_is_left_out_and_said(spark: SparkSession, tmp_path: Path) -> None:
    plain(tmp_path / "landing" / "sales.csv", SALES)
    found = draft("newshop", [str(tmp_path / "landing")], landing=None, currency="EUR", time_zone="Europe/Berlin", masker=masked)
    (files,) = found.plan.files
    files.lets.names["pieces"] = "quantity.of"  # as a path below a column that is text
    events = next(table for table in files.tables if table.name == "silver.events")
    events.columns |= {"channel": "no_such_function(order_id)", "item_id": "product_id[", "store_id": "trim(missing)"}
    events.reject["odd"] = "order_id.x > 1"
    events.where, events.version = "order_id[0] is null", "nothing"
    left = try_draft(spark, replace(found, text=render(found.plan, masked)[0]), masker=masked)
    mapping = yaml.safe_load(left.text)
    checked_source(spark, mapping, "newshop")
    columns = mapping["tables"]["silver.events"]["columns"]
    assert columns["item_id"] == "cast(null as string)"
    assert not {"channel", "store_id"} & columns.keys()
    assert "odd" not in mapping["tables"]["silver.events"]["reject"]
    assert not {"where", "version"} & mapping["tables"]["silver.events"].keys()
    for what in ("quantity.of", "no_such_function(order_id)", "product_id[", "trim(missing)", "order_id.x > 1", "order_id[0] is null", "nothing"):
        assert f"Spark cannot use `{what}`" in todos(left)


def test_a_parquet_file_is_read_without_what_spark_does_not_know_and_a_declared_one_is_named(spark: SparkSession, tmp_path: Path) -> None:
    mixed_types(tmp_path / "landing")
    given = yaml.safe_load(draft("s", [str(tmp_path / "landing")], landing=None, currency="EUR", time_zone="UTC", masker=masked).text)
    (files,) = given["files"].values()
    files["columns"] |= {"picked": "string", "shelf": "struct<opens: int>", "sku": "int", "unit_price": "decimal(9, 2)"}
    checked = checked_source(spark, given, "s")
    landing = Landing(spark, str(tmp_path / "landing"))
    (first, *_), declared = landing.list(["*.parquet"]), checked.source.files["sales"]
    problem = landing.examined(first, declared).problem
    assert problem is not None
    assert "column picked: a type that Spark cannot read (int64 (TIME(MICROS,true)))" in problem
    assert "column shelf: a type that Spark cannot read" in problem
    assert "column sku: want int, have bigint; column unit_price: want decimal(9,2), have double" in problem


def test_keys_that_differ_in_case_only_are_a_fault_of_the_mapping(spark: SparkSession, tmp_path: Path) -> None:
    orders_json(tmp_path / "landing" / "lines.jsonl", lambda s: {"customer_id": s.user})
    given = yaml.safe_load(draft("s", [str(tmp_path / "landing")], landing=None, currency="EUR", time_zone="UTC", masker=masked).text)
    given["files"]["lines"]["columns"] |= {"Customer_ID": "string", "about": "array<struct<of: struct<a: string, A: string>>>"}
    with pytest.raises(UserError) as caught:
        checked_source(spark, given, "s")
    assert "files.lines.columns: want names that differ in more than case, have customer_id, Customer_ID" in str(caught.value)
    assert "files.lines.columns.about: want fields that differ in more than case (declare one of them), have a, A" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "declared", "fits"),
    [
        ("bigint", "double", True),
        ("tinyint", "smallint", True),
        ("double", "bigint", False),
        ("bigint", "int", False),
        ("decimal(10,2)", "decimal(12,3)", True),
        ("decimal(10,2)", "decimal(10,3)", False),
        ("int", "decimal(12,2)", True),
        ("bigint", "decimal(20,2)", False),
        ("struct<a:int>", "string", True),
    ],
)
def test_parquets_types_are_read_as_wider_ones(kind: str, declared: str, fits: bool) -> None:
    assert _fits(kind, declared) is fits
