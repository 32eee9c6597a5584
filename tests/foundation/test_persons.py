"""Who a row is of, by what was known before a day."""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.config import data_yaml, parsed
from basketgraph.foundation.persons import Persons, by_actor, links_before, of_persons
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.interactions.interactions import interactions
from basketgraph.profiles.user_days import net_days, user_days
from basketgraph.profiles.user_profiles import ProfilesSettings, user_profiles
from basketgraph.recall.open_carts import open_carts
from support.contract_rows import rows


def day(number: int) -> date:
    return date(2026, 3, number)


def event(number: int, user: str | None, visitor: str | None, hour: int = 12) -> dict[str, Any]:
    return {"event_date": day(number), "event_time": datetime(2026, 3, number, hour, tzinfo=timezone.utc), "user_id": user, "visitor_id": visitor}


EVENTS = [
    event(1, None, "phone"),  # looked at before anybody knew who
    event(3, "ann", "phone"),  # a log-in
    event(5, "bob", "phone", 9),  # two on one day: the later counts
    event(5, "ann", "phone", 10),
    event(2, "card-7", None),  # in the store
    event(1, None, "kiosk"),
    event(4, "bob", "kiosk"),
    event(9, "eve", "phone"),
]
IDENTITIES: list[dict[str, Any]] = [
    {"identifier_type": "card", "identifier": "card-7", "valid_from": day(4), "user_id": "ann"},
    {"identifier_type": "visitor", "identifier": "kiosk", "valid_from": day(6), "user_id": None},  # is nobody's, whoever logged in
    {"identifier_type": "device", "identifier": "tablet", "valid_from": day(2), "valid_to": day(7), "user_id": "card-7"},
    {"identifier_type": "account", "identifier": "ann", "valid_from": day(8), "user_id": "ann-2"},
]


@pytest.mark.parametrize(
    ("as_of", "links"),
    [
        (day(3), {"tablet": "card-7"}),  # what is known of the third day is known after it
        (day(4), {"tablet": "card-7", "phone": "ann"}),
        (day(5), {"tablet": "ann", "phone": "ann", "card-7": "ann", "kiosk": "bob"}),
        (day(7), {"tablet": "ann", "phone": "ann", "card-7": "ann"}),
        (day(8), {"phone": "ann", "card-7": "ann"}),
        (day(9), {"phone": "ann-2", "card-7": "ann-2", "ann": "ann-2"}),
        (day(10), {"phone": "eve", "card-7": "ann-2", "ann": "ann-2"}),
    ],
)
def test_the_newest_link_that_was_known_before_a_day_counts(spark: SparkSession, as_of: date, links: dict[str, str]) -> None:
    events, identities = rows(spark, "silver.events", EVENTS), rows(spark, "silver.identities", IDENTITIES)
    assert {row.actor_id: row.user_id for row in links_before(events, identities, as_of=as_of).collect()} == links


def test_of_links_of_one_day_the_tables_word_counts_and_of_its_rows_the_one_that_begins(spark: SparkSession) -> None:
    told = {"identifier_type": "visitor", "valid_from": day(2)}
    identities = [
        told | {"identifier": "begins", "valid_from": day(4), "user_id": "ann"},
        told | {"identifier": "ends", "valid_to": day(4), "user_id": "ann"},
        told | {"identifier": "changes hands", "valid_to": day(4), "user_id": "ann"},
        told | {"identifier": "changes hands", "valid_from": day(4), "user_id": "bob"},
    ]
    events = rows(spark, "silver.events", [event(4, "eve", visitor) for visitor in ("begins", "ends", "changes hands")])
    links = links_before(events, rows(spark, "silver.identities", identities), as_of=day(5))
    assert {row.actor_id: row.user_id for row in links.collect()} == {"begins": "ann", "changes hands": "bob"}


def test_rows_of_an_actor_become_the_persons_and_those_of_all_others_stay(spark: SparkSession) -> None:
    events, identities = rows(spark, "silver.events", EVENTS), rows(spark, "silver.identities", IDENTITIES)
    found = of_persons(by_actor(events), links_before(events, identities, as_of=day(5)))
    assert found.columns == events.columns
    assert sorted(row.user_id for row in found.collect()) == ["ann"] * 4 + ["bob"] * 3 + ["eve"]


