"""Files as new shops deliver them, written out small: the same kind of sales in the form of each shop's own habits."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType
from typing import Any

TITLES = ["Grüner Tee", "Schwarzbrot", "Käse, jung", "Apfelsaft", "Öl", "Reis", "Linsen", "Nudeln", "Salz", "Honig"]


@dataclass(frozen=True)
class Sale:
    """One line of an order, before anybody writes it down."""

    order: int
    at: datetime
    user: int
    item: int
    pieces: int
    price: float  # of one piece

    @property
    def title(self) -> str:
        return TITLES[self.item % len(TITLES)]


def sales(number: int = 200, *, start: datetime = datetime(2024, 3, 1, 9, 30), days: int = 40) -> list[Sale]:
    """`number` lines in orders of some lines each, of 20 users and 12 items, over `days`."""
    chance = random.Random(5)
    found: list[Sale] = []
    order = 1000
    while len(found) < number:
        order += 1
        at = start + timedelta(days=chance.randrange(days), minutes=chance.randrange(600), seconds=chance.randrange(60))
        user = chance.randrange(1, 21)
        for item in chance.sample(range(1, 13), chance.randint(1, 5)):
            found.append(Sale(order, at, user, item, chance.choice([1, 1, 1, 2, 3]), 1.49 + 13 * (item % 5)))
    return found[:number]


def lines_csv(
    place: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], *, sep: str = ",", encoding: str = "utf-8", quoted: bool = False
) -> Path:
    """A delimited file; a field with the separator or a quote in it is quoted, or all of them are."""

    def field(value: Any) -> str:
        text = str(value)
        return '"' + text.replace('"', '""') + '"' if quoted or sep in text or '"' in text or "\n" in text else text

    place.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(sep.join(map(field, row)) + "\r\n" for row in (header, *rows))
    place.write_bytes(text.encode(encoding))
    return place


def lines_json(place: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    """One JSON record a line."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return place


def plain(place: Path, found: Sequence[Sale] | None = None) -> Path:
    """A shop without habits."""
    rows = [[s.order, s.at.strftime("%Y-%m-%d %H:%M:%S"), s.user, f"P{s.item:03}", s.pieces, f"{s.price:.2f}"] for s in found or sales()]
    return lines_csv(place, ["order_id", "order_date", "customer_id", "product_id", "quantity", "unit_price"], rows)


def german(place: Path) -> Path:
    """`;`, decimal commas, points in dates and thousands, Windows' code page, prices for a piece and for the line."""
    header = ["Bestellnummer", "Bestelldatum", "Uhrzeit", "Kundennr", "Artikelnr", "Bezeichnung", "Menge", "Einzelpreis", "Gesamtpreis"]

    def money(value: float) -> str:
        return f"{value:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")

    rows = []
    for s in sales():
        day, time = s.at.strftime("%d.%m.%Y"), s.at.strftime("%H:%M")
        rows.append([s.order, day, time, f"{s.user:05}", f"{s.item:06}", s.title, s.pieces, money(s.price * 30), money(s.price * 30 * s.pieces)])
    return lines_csv(place, header, rows, sep=";", encoding="windows-1252")


def web_events(place: Path) -> Path:
    """JSON lines of a web shop: nested, stamps with offsets, views and carts among the purchases."""

    def records() -> Iterator[Mapping[str, Any]]:
        for number, s in enumerate(sales()):
            for kind in ("view", "add_to_cart", "purchase"):
                yield {
                    "event_id": f"e{number}-{kind}",
                    "event_type": kind,
                    "timestamp": s.at.strftime("%Y-%m-%dT%H:%M:%S.250+02:00"),
                    "user": {"id": f"u{s.user}", "email": f"u{s.user}@example.org"},
                    "product": {"sku": f"P{s.item}", "name": s.title, "category": f"c{s.item % 3}"},
                    "quantity": s.pieces,
                    "price": round(s.price, 2),
                    "currency": "EUR",
                    "order_id": s.order,
                }

    return lines_json(place, records())


