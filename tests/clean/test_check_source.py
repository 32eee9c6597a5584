"""What check-source says is what cleaning then does; it writes nothing; and its hints name what looks odd."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.check_source import EXAMPLES, hints, key_or_throwaway
from basketgraph.cli.sources import facts_in_words, todos_in
from basketgraph.foundation.config import UserError
from basketgraph.foundation.privacy.pseudonyms import key_file
from support.corner_shop import HEADER, ITEMS, Shop, deliver, line, mapping, put
from support.hostile_files import QUARANTINED
from support.rehearsals import FINE, check_of, rehearsal, told

DIRTY = [
    *[line(number) for number in range(1, 6)],
    line(1),  # an exact duplicate
    *[line(number, pieces="0", customer=f"secret{number}") for number in range(10, 10 + EXAMPLES + 2)],
    line(20, pieces="two"),
    line(21, customer="", title=""),
    line(22, title="Coffee", at="2026-03-04 10:00"),
    "7,u1,p1",
]


@pytest.mark.slow
def test_what_is_told_is_what_cleaning_then_does_and_nothing_is_written(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, mapping(items=ITEMS))
    deliver(shop.landing, "a.csv", *DIRTY)
    deliver(shop.landing, "b.csv", *DIRTY, minute=1)  # the same bytes again
    deliver(shop.landing, "c.csv", line(1, price="9.99"), line(30, customer="u2"), minute=2)  # a newer version, and a new row
    deliver(shop.landing, "d.csv", "1,2", header="line,customer", minute=3)  # lacks columns
    check = rehearsal(shop).check()
    assert not shop.warehouse.exists()
    assert (check.files, check.already) == (3, 0)
    assert [path for path, _ in check.quarantined] == ["d.csv"]
    assert "missing column product" in check.quarantined[0][1]
    shop.clean()
    assert told(check) == {table: shop.counts(table) for table in ("silver.events", "silver.items")}
    read = {table: (counts["read"], counts["left_out"]) for table, counts in told(check).items()}
    assert read == {"silver.events": (32, 0), "silver.items": (32, 2)}, "of the lines of two files one each has no title"

    events = next(one for one in check.tables if one.table == "silver.events")
    assert len(events.examples["quantity_not_positive"]) == EXAMPLES < events.counts.by_reason["quantity_not_positive"]
    assert "secret" not in str(events.examples)
    assert events.examples["unparsable"] == [(None, "a.csv", 16)]
    facts = {name: events.facts[name] for name in ("events", "users", "items", "in_the_future", "greatest_amount_minor", "judged_from")}
    assert facts == {"events": 7, "users": 2, "items": 1, "in_the_future": 1, "greatest_amount_minor": 1998, "judged_from": date(2026, 3, 15)}

    before = shop.counts()
    deliver(shop.landing, "e.csv", *DIRTY[:8], line(40, customer="u3"), line(41, at="2026-03-15 10:00"), minute=4)
    check = rehearsal(shop).check()
    assert (check.files, check.already) == (1, 3)
    assert [one.facts["judged_from"] for one in check.tables if one.facts] == [None], "with what is in already it is old enough"
    shop.clean()
    after = shop.counts()
    assert {key: told(check)["silver.events"][key] for key in ("read", "accepted", "rejected", "duplicates", "left_out")} == {
        key: after[key] - before[key] for key in ("read", "accepted", "rejected", "duplicates", "left_out")
    }
    assert rehearsal(shop).check().files == 0


@pytest.mark.long
def test_a_file_that_cannot_be_read_to_its_end_is_told_as_cleaning_sets_it_aside(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, mapping(items=ITEMS))
    content = QUARANTINED["many_fields.csv"][0]
    for name in ("copy.csv", "many_fields.csv"):
        put(shop.landing, name, content)
    with pytest.raises(UserError, match=r"no file of this kind can be used\n +copy.csv: not readable: "):
        rehearsal(shop).check()
    deliver(shop.landing, "good.csv", line(1))
    check = rehearsal(shop).check()
    assert (check.files, check.already) == (1, 0)
    counts = told(check)
    outcome = shop.clean()
    assert check.quarantined == list(outcome.quarantined)
    assert [path for path, _ in check.quarantined] == ["copy.csv"]
    assert counts == {table: shop.counts(table) for table in ("silver.events", "silver.items")}


@pytest.mark.slow
def test_a_sample_is_the_first_rows_and_no_file_that_can_be_used_is_a_mistake(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", *[line(number) for number in range(50)])
    check = rehearsal(shop).check(sample_rows=7)
    assert (check.sampled, told(check)["silver.events"]["read"]) == (7, 7)
    deliver(shop.landing, "a.csv", "1", header="line")
    with pytest.raises(UserError, match=r"no file of this kind can be used"):
        rehearsal(shop).check()


@pytest.mark.slow
def test_ids_and_orders_that_look_odd_are_named_though_they_are_read(spark: SparkSession, tmp_path: Path) -> None:
    given = mapping()
    del given["tables"]["silver.events"]["columns"]["event_id"]
    shop = Shop(spark, tmp_path, given)
    users = ["NaN"] * 20 + [f"u{number % 10}" for number in range(20)] + ["U1", "U2\u200b"]
    items = ["p1", "P1", "p2", "4.00638E+12"]
    lines = [line(number, customer=user, product=items[number % 4], at=f"2026-03-01 10:{number:02}") for number, user in enumerate(users)]
    deliver(shop.landing, "a.csv", *lines)
    again = line(5, customer="NaN", product="P1", at="2026-03-01 10:05", title="Green tea")  # with other content: a line of its own
    deliver(shop.landing, "b.csv", lines[3], again, line(7, customer="NaN", pieces="0"), line(900, pieces="0"), "1,2", header=HEADER, minute=1)
    deliver(shop.landing, "c.csv", "1", header="line", minute=2)
    check = rehearsal(shop).check()
    (events,) = check.tables
    told = "\n".join(hints(check))
    assert "1 of 3 files would be set aside, such as c.csv: missing column" in told
    assert "2 users have ids that differ from others' in case or in what nobody sees only, such as `x9`, in upper and lower case" in told
    assert "1 items have ids that differ from others' in case or in what nobody sees only, such as `P1` and `p1`" in told
    assert "items have ids in scientific notation (1), such as 4.00638E+12" in told
    assert "one user (`NaN`) has 50 % of all events" in told
    assert "2 of the events come in several files with other content" in told
    assert "1 orders are accepted from one file and rejected from another" in told
    assert events.facts["users"] == 13


def test_looking_makes_no_key_but_uses_the_one_that_is_there(tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    one, other = key_or_throwaway(environment), key_or_throwaway(environment)
    assert one.id != other.id
    assert not key_file(environment).exists()
    key_file(environment).parent.mkdir(parents=True)
    key_file(environment).write_bytes(b"a key that cleaning has made before")
    os.chmod(key_file(environment), 0o600)
    assert key_or_throwaway(environment).id == key_or_throwaway(environment).id
    assert key_or_throwaway({**environment, "BASKETGRAPH_KEY": "another key, given by hand"}).id != key_or_throwaway(environment).id


@pytest.mark.parametrize(
    ("fine", "odd", "words"),
    [
        ({"rejected": 30}, {"rejected": 31}, "31 % of the rows would be rejected, most of them as unreadable:event_time"),
        ({"rejected": 99}, {"rejected": 100}, "not one row would be accepted"),
        ({"duplicate": 20}, {"duplicate": 21}, "21 % of the rows are equal to others"),
        ({"superseded": 5}, {"superseded": 6}, "6 % of the rows share their event_id with a newer one"),
    ],
)
def test_counts_that_are_odd_are_named(fine: dict[str, int], odd: dict[str, int], words: str) -> None:
    assert words not in "\n".join(hints(check_of(**fine)))
    assert words in "\n".join(hints(check_of(**odd)))


@pytest.mark.parametrize(
    ("fine", "odd", "words"),
    [
        ({}, {"in_the_future": 1}, "1 events lie in the future"),
        ({}, {"before_1995": 2}, "2 events lie before 1995"),
        ({"days": 2}, {"days": 1}, "all 100 events are of one day"),
        ({"users": 2}, {"users": 1}, "all events are of one user"),
        ({"users": 96}, {"users": 97}, "each event has a user of its own"),
        ({"items": 96}, {"items": 97}, "each event has an item of its own"),
        ({"of_one_piece": 99}, {"of_one_piece": 100}, "all quantities are 1"),
        ({"median_quantity": 1000}, {"median_quantity": 1001}, "are they weights"),
        ({"for_nothing": 99}, {"for_nothing": 100}, "all amounts are 0"),
        ({"of_whole_units": 99}, {"of_whole_units": 100}, "in minor units already"),
        ({"items": 2}, {"items": 1}, "all 100 events are of one item"),
        ({"share_of_one_user": 0.1}, {"share_of_one_user": 0.11, "that_user": "NaN"}, "one user (`NaN`) has 11 % of all events"),
        ({"users": 10, "share_of_one_user": 0.3}, {"users": 10, "share_of_one_user": 0.31, "that_user": "x9"}, "one user (`x9`) has 31 %"),
        ({"come_again": 1}, {"come_again": 2}, "2 of the events come in several files with other content"),
        ({"orders_refused_elsewhere": 0}, {"orders_refused_elsewhere": 1}, "1 orders are accepted from one file and rejected from another"),
        ({"median_price_minor": 10}, {"median_price_minor": 9}, "is * 100 missing"),
        ({"currencies": ["KWD"], "median_price_minor": 100}, {"currencies": ["KWD"], "median_price_minor": 99}, "costs 0.099 KWD: is * 1000 missing"),
        (
            {"currencies": ["JPY"], "of_whole_units": 100, "median_price_minor": 90_000},
            {"of_whole_units": 100, "median_price_minor": 90_000},
            "already",
        ),
        ({}, {"currencies": ["EUR", "JPY"]}, "amounts are in EUR, JPY"),
        ({}, {"currencies": ["EUR", "XXX"]}, "currency XXX stands for none"),
    ],
)
def test_events_that_are_odd_are_named(fine: dict[str, Any], odd: dict[str, Any], words: str) -> None:
    assert hints(check_of()) == []
    assert words not in "\n".join(hints(check_of(fine)))
    assert words in "\n".join(hints(check_of(odd)))


def test_amounts_are_told_for_each_currency_by_itself_and_in_its_own_units() -> None:
    each = {"sold": 50, "of_whole_units": 50, "least_amount_minor": 1234, "greatest_amount_minor": 99_999, "median_price_minor": 60_000}
    facts = {**FINE, "currencies": ["EUR", "JPY"], "by_currency": [{**each, "currency": "JPY"}, {**each, "currency": "EUR"}]}
    assert "a piece typically 60,000, lines 1,234 to 99,999 JPY; a piece typically 600.00, lines 12.34 to 999.99 EUR" in facts_in_words(facts)
    (_, hint) = hints(check_of(facts))
    assert hint.startswith("a piece typically costs 600.00 EUR, and no amount has a part of one")
    few = {**each, "currency": "USD", "median_price_minor": 1_200}
    for number, expected in ((49, False), (50, True)):  # of this currency, not of all
        dollars = {**few, "sold": number, "of_whole_units": number}
        found = hints(check_of({**facts, "by_currency": [*facts["by_currency"], dollars]}))
        assert any(hint.startswith("a piece typically costs 12.00 USD") for hint in found) == expected


def test_questions_left_in_the_mapping_are_hints_too() -> None:
    assert hints(check_of(), todos=["say which zone"]) == ["the mapping still asks: say which zone"]


def test_a_question_is_told_to_its_end() -> None:
    mapping = "shop: x\n      # TODO: which column\n      #   says when?\n      # guess: it is no question\n      a: b\n  # TODO: another\n"
    assert todos_in(mapping) == ["which column says when?", "another"]
