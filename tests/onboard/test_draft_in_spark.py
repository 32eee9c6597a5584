"""A draft of each format is read by Spark as it was meant: every row of the files becomes the event that it is."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from typer.testing import CliRunner, Result

from basketgraph.clean.check_source import money_of
from basketgraph.clean.raw_rows import prepare_session
from basketgraph.cli.app import app
from basketgraph.cli.sources import facts_in_words
from basketgraph.foundation.config import CONF_VARIABLE
from basketgraph.onboard.column_profiles import LOST
from basketgraph.onboard.dialect import without_formulas
from basketgraph.onboard.file_names import named_day
from basketgraph.onboard.numbers import number_form
from basketgraph.onboard.sample import Column
from basketgraph.onboard.timestamps import clock_sql
from support import new_shops
from support.corner_shop import Shop, deliver, line, mapping
from support.drafts_in_spark import checked, drafted, events
from support.new_shops import Sale, sales


def utf16(folder: Path) -> None:
    place = new_shops.plain(folder / "sales.csv")
    place.write_bytes(place.read_text(encoding="utf-8").encode("utf-16"))


def packed(folder: Path) -> None:
    place = new_shops.plain(folder / "sales.csv")
    (folder / "sales.csv.gz").write_bytes(gzip.compress(place.read_bytes()))
    place.unlink()


def tabs_with_epochs(folder: Path) -> None:
    rows = [
        [s.order, int(s.at.replace(tzinfo=timezone.utc).timestamp() * 1000), s.user, s.item, s.pieces, f"{s.price * s.pieces:.2f}"] for s in sales()
    ]
    new_shops.lines_csv(folder / "log.tsv", ["order_id", "ts", "user_id", "item_id", "qty", "total"], rows, sep="\t")


def americans(folder: Path) -> None:
    rows = [[s.order, s.at.strftime("%m/%d/%Y %I:%M:%S %p"), s.user, s.item, s.pieces, f"${1000 * s.price:,.2f}"] for s in sales()]
    new_shops.lines_csv(folder / "sales.csv", ["Order No", "Order Date", "Customer No", "SKU", "Qty", "Unit Price"], rows, quoted=True)


def lines_in_values(folder: Path) -> None:
    rows = [[s.order, s.at.isoformat(), s.user, s.item, s.pieces, s.price, f'a "good"\nthing; {s.title}'] for s in sales()]
    new_shops.lines_csv(folder / "sales.csv", ["order", "date", "client", "article", "qty", "price", "description"], rows, sep=";")


SHOPS: dict[str, tuple[Callable[[Path], object], float]] = {  # files, and by what their amounts are greater than the sales'
    "german": (lambda folder: new_shops.german(folder / "umsatz.csv"), 30),
    "web": (lambda folder: new_shops.web_events(folder / "events.jsonl"), 1),
    "array": (lambda folder: new_shops.orders_array(folder / "orders.json"), 1),
    "parquet": (lambda folder: new_shops.parquet(folder / "sales.parquet"), 1),
    "parquet_ns": (lambda folder: new_shops.parquet(folder / "sales.parquet", unit="ns"), 1),
    "parquet_zone": (lambda folder: new_shops.parquet(folder / "sales.parquet", zone="Europe/Berlin"), 1),
    "utf16": (utf16, 1),
    "gz": (packed, 1),
    "tabs": (tabs_with_epochs, 1),
    "americans": (americans, 1000),
    "lines_in_values": (lines_in_values, 1),
    "lists": (lambda folder: new_shops.events_with_lists(folder / "events.jsonl"), 1),
}


@pytest.mark.parametrize("shop", [pytest.param(name, marks=pytest.mark.slow if name == "german" else pytest.mark.long) for name in SHOPS])
def test_every_sale_of_a_new_shop_becomes_the_event_it_is(spark: SparkSession, tmp_path: Path, shop: str) -> None:
    write, times = SHOPS[shop]
    write(tmp_path / "landing")
    found = drafted(tmp_path / "landing")
    counts, facts = events(checked(spark, found, tmp_path / "warehouse"))
    wanted: list[Sale] = [s for s in sales() if not (shop.startswith("parquet") and s.user == 20)]
    rejected = {"missing:user_id": len(sales()) - len(wanted)} if len(wanted) < len(sales()) else {}
    # Of the web shop each sale was looked at and put into the basket before.
    assert (counts.accepted, counts.duplicate, counts.by_reason) == (len(wanted) * (3 if shop == "web" else 1), 0, rejected), found.text
    assert facts["types"]["purchase"] == len(wanted)
    # Of the shop with lists each browser is a visitor, and a user where somebody is logged in.
    who = {(s.user, shop == "lists" and s.order % 5 == 0) for s in wanted}
    assert (facts["users"], facts["items"], facts["orders"]) == (len(who), len({s.item for s in wanted}), len({s.order for s in wanted}))
    assert (facts["first_day"], facts["last_day"]) == (min(s.at for s in wanted).date(), max(s.at for s in wanted).date())
    assert facts["greatest_amount_minor"] == max(round(s.price * s.pieces * 100 * times) for s in wanted)
    assert facts["least_amount_minor"] == min(round(s.price * s.pieces * 100 * times) for s in wanted)


@pytest.mark.long
def test_a_state_on_an_orders_first_line_refuses_that_line(spark: SparkSession, tmp_path: Path) -> None:
    new_shops.orders_on_first_lines(tmp_path / "landing" / "orders.csv")
    counts, facts = events(checked(spark, drafted(tmp_path / "landing"), tmp_path / "warehouse"))
    refunded = len({sale.order for sale in sales() if sale.order % 9 == 0})
    assert (counts.accepted, counts.by_reason) == (len(sales()) - refunded, {"order_not_completed": refunded})
    assert facts["users"] == len({sale.user for sale in sales()})
    assert facts["greatest_amount_minor"] == max(round(sale.price * sale.pieces * 100) for sale in sales())


def test_spark_reads_in_a_drafts_expressions_what_the_sample_was_seen_to_say(spark: SparkSession) -> None:
    """One row for each way in which shops write; what it is to be read as stands beside it."""
    day = named_day(["dt=2024-03-02/a.csv"])
    signs = number_form(["€1.50", "¥200", "2.00"])
    formula = without_formulas(Column("x", "x", "string", ['="007"', '=""']))
    assert day is not None
    assert signs is not None
    ways = [
        ("94030", clock_sql("HHmmss", "x", []), "094030"),
        ("94030.0", clock_sql("HHmmss", "x", ["94030.0"]), "094030"),
        ("9", clock_sql("HH", "x", []), "09"),
        (' ="007" ', formula.sql, "007"),
        ('=""', formula.sql, None),
        ("007", formula.sql, "007"),
        ("shop/dt=2024-03-02/a.csv", f"cast({day.sql.replace('file_name', 'x')} as date)", "2024-03-02"),
        ("shop/a.csv", day.sql.replace("file_name", "x"), None),
        ("€1.50", signs.currency_sql("x"), "EUR"),
        ("¥200", signs.currency_sql("x"), "JPY"),
        ("2.00", signs.currency_sql("x"), "CHF"),
        ("4.00638E+12", f"x rlike '^({LOST})$'", "true"),
        ("5E10", f"x rlike '^({LOST})$'", "false"),
    ]
    prepare_session(spark)
    rows = spark.createDataFrame([(text, "CHF") for text, _, _ in ways], "x string, source_currency string")
    found = rows.selectExpr("x", *[f"cast({sql} as string) as way{place}" for place, (_, sql, _) in enumerate(ways)]).collect()
    assert [row[f"way{place}"] for place, row in enumerate(found)] == [wanted for *_, wanted in ways]


@pytest.mark.long
def test_orders_that_come_again_with_more_filled_and_in_several_currencies_count_once_each_in_its_units(spark: SparkSession, tmp_path: Path) -> None:
    codes = ("EUR", "JPY", "KWD")

    def orders(tracking: str | None) -> list[dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for s in sales():
            at = s.at.strftime("%Y-%m-%dT%H:%M:%SZ")
            order = found.setdefault(s.order, {"id": s.order, "createdAt": at, "tracking": tracking, "customer": s.user, "lines": []})
            order["lines"].append({"sku": f"P{s.item}", "quantity": s.pieces, "price": s.price, "currency": codes[s.item % 3].lower()})
        return list(found.values())

    new_shops.lines_json(tmp_path / "landing" / "orders-1.jsonl", orders(None))
    new_shops.lines_json(tmp_path / "landing" / "orders-2.jsonl", orders("T1"))
    counts, facts = events(checked(spark, drafted(tmp_path / "landing"), tmp_path / "warehouse"))
    assert (counts.read, counts.accepted, counts.duplicate) == (2 * len(sales()), len(sales()), len(sales()))
    assert facts["orders"] == len({s.order for s in sales()})
    greatest = {one["currency"]: one["greatest_amount_minor"] for one in money_of(facts)}
    for place, (code, units) in enumerate(zip(codes, (100, 1, 1000), strict=True)):
        assert greatest[code] == max(int(Decimal(str(s.price)) * s.pieces * units + Decimal("0.5")) for s in sales() if s.item % 3 == place)
        assert f"{code}" in facts_in_words(facts)


@pytest.mark.slow
def test_without_order_numbers_what_a_user_buys_on_a_day_is_an_order_and_no_id_is_in_it(spark: SparkSession, tmp_path: Path) -> None:
    given = mapping()
    del given["tables"]["silver.events"]["columns"]["order_id"]
    shop = Shop(spark, tmp_path, given)
    deliver(shop.landing, "a.csv", line(1), line(2, product="p2"), line(3, customer="u2"), line(4, at="2026-03-02 10:00"))
    shop.clean()
    orders = [row["order_id"] for row in shop.rows("silver.events")]
    assert orders[0] == orders[1]
    assert len(set(orders)) == 3
    assert all(len(order) == 32 for order in orders)
    bare = hashlib.sha256(b'{"__shop":"corner","user_id":"u1","event_date":"2026-03-01"}').hexdigest()[:32]
    assert bare not in orders, "of a user the pseudonym enters, so that nobody without the key can try ids"


@pytest.mark.slow
def test_the_two_commands_draft_a_mapping_and_tell_what_becomes_of_the_rows(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONF_VARIABLE, "")
    new_shops.plain(tmp_path / "landing" / "sales_2024-03.csv", sales(60))
    conf, warehouse = tmp_path / "conf-dir", tmp_path / "warehouse"

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--conf-dir", str(conf)])

    command = ["onboard", str(tmp_path / "landing"), "--shop", "newshop"]
    first = call(*command, "--json")
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout.splitlines()[-1])
    assert len(first.stdout.splitlines()) == 1
    assert told["mapping"] == str(conf / "conf" / "sources" / "newshop.yaml")
    assert told["files"][0]["roles"]["user"] == "customer_id"
    assert told["next"] == [f"basketgraph check-source newshop --conf-dir {conf}", f"basketgraph run clean --source newshop --conf-dir {conf}"]
    assert call(*command).exit_code == 2
    assert "a mapping is there already" in call(*command).stderr
    assert call(*command, "--force", "--currency", "euros").exit_code == 2

    check = ["check-source", "newshop", "--set", f"warehouse={warehouse}"]
    second = call(*check, "--json")
    assert second.exit_code == 0, second.output
    found = json.loads(second.stdout.splitlines()[-1])
    assert found["usable"] is True
    assert found["tables"]["silver.events"]["accepted"] == 60
    assert any("currency XXX" in hint for hint in found["hints"])
    assert sum("the mapping still asks" in hint for hint in found["hints"]) == 2
    assert not warehouse.exists()

    place = Path(told["mapping"])
    text = place.read_text(encoding="utf-8")
    place.write_text(text.replace("trim(`customer_id`)", "cast(null as string)"), encoding="utf-8")
    assert call(*check).exit_code == 3, "not one row can be used"
    place.write_text(text.replace("trim(`customer_id`)", "trim(custmer)"), encoding="utf-8")
    broken = call(*check)
    assert (broken.exit_code, "have custmer" in broken.stderr) == (2, True)
    assert call(*check, "--set", "landing=/no/such/folder").exit_code == 2
