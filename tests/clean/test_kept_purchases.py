"""gold.kept_purchases: which purchases a cancellation takes back, the same whatever the order of delivery, and nothing known too early."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from basketgraph.clean.kept_purchases import cancellation_counts, kept_purchases, takings
from basketgraph.clean.mapping import Cancellations
from basketgraph.foundation.contracts import conform
from support.contract_rows import rows

START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
EXACT = Cancellations(match=("user_id", "item_id"), quantity="exact")
PART = Cancellations(match=("user_id", "item_id"), quantity="part")
Event = dict[str, Any]


def event(name: str, day: int, quantity: int, **also: Any) -> Event:
    """An event at noon of the `day`-th of March; a name that begins with c is that of a cancellation."""
    moment = START + timedelta(days=day - 1, minutes=also.pop("minute", 0))
    kind = {"is_cancellation": name.startswith("c"), "order_id": f"order of {name}", "refers_to": None}
    return {"event_id": name, "event_time": moment, "event_date": moment.date(), "quantity": quantity, **kind, **also}


def in_order(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda e: (e["event_date"], e["event_time"], e["is_cancellation"], e["event_id"]))


def taken(terms: Cancellations, *events: Event) -> list[tuple[str, str, int]]:
    return [(one.cancellation["event_id"], one.purchase["event_id"], one.quantity) for one in takings(in_order(list(events)), terms)]


def test_the_latest_earlier_purchase_of_as_many_pieces_is_taken_back_and_each_only_once() -> None:
    bought = [event("p1", 1, 6), event("p2", 2, 6), event("p3", 3, 5), event("p9", 9, 6)]
    returned = [event("c1", 4, 6), event("c2", 5, 6), event("c3", 6, 6)]  # the third finds none left
    assert taken(EXACT, *bought, *returned) == [("c1", "p2", 6), ("c2", "p1", 6)]


def test_a_purchase_at_the_same_instant_can_be_cancelled_and_a_later_one_cannot() -> None:
    assert taken(EXACT, event("c", 1, 6), event("p", 1, 6)) == [("c", "p", 6)]
    assert taken(EXACT, event("c", 1, 6), event("p", 1, 6, minute=1)) == []


def test_only_where_the_mapping_allows_it_is_a_part_of_a_purchase_taken_back() -> None:
    events = [event("p", 1, 6), event("c", 2, 5)]
    assert taken(EXACT, *events) == []
    assert taken(PART, *events) == [("c", "p", 5)]


def test_as_many_pieces_go_before_more_and_more_before_several() -> None:
    bought = [event("p1", 1, 4), event("p2", 2, 9), event("p3", 3, 3)]
    assert taken(PART, *bought, event("c", 4, 4)) == [("c", "p1", 4)]
    assert taken(PART, *bought, event("c", 4, 5)) == [("c", "p2", 5)]
    assert taken(PART, *bought, event("c", 4, 14)) == [("c", "p3", 3), ("c", "p2", 9), ("c", "p1", 2)]
    assert taken(PART, *bought, event("c", 4, 99)) == [("c", "p3", 3), ("c", "p2", 9), ("c", "p1", 4)]
    assert taken(PART, *bought, event("c1", 4, 5), event("c2", 5, 4)) == [("c1", "p2", 5), ("c2", "p2", 4)]  # as many as are left


def test_a_purchase_too_long_ago_is_left_alone() -> None:
    terms = PART.model_copy(update={"within_days": 3})
    assert taken(terms, event("p", 1, 6), event("c", 4, 6)) == [("c", "p", 6)]
    assert taken(terms, event("p", 1, 6), event("c", 5, 6)) == []


@pytest.mark.parametrize(("by", "name"), [("order_id", "order of p1"), ("event_id", "p1")])
def test_a_cancellation_that_names_its_purchase_takes_from_no_other(by: str, name: str) -> None:
    terms = PART.model_copy(update={"refers_to": by})
    bought = [event("p1", 1, 4), event("p2", 2, 9)]
    assert taken(terms, *bought, event("c", 3, 4, refers_to=name)) == [("c", "p1", 4)]
    assert taken(terms, *bought, event("c", 3, 9, refers_to=name)) == [("c", "p1", 4)]  # no more than was bought
    assert taken(terms, *bought, event("c", 3, 4, refers_to="nothing we know")) == []
    assert taken(terms, *bought, event("c", 3, 9)) == [("c", "p2", 9)]  # names none


histories = st.lists(
    st.tuples(st.booleans(), st.integers(1, 4), st.integers(0, 2), st.integers(1, 4), st.sampled_from([None, "a", "b"])), max_size=12
).map(
    lambda drawn: [
        event(f"{'c' if is_return else 'p'}{number}", day, quantity, minute=minute, refers_to=refers if is_return else None, order_id=refers or "a")
        for number, (is_return, day, minute, quantity, refers) in enumerate(drawn)
    ]
)
rules = st.builds(
    Cancellations,
    match=st.just(("user_id",)),
    quantity=st.sampled_from(["exact", "part"]),
    refers_to=st.sampled_from([None, "order_id"]),
    within_days=st.sampled_from([None, 0, 1]),
)


def naively(terms: Cancellations, events: list[Event]) -> list[tuple[str, str, int]]:
    """The rule as it is told: for each cancellation all purchases are looked at, and the best is taken, until nothing is wanted or fits."""
    left = {e["event_id"]: e["quantity"] for e in events if not e["is_cancellation"]}
    found = []
    for c in in_order([e for e in events if e["is_cancellation"]]):
        earlier = [p for p in events if not p["is_cancellation"] and p["event_time"] <= c["event_time"]]
        earlier = [p for p in earlier if terms.within_days is None or c["event_date"] - p["event_date"] <= timedelta(days=terms.within_days)]
        earlier = [p for p in earlier if terms.refers_to is None or c["refers_to"] is None or p["order_id"] == c["refers_to"]]
        wanted = c["quantity"]
        while wanted:
            fits = [p for p in earlier if left[p["event_id"]] and (terms.quantity == "part" or left[p["event_id"]] == wanted)]
            if not fits:
                break
            several = wanted < c["quantity"]  # has begun to take from several: now only the latest counts
            best = max(
                fits,
                key=lambda p: (
                    not several and left[p["event_id"]] == wanted,
                    not several and left[p["event_id"]] > wanted,
                    p["event_time"],
                    p["event_id"],
                ),
            )
            pieces = min(wanted, left[best["event_id"]])
            found.append((c["event_id"], best["event_id"], pieces))
            left[best["event_id"]] -= pieces
            wanted -= pieces
    return found


@given(histories, rules)
def test_what_is_taken_back_is_what_the_rule_says(events: list[Event], terms: Cancellations) -> None:
    assert taken(terms, *events) == naively(terms, events)


@given(histories, rules, st.integers(0, 12))
def test_what_is_known_at_a_moment_never_depends_on_later_events(events: list[Event], terms: Cancellations, until: int) -> None:
    begun = in_order(events)[:until]
    known = {e["event_id"] for e in begun}
    assert taken(terms, *begun) == [one for one in taken(terms, *events) if one[0] in known]


def purchases(spark: SparkSession, *given: Event) -> DataFrame:
    def row(one: Event) -> Event:
        kind = "cancellation" if one["is_cancellation"] else "purchase"
        named = {key: value for key, value in one.items() if key != "is_cancellation"}
        return {"user_id": "ann", "item_id": "tea", "amount_minor": 100 * one["quantity"], "event_type": kind, **named}

    return rows(spark, "silver.events", [row(one) for one in given])


def states(frame: DataFrame, terms: Cancellations = PART) -> list[tuple[Any, ...]]:
    found = conform(kept_purchases(frame, terms), "gold.kept_purchases").orderBy("event_id", "valid_from").collect()
    return [(s.event_id, s.valid_from.day, s.valid_to and s.valid_to.day, s.kept_quantity, s.kept_amount_minor, s.cancellation_ids) for s in found]


HISTORY = (
    event("p1", 1, 6),
    event("p2", 2, 3, amount_minor=200),  # money that three pieces do not share evenly
    event("p3", 2, 5, item_id="milk"),
    event("c1", 4, 2),
    event("c2", 4, 1, minute=1),
    event("c3", 7, 1),
    event("c4", 3, 5, user_id="bob", item_id="milk"),
    event("c5", 1, 5, item_id="milk"),
    event("p6", 8, 1, user_id="cy"),
    event("c6", 8, 1, user_id="cy"),  # at the same instant
)


def test_each_purchase_has_a_state_a_day_and_users_items_and_times_are_kept_apart(spark: SparkSession) -> None:
    frame = purchases(spark, *HISTORY)
    assert states(frame) == [
        ("p1", 7, None, 5, 500, ["c3"]),
        ("p2", 4, None, 0, 0, ["c1", "c2"]),  # both of one day
        ("p6", 8, None, 0, 0, ["c6"]),
    ]
    found = kept_purchases(frame, PART).where("event_id = 'p2'").collect()[0]
    assert (found.user_id, found.item_id, found.order_id, found.event_date) == ("ann", "tea", "order of p2", date(2026, 3, 2))
    assert (found.quantity, found.amount_minor, found.cancelled_at.timestamp()) == (3, 200, (START + timedelta(days=3, minutes=1)).timestamp())


def test_states_follow_each_other_and_money_is_shared_by_pieces_half_up(spark: SparkSession) -> None:
    frame = purchases(spark, event("p", 1, 4, amount_minor=10), event("c1", 2, 1), event("c2", 5, 1), event("c3", 5, 1, minute=1), event("c4", 6, 1))
    assert states(frame) == [
        ("p", 2, 5, 3, 8, ["c1"]),  # 7.5
        ("p", 5, 6, 1, 3, ["c1", "c2", "c3"]),  # 2.5
        ("p", 6, None, 0, 0, ["c1", "c2", "c3", "c4"]),
    ]


def test_the_order_of_delivery_changes_nothing(spark: SparkSession) -> None:
    assert states(purchases(spark, *reversed(HISTORY)).repartition(3)) == states(purchases(spark, *HISTORY))


@pytest.mark.parametrize("names", [("p1", "p2"), ("p2", "p1")])
def test_of_purchases_of_one_instant_the_dearest_is_taken_back_whatever_their_ids(spark: SparkSession, names: tuple[str, str]) -> None:
    dear, cheap = names
    frame = purchases(spark, event(dear, 1, 3, amount_minor=500), event(cheap, 1, 3, amount_minor=400), event("c", 2, 3))
    assert states(frame) == [(dear, 2, None, 0, 0, ["c"])]


@pytest.mark.slow
def test_what_was_not_matched_is_counted(spark: SparkSession) -> None:
    frame = purchases(spark, *HISTORY)
    assert cancellation_counts(frame, kept_purchases(frame, PART).localCheckpoint()) == {
        "cancellations": 6,
        "matched": 4,
        "unmatched": 2,
        "pieces_cancelled": 15,
        "pieces_matched": 5,
        "purchases_touched": 3,
    }
    none = purchases(spark, event("p", 1, 1))
    assert set(cancellation_counts(none, rows(spark, "gold.kept_purchases", [])).values()) == {0}


def test_a_line_without_the_store_that_must_agree_matches_nothing(spark: SparkSession) -> None:
    terms = Cancellations(match=("user_id", "store_id"), quantity="exact")
    assert states(purchases(spark, event("p", 1, 1), event("c", 2, 1)), terms) == []
    here = purchases(spark, event("p", 1, 1, store_id="s", item_id="a"), event("c", 2, 1, store_id="s", item_id="b"))
    assert states(here, terms) == [("p", 2, None, 0, 0, ["c"])]
