"""gold.kept_purchases: which purchases cancellations took from, and what the customer kept of each, day by day. Rows in, rows out.

Cancellations are taken in order of time; each takes from the latest earlier purchases that fit. So what is said of a day follows from the events
up to that day alone: later ones change nothing, and neither does the order in which events were delivered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F

from basketgraph.clean.mapping import Cancellations
from basketgraph.contracts import contract
from basketgraph.history import kept_share

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
    # In order of time, by days first, since it is days that `as_of` tells apart. A purchase of the same instant can be cancelled.
    order = ("event_date", "event_time", is_cancellation.alias("is_cancellation"), "event_id")
    line = F.struct(*order, "user_id", "item_id", "order_id", "quantity", "amount_minor", "refers_to")
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
    left: dict[str, tuple[Event, int]] = {}  # purchases with pieces that nobody took back, the latest last
    for event in lines:
        if not event["is_cancellation"]:
            left[event["event_id"]] = (event, event["quantity"])
            continue
        wanted = event["quantity"]
        for purchase, there in _chosen(event, reversed(left.values()), terms):
            taken = min(wanted, there)
            wanted -= taken
            yield Taking(purchase, event, taken)
            if taken < there:
                left[purchase["event_id"]] = (purchase, there - taken)
            else:
                del left[purchase["event_id"]]
            if not wanted:
                break


def _chosen(cancellation: Event, latest_first: Iterable[tuple[Event, int]], terms: Cancellations) -> list[tuple[Event, int]]:
    """The purchases to take from, in this order."""
    wanted = cancellation["quantity"]
    smaller: list[tuple[Event, int]] = []
    larger: list[tuple[Event, int]] = []
    for purchase, there in latest_first:
        if terms.within_days is not None and (cancellation["event_date"] - purchase["event_date"]).days > terms.within_days:
            break
        if terms.refers_to is not None and cancellation["refers_to"] not in (None, purchase[terms.refers_to]):
            continue
        if there == wanted:
            return [(purchase, there)]
        (larger if there > wanted else smaller).append((purchase, there))
    if terms.quantity == "exact":
        return []
    return larger or smaller


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
