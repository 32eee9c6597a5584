"""The shopping guide of one person: what to buy again, what is new, what goes with the last purchase, coupons, and what is not advertised."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from basketgraph.foundation.money import number_in_words
from basketgraph.offers.guide_settings import GuideSettings

JUST_BOUGHT = "just_bought"
OF_COUPON = 3  # products of a coupon that are named
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Price:
    """A range of prices of a piece in minor units. of: who pays it: the person, or everybody who buys the category."""

    low_minor: int
    high_minor: int
    currency: str
    of: str

    @property
    def words(self) -> str:
        """1.49 to 2.99 USD."""
        low, high = (number_in_words(amount, self.currency) for amount in (self.low_minor, self.high_minor))
        return f"{low} {self.currency}" if low == high else f"{low} to {high} {self.currency}"


@dataclass(frozen=True)
class GuideItem:
    """kind: brand and package size, may be empty. reason: a sentence."""

    item_id: str
    name: str
    kind: str
    reason: str
    price: Price | None = None


@dataclass(frozen=True)
class Coupon:
    """items: names of some of the products that it is good for, those on the person's list first; of: how many there are."""

    campaign_id: str
    coupon_id: str
    items: tuple[str, ...]
    of: int


@dataclass(frozen=True)
class Guide:
    """as_of: the day of the published lists. left_out: item_id -> why it is not advertised: returned, dismissed, rated_low or just_bought."""

    as_of: date
    again: tuple[GuideItem, ...] = ()
    new: tuple[GuideItem, ...] = ()
    goes_with: tuple[GuideItem, ...] = ()
    coupons: tuple[Coupon, ...] = ()
    last_purchase: date | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def items(self) -> tuple[GuideItem, ...]:
        """All that is advertised, in the order in which a message takes it."""
        return (*self.again, *self.new, *self.goes_with)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "as_of": self.as_of.isoformat(), "last_purchase": self.last_purchase and self.last_purchase.isoformat()}


@dataclass(frozen=True)
class PersonRows:
    """Rows of one person as dicts, as of the day of the lists.

    lists: setting, rank, item_id, reason.   had: item_id, purchases, last_purchase_date.   refused: item_id, reason.
    related: item_id, related_item_id, score: of the items of the last purchase.   coupons: campaign_id, coupon_id, item_ids.
    names: item_id -> name, kind, category.   own_prices, usual_prices: category -> low_minor, high_minor, currency.
    """

    as_of: date
    lists: Sequence[Row]
    had: Sequence[Row] = ()
    refused: Sequence[Row] = ()
    related: Sequence[Row] = ()
    coupons: Sequence[Row] = ()
    names: Mapping[str, Row] = field(default_factory=dict)
    own_prices: Mapping[str, Row] = field(default_factory=dict)
    usual_prices: Mapping[str, Row] = field(default_factory=dict)


def last_purchase(had: Iterable[Row], as_of: date, days: int) -> tuple[date | None, list[str]]:
    """The day of the last purchase and its items, if it was within `days` days before `as_of`; else None and none."""
    bought = [row for row in had if row["last_purchase_date"] is not None]
    day = max((row["last_purchase_date"] for row in bought), default=None)
    if day is None or day < as_of - timedelta(days=days):
        return None, []
    return day, sorted(row["item_id"] for row in bought if row["last_purchase_date"] == day)


