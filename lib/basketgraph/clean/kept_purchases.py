"""gold.kept_purchases: which purchases cancellations took from, and what the customer kept of each, day by day. Rows in, rows out.

Cancellations are taken in order of time; each takes from the latest earlier purchases that fit. So what is said of a day follows from the events
up to that day alone: later ones change nothing, and neither does the order in which events were delivered.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F

from basketgraph.clean.mapping import Cancellations
from basketgraph.foundation.contracts import contract
from basketgraph.foundation.point_in_time import kept_share

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Event = Mapping[str, Any]
STATE = pa.schema(
    [
        ("event_id", pa.string()),
        ("valid_from", pa.date32()),
        ("valid_to", pa.date32()),
        *((column, pa.string()) for column in ("user_id", "item_id", "order_id")),
        ("event_date", pa.date32()),
        *((column, pa.int64()) for column in ("quantity", "kept_quantity", "amount_minor")),
        ("cancellation_ids", pa.list_(pa.string())),
        ("cancelled_at", pa.timestamp("us", tz="UTC")),
    ]
)
CARRIED = ("event_id", "user_id", "item_id", "order_id", "event_date", "quantity", "amount_minor")  # from the purchase into each of its states


@dataclass(frozen=True)
class Taking:
    """Pieces of one purchase that one cancellation takes back."""

    purchase: Event
    cancellation: Event
    quantity: int


def kept_purchases(events: DataFrame, terms: Cancellations) -> DataFrame:
    """What was kept of every purchase that a cancellation took from.

    events:  silver.events rows of any type.
    terms:   how the shop's cancellations find their purchases.
    returns: gold.kept_purchases rows. A cancellation that finds no purchase leaves none.
    """
    is_cancellation = F.col("event_type") == "cancellation"
    touched = events.where(is_cancellation).select(*terms.match).distinct()
    # In order of time, by days first, since it is days that `as_of` tells apart. A purchase of the same instant can be cancelled. Of several of one
    # instant the dearest is the latest: ids are hashes, and must not decide what a customer paid.
    order = ("event_date", "event_time", is_cancellation.alias("is_cancellation"), "amount_minor", "event_id")
    line = F.struct(*order, "user_id", "item_id", "order_id", "quantity", "refers_to")
    table = contract("gold.kept_purchases")
    states = ", ".join(f"{p.name} {p.physicalType}" for p in table.properties if p.name in STATE.names)
    return (
        events.where(F.col("event_type").isin("purchase", "cancellation"))
        .join(touched, list(terms.match), how="left_semi")  # most purchases are of no cancelled item
        .groupBy(*terms.match)
        .agg(F.array_sort(F.collect_list(line)).alias("lines"))
        .select("lines")
        .mapInArrow(partial(_states, terms=terms), states)
        .withColumn("kept_amount_minor", kept_share("amount_minor"))
        .select(*table.columns)
    )


def takings(lines: Sequence[Event], terms: Cancellations) -> Iterator[Taking]:
    """What each cancellation takes back, among events that agree in `terms.match`, in order of time.

    A cancellation may take from earlier purchases, the latest first, as far back as `terms.within_days`; where it refers to one, from that one only.
    A purchase of which just as many pieces are left goes before all others. Else, and only where `terms.quantity` is `part`, the latest one with
    more left; else several, the latest first, until the cancellation's pieces are found or none are left.
    """
    there = _Open(terms)
    for event in lines:
        if event["is_cancellation"]:
            wanted = event["quantity"]
            for number in there.fitting(event):
                taken = min(wanted, there.left[number])
                yield Taking(there.purchases[number], event, taken)
                there.take(number, taken)
                wanted -= taken
        else:
            there.add(event)


class _Open:
    """Purchases of which pieces are left, numbered in order of time; also by how many are left and by what a cancellation may name, so that
    a till through which thousands of strangers buy one item takes no longer than as many users.
    """

    def __init__(self, terms: Cancellations) -> None:
        self.terms = terms
        self.purchases: list[Event] = []
        self.left: list[int] = []
        self.numbers: list[int] = []  # all lists of numbers are in ascending order
        self.by_left: defaultdict[int, list[int]] = defaultdict(list)
        self.by_name: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, purchase: Event) -> None:
        number = len(self.purchases)
        self.purchases.append(purchase)
        self.left.append(purchase["quantity"])
        for numbers in (self.numbers, self.by_left[purchase["quantity"]], self.by_name[purchase[self.terms.refers_to or "event_id"]]):
            numbers.append(number)

    def take(self, number: int, pieces: int) -> None:
        same = self.by_left[self.left[number]]
        del same[bisect_left(same, number)]
        if not same:
            del self.by_left[self.left[number]]
        self.left[number] -= pieces
        if self.left[number]:
            insort(self.by_left[self.left[number]], number)
        else:
            del self.numbers[bisect_left(self.numbers, number)]

    def fitting(self, cancellation: Event) -> list[int]:
        """The purchases to take from, in this order."""
        wanted, name = cancellation["quantity"], cancellation["refers_to"]
        if self.terms.refers_to is None or name is None:
            numbers, same = self.numbers, self.by_left.get(wanted, [])
            larger = [bucket[-1] for pieces, bucket in self.by_left.items() if pieces > wanted]
        else:
            numbers = [number for number in self.by_name.get(name, []) if self.left[number]]
            same = [number for number in numbers if self.left[number] == wanted]
            larger = [number for number in numbers if self.left[number] > wanted]
        if same and self._is_recent(same[-1], cancellation):
            return [same[-1]]
        if self.terms.quantity == "exact":
            return []
        if larger and self._is_recent(max(larger), cancellation):
            return [max(larger)]
        several: list[int] = []
        for number in reversed(numbers):
            if wanted <= 0 or not self._is_recent(number, cancellation):
                break
            several.append(number)
            wanted -= self.left[number]
        return several

    def _is_recent(self, number: int, cancellation: Event) -> bool:
        age = cancellation["event_date"] - self.purchases[number]["event_date"]
        return self.terms.within_days is None or age.days <= self.terms.within_days


def cancellation_counts(events: DataFrame, kept: DataFrame) -> dict[str, int]:
    """How many cancellations there are and how many found a purchase, and their pieces.

    events: silver.events rows.   kept: gold.kept_purchases rows of them.
    """
    of_all = events.where("event_type = 'cancellation'").agg(F.count("*").alias("n"), F.coalesce(F.sum("quantity"), F.lit(0)).alias("pieces"))
    last = kept.where("valid_to IS NULL")
    matched = last.select(F.explode("cancellation_ids").alias("id")).distinct().count()
    taken = last.agg(F.coalesce(F.sum(F.col("quantity") - F.col("kept_quantity")), F.lit(0))).collect()[0][0]
    found = of_all.collect()[0]
    return {
        "cancellations": found["n"],
        "matched": matched,
        "unmatched": found["n"] - matched,
        "pieces_cancelled": found["pieces"],
        "pieces_matched": taken,
        "purchases_touched": last.count(),
    }


def _states(batches: Iterable[pa.RecordBatch], *, terms: Cancellations) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        found = [state for lines in batch.column("lines").to_pylist() for state in _kept(takings(lines, terms))]
        yield pa.RecordBatch.from_pylist(found, schema=STATE)


def _kept(taken: Iterable[Taking]) -> Iterator[dict[str, Any]]:
    """The states of each purchase: one a day on which something was taken from it."""
    by_purchase: defaultdict[str, list[Taking]] = defaultdict(list)
    for one in taken:
        by_purchase[one.purchase["event_id"]].append(one)
    for ones in by_purchase.values():
        purchase, kept, ids = ones[0].purchase, ones[0].purchase["quantity"], []
        by_day: dict[date, dict[str, Any]] = {}
        for one in ones:
            kept -= one.quantity
            ids.append(one.cancellation["event_id"])
            day = one.cancellation["event_date"]
            by_day[day] = {"kept_quantity": kept, "cancellation_ids": sorted(ids), "cancelled_at": one.cancellation["event_time"]}
        for day, following in zip(by_day, [*list(by_day)[1:], None], strict=True):
            yield {**{column: purchase[column] for column in CARRIED}, "valid_from": day, "valid_to": following, **by_day[day]}