def orders_array(place: Path) -> Path:
    """One JSON array of orders, each with the list of its lines."""
    orders: dict[int, dict[str, Any]] = {}
    for s in sales():
        order = orders.setdefault(
            s.order, {"order_id": s.order, "created_at": s.at.strftime("%Y-%m-%dT%H:%M:%SZ"), "customer_id": s.user, "items": []}
        )
        order["items"].append({"sku": f"P{s.item}", "quantity": s.pieces, "unit_price": s.price})
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(list(orders.values()), indent=1), encoding="utf-8")
    return place


def parquet(place: Path, *, unit: str = "us", zone: str | None = None) -> Path:
    """Parquet as pandas writes it: stamps of a unit, perhaps with a zone; user ids as floating-point numbers with holes."""
    import pandas as pd

    found = sales()
    stamps = pd.Series([s.at for s in found]).astype(f"datetime64[{unit}]")
    frame = pd.DataFrame(
        {
            "invoice": [s.order for s in found],
            "sold_at": stamps if zone is None else stamps.dt.tz_localize(zone),
            "customer_id": [None if s.user == 20 else float(s.user) for s in found],
            "sku": [s.item for s in found],
            "qty": [s.pieces for s in found],
            "line_total": [s.price * s.pieces for s in found],
        }
    )
    place.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(place, index=False)
    return place


def orders_and_lines(folder: Path) -> Path:
    """Two kinds of files that only a join makes events of."""
    heads = {s.order: [s.order, s.user, s.at.isoformat()] for s in sales()}
    lines_csv(folder / "orders.csv", ["order_id", "customer_id", "order_purchase_timestamp"], list(heads.values()))
    rows = [[s.order, place, s.item, s.price] for place, s in enumerate(sales())]
    lines_csv(folder / "order_items.csv", ["order_id", "order_item_id", "product_id", "price"], rows)
    return folder


def orders_on_first_lines(place: Path, *, currencies: Sequence[str] = ("EUR",), mail: bool = True) -> Path:
    """A record for each line, with what is the order's on its first line only; the order's number is called a name."""
    header = [
        "Name", "Email", "Financial Status", "Paid at", "Currency", "Total", "Discount Amount", "Created at", "Lineitem quantity", "Lineitem name",
        "Lineitem price", "Lineitem sku", "Billing Name",
    ]  # fmt: skip
    rows: list[list[Any]] = []
    for s in sales():
        first = not rows or rows[-1][0] != f"#{s.order}"
        state, at, currency = ("paid", "refunded")[s.order % 9 == 0], s.at.strftime("%Y-%m-%d %H:%M:%S +0100"), currencies[s.order % len(currencies)]
        of_order = [state, at, currency, "64.00", "2.50"] if first else [""] * 5
        who = f"u{s.user}@mail.example" if first or mail else ""
        rows.append([f"#{s.order}", who, *of_order, at, s.pieces, s.title, s.price, f"SKU-{s.item}", f"Ada {s.user}" if first else ""])
    return lines_csv(place, header, rows)


def events_with_lists(place: Path, *, zone: timedelta = timedelta(0), more: Mapping[str, Any] = MappingProxyType({})) -> Path:
    """A JSON record for each event of a web shop with the list of its items, and the whole order's money beside the list."""
    orders: dict[int, dict[str, Any]] = {}
    for s in sales():
        micros = int(s.at.replace(tzinfo=timezone.utc).timestamp() * 1_000_000)
        order = orders.setdefault(
            s.order, {"event_date": f"{s.at + zone:%Y%m%d}", "event_timestamp": micros, "event_name": "purchase", "items": [], **more}
        )
        order |= {"user_id": None if s.order % 5 else f"u{s.user}", "user_pseudo_id": f"{1000 + s.user}.{1600000000 + s.user}"}
        order |= {"device": {"category": "mobile"}, "ecommerce": {"transaction_id": f"T{s.order}", "total_item_quantity": 9, "purchase_revenue": 0.0}}
        order["items"].append(
            {"item_id": f"I{s.item}", "item_name": s.title, "item_category": f"c{s.item % 3}", "price": s.price, "quantity": s.pieces}
        )
    for order in orders.values():
        order["ecommerce"]["purchase_revenue"] = round(sum(one["price"] * one["quantity"] for one in order["items"]), 2)
    return lines_json(place, orders.values())