def shopping_guide(rows: PersonRows, settings: GuideSettings) -> Guide:
    """The guide of a person. What was sent back, dismissed or rated low, and what was bought in the last days, is nowhere advertised."""
    since = rows.as_of - timedelta(days=settings.just_bought_days)
    just_bought = [row["item_id"] for row in rows.had if row["last_purchase_date"] is not None and row["last_purchase_date"] >= since]
    left_out = {**dict.fromkeys(just_bought, JUST_BOUGHT), **{row["item_id"]: row["reason"] for row in rows.refused}}
    ever_bought = {row["item_id"] for row in rows.had if row["purchases"] > 0}

    def listed(setting: str, *, bought: bool) -> tuple[GuideItem, ...]:
        """Items by their place; of one name the first."""
        in_order = sorted((row for row in rows.lists if row["setting"] == setting), key=lambda row: row["rank"])
        wanted = [row for row in in_order if row["item_id"] not in left_out and (row["item_id"] in ever_bought) == bought]
        found: dict[str, Row] = {}
        for row in wanted:
            found.setdefault(_name(rows, row["item_id"]), row)
        return tuple(_item(rows, row["item_id"], row["reason"]) for row in found.values())[: settings.items]

    again, new = listed("rebuy", bought=True), listed("discovery", bought=False)
    day, items = last_purchase(rows.had, rows.as_of, settings.after_purchase_days)
    shown = {item.name for item in (*again, *new)} | {_name(rows, item) for item in items}
    goes_with = _companions(rows, set(items), shown, {*left_out, *ever_bought})[: settings.companions]
    listed_ids = {item.item_id for item in (*again, *new, *goes_with)}
    coupons = tuple(coupon for row in rows.coupons if (coupon := _coupon(rows, row, listed_ids, left_out)) is not None)
    return Guide(rows.as_of, again, new, goes_with, coupons, day, {item: left_out[item] for item in sorted(left_out)})


def _companions(rows: PersonRows, items: set[str], shown: set[str], without: set[str]) -> tuple[GuideItem, ...]:
    """What is most related to the items of the last purchase, each with the item that it goes with best. shown: names that are there already."""
    found: dict[str, GuideItem] = {}
    for row in sorted(rows.related, key=lambda row: (-row["score"], row["related_item_id"], row["item_id"])):
        item, name = row["related_item_id"], _name(rows, row["related_item_id"])
        if row["item_id"] in items and item not in without and item not in items and name not in shown and name not in found:
            found[name] = _item(rows, item, f"Goes with {_name(rows, row['item_id'])}, which you bought last.")
    return tuple(found.values())


def _coupon(rows: PersonRows, row: Row, listed: set[str], left_out: Collection[str]) -> Coupon | None:
    """None of a coupon that is good for nothing but what is left out."""
    items = [item for item in row["item_ids"] if item not in left_out]
    if not items:
        return None
    in_order = sorted(items, key=lambda item: (item not in listed, _name(rows, item), item))
    names = tuple(dict.fromkeys(_name(rows, item) for item in in_order))[:OF_COUPON]
    return Coupon(row["campaign_id"], row["coupon_id"], names, len(items))


def _name(rows: PersonRows, item_id: str) -> str:
    return str(rows.names.get(item_id, {}).get("name") or item_id)


def _item(rows: PersonRows, item_id: str, reason: str) -> GuideItem:
    known = rows.names.get(item_id, {})
    category = str(known.get("category"))
    price = None
    for of, prices in (("you", rows.own_prices), ("everybody", rows.usual_prices)):
        if price is None and category in prices:
            band = prices[category]
            price = Price(band["low_minor"], band["high_minor"], band["currency"], of)
    return GuideItem(item_id, _name(rows, item_id), known.get("kind") or "", reason, price)


def with_texts(guide: Guide, change: Callable[[str], str]) -> Guide:
    """The guide with `change` applied to every text that people read: names, kinds, reasons and names of coupons' products."""

    def changed(items: Iterable[GuideItem]) -> tuple[GuideItem, ...]:
        return tuple(replace(item, name=change(item.name), kind=change(item.kind), reason=change(item.reason)) for item in items)

    coupons = tuple(replace(coupon, items=tuple(map(change, coupon.items))) for coupon in guide.coupons)
    return replace(guide, again=changed(guide.again), new=changed(guide.new), goes_with=changed(guide.goes_with), coupons=coupons)


def texts_of(guide: Guide) -> list[str]:
    """Every text that `with_texts` changes."""
    of_items = [text for item in guide.items for text in (item.name, item.kind, item.reason)]
    return [*of_items, *(name for coupon in guide.coupons for name in coupon.items)]
