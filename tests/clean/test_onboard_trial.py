"""A draft is tried in Spark on the sample it was made from: it reads what the files hold, or a TODO names what it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.clean.characters import folded, plain_digits, shown
from basketgraph.clean.expressions import checked_source
from basketgraph.clean.onboard.draft import scalar
from basketgraph.clean.onboard.trial import tried
from basketgraph.clean.onboard.write import Draft, draft
from basketgraph.clean.pick_up import MAX_RECORD_BYTES, Landing, _fits
from basketgraph.clean.reading import examined_files, raw_rows
from basketgraph.clean.transform import REFUSED, TableRules, mapped_rows, silver
from basketgraph.config import Mistake
from basketgraph.contracts import contract
from basketgraph.masking import masked
from clean.new_shops import Sale, lines_csv, lines_json, plain, sales

HEADER = ["Order No", "Order Date", "Customer No", "SKU", "Qty", "Unit Price"]
SALES = sales(60)
Write = Callable[[Path], object]


def drafted(spark: SparkSession, folder: Path) -> Draft:
    found = draft("newshop", [str(folder)], landing=None, currency="EUR", time_zone="Europe/Berlin", masker=masked)
    return tried(spark, found, masker=masked)


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


def with_times(form: Callable[[datetime], str]) -> Write:
    return lambda folder: lines_csv(
        folder / "sales.csv", HEADER, [[s.order, form(s.at), f"C{s.user}", f"S{s.item}", s.pieces, f"{s.price:.2f}"] for s in SALES]
    )


def american(at: datetime) -> str:
    return f"{at.month}/{at.day}/{at.year}, {at.hour % 12 or 12}:{at:%M:%S}"


def in_digits(zero: str, point: str = ".") -> Write:
    table = {ord("0") + value: chr(ord(zero) + value) for value in range(10)} | {ord("."): point}

    def write(folder: Path) -> None:
        rows = []
        for s in SALES:
            told = (f"{s.at:%Y-%m-%d %H:%M:%S}", f"{s.pieces}", f"{s.price:.2f}")
            at, pieces, price = (text.translate(table) for text in told)
            rows.append([s.order, at, f"C{s.user}", f"S{s.item}", pieces, price])
        lines_csv(folder / "sales.csv", HEADER, rows, sep=";")

    return write


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


def no_numbers(folder: Path) -> None:
    """Python's words for no number, which are not JSON; and ids that it wrote with a fraction."""
    orders_json(folder / "lines.jsonl", lambda s: {"customer_id": float("nan") if s.user < 5 else float(s.user), "discount": float("inf")})


def alike_keys(folder: Path) -> None:
    orders_json(folder / "lines.jsonl", lambda s: {"userId": f"u{s.user}", "userID": None, "about": {"Coupon": "", "coupon": "X", "COUPON": "y"}})


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
    """Blanks and marks around and within ids and money, and users that are nothing else."""
    rows = []
    for number, s in enumerate(SALES):
        user = f"C{s.user}" + "\u00a0" * (number % 2) if s.user >= 5 else "\u00a0"
        item = f"S{s.item}" if number % 3 else f"\ufeffS\u200b{s.item}"
        rows.append([s.order, s.at.isoformat(" ", "seconds"), user, item, s.pieces, f"{s.price:.2f}" + "\u202f" * (number % 2)])
    lines_csv(folder / "sales.csv", HEADER, rows)


def marked_twice(folder: Path) -> None:
    place = plain(folder / "sales.csv", SALES)
    place.write_bytes(b"\xef\xbb\xbf\xef\xbb\xbf" + place.read_bytes())


def controls(folder: Path) -> None:
    """What YAML does not take, in a header and in values: controls, half a pair, a line separator, a tab."""
    name, records = "Product\u0085 \u009fName", []
    for s in SALES:
        title = f"Kid\u0092s \ud83d \u2028 \ufffe {s.title}\t#: '\""
        records.append(
            {"order_id": s.order, "created_at": s.at.isoformat(), "sku": f"S{s.item}", "quantity": s.pieces, "price": s.price, name: title}
        )
    lines = [json.dumps({**record, "customer_id": s.user}) + "\n" for record, s in zip(records, SALES, strict=True)]
    (folder / "lines.jsonl").write_text("".join(lines))


