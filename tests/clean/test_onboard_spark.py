"""A draft of each format is read by Spark as it was meant: every row of the files becomes the event that it is."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession

from basketgraph.clean.check_source import Rehearsal, SourceCheck
from basketgraph.clean.expressions import checked_source
from basketgraph.clean.load import CleanSettings
from basketgraph.clean.onboard.write import Draft, draft
from basketgraph.clean.pick_up import Landing
from basketgraph.tables import Release
from clean import new_shops
from clean.new_shops import Sale, sales
from clean.shop import KEY

NOW = datetime(2026, 3, 3, tzinfo=timezone.utc)


def drafted(folder: Path, *, currency: str | None = "EUR", time_zone: str | None = "Europe/Berlin") -> Draft:
    return draft("newshop", [str(folder)], landing=None, currency=currency, time_zone=time_zone, masker=str)


def rehearsal(spark: SparkSession, found: Draft, warehouse: Path) -> Rehearsal:
    checked = checked_source(spark, yaml.safe_load(found.text), "newshop")
    release = Release(spark, str(warehouse), "check")
    return Rehearsal(checked, Landing(spark, str(found.plan.landing)), release, key=KEY, settings=CleanSettings(batch_bytes=1 << 20), now=NOW)


def checked(spark: SparkSession, found: Draft, warehouse: Path) -> SourceCheck:
    return rehearsal(spark, found, warehouse).check()


def events(check: SourceCheck) -> tuple[Any, Any]:
    (one,) = [table for table in check.tables if table.table == "silver.events"]
    return one.counts, one.facts


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


LOCAL, UTC = "Europe/Berlin", "UTC"
SHOPS: dict[str, tuple[Callable[[Path], object], float, str]] = {  # files, by what their amounts are greater, zone of their stamps
    "german": (lambda folder: new_shops.german(folder / "umsatz.csv"), 30, LOCAL),
    "web": (lambda folder: new_shops.web_events(folder / "events.jsonl"), 1, LOCAL),
    "array": (lambda folder: new_shops.orders_array(folder / "orders.json"), 1, UTC),
    "parquet": (lambda folder: new_shops.parquet(folder / "sales.parquet"), 1, LOCAL),
    "parquet_ns": (lambda folder: new_shops.parquet(folder / "sales.parquet", unit="ns"), 1, LOCAL),
    "parquet_zone": (lambda folder: new_shops.parquet(folder / "sales.parquet", zone="Europe/Berlin"), 1, LOCAL),
    "utf16": (utf16, 1, LOCAL),
    "gz": (packed, 1, LOCAL),
    "tabs": (tabs_with_epochs, 1, UTC),
    "americans": (americans, 1000, LOCAL),
    "lines_in_values": (lines_in_values, 1, LOCAL),
}


@pytest.mark.slow
@pytest.mark.parametrize("shop", SHOPS)
def test_every_sale_of_a_new_shop_becomes_the_event_it_is(spark: SparkSession, tmp_path: Path, shop: str) -> None:
    write, times, _ = SHOPS[shop]
    write(tmp_path / "landing")
    found = drafted(tmp_path / "landing")
    counts, facts = events(checked(spark, found, tmp_path / "warehouse"))
    wanted: list[Sale] = [s for s in sales() if not (shop.startswith("parquet") and s.user == 20)]
    rejected = {"missing:user_id": len(sales()) - len(wanted)} if len(wanted) < len(sales()) else {}
    assert (counts.accepted, counts.duplicate, counts.by_reason) == (len(wanted), 0, rejected), found.text
    assert (facts["users"], facts["items"], facts["orders"]) == tuple(len({getattr(s, name) for s in wanted}) for name in ("user", "item", "order"))
    assert (facts["first_day"], facts["last_day"]) == (min(s.at for s in wanted).date(), max(s.at for s in wanted).date())
    assert facts["greatest_amount_minor"] == max(round(s.price * s.pieces * 100 * times) for s in wanted)
    assert facts["least_amount_minor"] == min(round(s.price * s.pieces * 100 * times) for s in wanted)