def bought(number: int, user: str | None, visitor: str | None, item: str, order: str) -> dict[str, Any]:
    return event(number, user, visitor) | {"event_type": "purchase", "event_id": f"{order}-{item}", "item_id": item, "order_id": order}


WEB_AND_STORE = [
    bought(1, None, "phone", "tea", "w1"),  # as a guest
    bought(2, "card-7", None, "jam", "s1"),
    bought(3, "ann", "phone", "tea", "w2"),
    bought(3, "card-7", None, "tea", "s2"),  # in the store and on the web on one day
    bought(4, "bob", None, "jam", "w3"),
    event(4, None, "phone") | {"event_type": "view", "item_id": "honey"},
    event(4, None, "phone", 13) | {"event_type": "cart_add", "item_id": "honey"},
]
LINKS = [{"identifier_type": "card", "identifier": "card-7", "valid_from": day(5), "user_id": "ann"}]
UNDONE = [
    {"identifier_type": "card", "identifier": "card-7", "valid_from": day(8), "user_id": None},
    {"identifier_type": "visitor", "identifier": "phone", "valid_from": day(8), "user_id": None},
]


def gold(spark: SparkSession, root: Path, events: list[dict[str, Any]], identities: list[dict[str, Any]], as_of: date) -> dict[str, list[Any]]:
    """Profiles and interactions as of a day, as the jobs make them."""
    tables = RunTables(spark, str(root), "run", checker=lambda *_: None)
    tables.overwrite(rows(spark, "silver.events", events), "silver.events")
    tables.overwrite(rows(spark, "silver.identities", identities), "silver.identities")
    persons, kept = Persons(tables, {}), rows(spark, "gold.kept_purchases", [])
    items = rows(spark, "silver.items", [{"item_id": item, "valid_from": day(1), "recommendable": True} for item in ("tea", "jam", "honey")])
    days = user_days(persons.events, time_zone="UTC", recipe="r")
    links = persons.links(as_of)
    assert links is not None
    net = net_days(days, persons.events, kept, links.localCheckpoint(), as_of=as_of, time_zone="UTC").localCheckpoint()
    settings = parsed(ProfilesSettings, data_yaml("conf/settings.yaml")["profiles"], "profiles")
    carts = open_carts(persons.at(as_of), as_of=as_of, days=settings.open_cart_days)
    profiles = user_profiles(net, items, rows(spark, "silver.users", []), carts, as_of=as_of, settings=settings)
    edges = interactions(persons.at(as_of), items, as_of=as_of, half_life_days=90)
    return {"profiles": sorted(profiles.collect()), "edges": sorted(edges.collect())}


@pytest.mark.long
def test_two_channels_are_one_person_while_that_is_known_and_never_were_once_it_is_taken_back(spark: SparkSession, tmp_path: Path) -> None:
    whose = {None: "ann", "card-7": "ann"}
    as_one = [one | {"user_id": whose.get(one["user_id"], one["user_id"]), "visitor_id": None} for one in WEB_AND_STORE]
    apart = [one | {"user_id": one["user_id"] or one["visitor_id"], "visitor_id": None} for one in WEB_AND_STORE]
    merged = gold(spark, tmp_path, WEB_AND_STORE, LINKS, day(7))
    assert {row.user_id for row in merged["edges"]} == {"ann", "bob"}
    assert {row.user_id: row.open_cart_items for row in merged["profiles"]} == {"ann": 1, "bob": 0}
    assert merged == gold(spark, tmp_path, as_one, [], day(7))
    assert merged == gold(spark, tmp_path, WEB_AND_STORE, [*LINKS, *UNDONE], day(7)), "what was known then stays"
    assert gold(spark, tmp_path, WEB_AND_STORE, [*LINKS, *UNDONE], day(9)) == gold(spark, tmp_path, apart, [], day(9))