SHOPS: dict[str, tuple[Write, Callable[[Sale], bool]]] = {  # files, and which sales have a user
    "narrow blanks": (with_times(lambda at: f"{american(at)}\u202f{at:%p}"), lambda s: True),
    "points": (with_times(lambda at: f"{american(at)} {f'{at:%p}'.lower()[0]}.\u00a0m."), lambda s: True),
    "two blanks": (with_times(lambda at: f"{at:%Y-%m-%d  %H:%M:%S}"), lambda s: True),
    "offsets": (with_times(lambda at: f"{at:%d.%m.%Y %H:%M:%S}+0000"), lambda s: True),
    "arabic": (in_digits("٠", "٫"), lambda s: True),
    "devanagari": (in_digits("०"), lambda s: True),
    "fullwidth": (in_digits("０", "．"), lambda s: True),
    "guests": (guests, lambda s: s.user >= 5),
    "no numbers": (no_numbers, lambda s: s.user >= 5),
    "alike keys": (alike_keys, lambda s: True),
    "mixed types": (mixed_types, lambda s: True),
    "unseen": (unseen, lambda s: s.user >= 5),
    "marked twice": (marked_twice, lambda s: True),
    "controls": (controls, lambda s: True),
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
    assert "tables.silver.events.item_id: SKU: 100 % of the items" in text
    assert "have ids that differ in case or in what nobody sees, such as `SX" in text
    lines = found.text.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("      event_time: "))
    assert any("TODO: Order Date: Spark cannot read" in line for line in lines[place - 4 : place])
    months = with_times(lambda at: f"{at.day} Sept {at.year}")
    months(tmp_path / "months")
    assert "Spark cannot read 100 % of the times, such as `" in todos(drafted(spark, tmp_path / "months"))


def test_what_spark_cannot_analyse_is_left_out_and_said(spark: SparkSession, tmp_path: Path) -> None:
    plain(tmp_path / "landing" / "sales.csv", SALES)
    found = draft("newshop", [str(tmp_path / "landing")], landing=None, currency="EUR", time_zone="Europe/Berlin", masker=masked)
    (files,) = found.plan.files
    files.lets.names["pieces"] = "quantity.of"  # as a path below a column that is text
    (events,) = files.tables
    events.columns |= {"channel": "no_such_function(order_id)", "item_id": "product_id[", "store_id": "trim(missing)"}
    events.reject["odd"] = "order_id.x > 1"
    events.where, events.version = "order_id[0] is null", "nothing"
    left = tried(spark, found, masker=masked)
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
    assert "column picked: a type that Spark cannot read (INT64 (TIME(MICROS,true)))" in problem
    assert "column shelf: a type that Spark cannot read" in problem
    assert "column sku: want int, have bigint; column unit_price: want decimal(9,2), have double" in problem


def test_keys_that_differ_in_case_only_are_a_fault_of_the_mapping(spark: SparkSession, tmp_path: Path) -> None:
    orders_json(tmp_path / "landing" / "lines.jsonl", lambda s: {"customer_id": s.user})
    given = yaml.safe_load(draft("s", [str(tmp_path / "landing")], landing=None, currency="EUR", time_zone="UTC", masker=masked).text)
    given["files"]["lines"]["columns"] |= {"Customer_ID": "string", "about": "array<struct<of: struct<a: string, A: string>>>"}
    with pytest.raises(Mistake) as caught:
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


def test_every_character_of_a_file_can_stand_in_a_mapping() -> None:
    hard = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA1), 0xAD, 0x200B, 0x2028, 0x2029, 0xD83D, 0xFEFF, 0xFFFE, 0xFFFF, 0x1F600, 0xE0001)]
    for character in [*hard, "'", '"', "\\", "#", ":", "é", "٣"]:
        for text in (character, f"a{character}b", f"a {character}", f"{character} # b", f'"{character}\\'):
            if not 0xD800 <= ord(character) < 0xE000:
                assert yaml.safe_load(f"k: {scalar(text)}\nl: [{scalar(text, inside=True)}]") == {"k": text, "l": [text]}
            assert yaml.safe_load(f"# {shown(text)}\nk: v".encode()) == {"k": "v"}
    assert shown("a\u202fb\u00a0\u200b") == "a\\u202fb\\u00a0\\u200b"


def test_characters_are_told_from_those_that_look_like_them() -> None:
    assert folded(" \u00a0Ab\u200bC\ufeff") == "abc"
    assert plain_digits(["12"]) == {}
    meaning = plain_digits(["२٫"])
    assert ("२५".translate({ord(a): b for a, b in meaning.items()}), meaning["٫"]) == ("25", ".")
