"""What people do besides buying, who they are, and what they write: a shop's web log and its other files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.mapping import read_source
from support.corner_shop import Shop, put

LOG = "at,kind,visitor,session,account,product,pieces,price"
TIME = {"event_time": "to_timestamp(at)", "event_date": "to_date(at)"}
WHO = {"user_id": "account", "visitor_id": "visitor", "session_id": "session"}


def csv_files(pattern: str, header: str, personal: list[str]) -> dict[str, Any]:
    return {"pattern": pattern, "format": "csv", "columns": dict.fromkeys(header.split(","), "string"), "personal": personal}


MAPPING: dict[str, Any] = {
    "shop": "web",
    "landing": "unused",
    "time_zone": "UTC",
    "currency": "EUR",
    "files": {
        "log": csv_files("log.csv", LOG, ["visitor", "session", "account"]),
        "searches": csv_files("searches.csv", "at,visitor,words,shown", ["visitor", "words"]),
        "reviews": csv_files("reviews.csv", "product,stars,text", ["text"]),
        "exposures": csv_files("exposures.csv", "at,product,place,chance,clicked", []),
        "messages": csv_files("messages.csv", "at,account,kind,text", ["account", "text"]),
        "consents": csv_files("consents.csv", "account,purpose,day,granted", ["account"]),
        "logins": csv_files("logins.csv", "visitor,day,account", ["visitor", "account"]),
    },
    "tables": {
        "silver.events": {
            "files": "log",
            "columns": {
                "event_type": "case kind when 'pv' then 'view' when 'cart' then 'cart_add' when 'buy' then 'purchase' else kind end",
                **TIME,
                **WHO,
                "item_id": "product",
                "quantity": "cast(pieces as bigint)",
                "amount_minor": "round(cast(price as decimal(18, 2)) * 100)",
                "currency": "if(price is null, null, source_currency)",
            },
        },
        "silver.searches": {
            "files": "searches",
            "columns": {"event_time": "to_timestamp(at)", "event_date": "to_date(at)", "visitor_id": "visitor", "query": "words",
                        "results": "split(shown, ' ')"},
        },
        "silver.reviews": {
            "files": "reviews",
            "columns": {"item_id": "product", "rating": "stars", "rating_min": "1", "rating_max": "5", "text": "text"},
        },
        "silver.exposures": {
            "files": "exposures",
            "columns": {**TIME, "item_id": "product", "position": "place", "propensity": "chance", "clicked": "clicked"},
        },
        "silver.messages": {"files": "messages", "columns": {**TIME, "user_id": "account", "message_type": "kind", "text": "text"}},
        "silver.consents": {
            "files": "consents",
            "columns": {"user_id": "account", "purpose": "purpose", "channel": "'all'", "valid_from": "to_date(day)", "granted": "granted"},
        },
        "silver.identities": {
            "files": "logins",
            "columns": {"identifier_type": "'visitor'", "identifier": "visitor", "valid_from": "to_date(day)", "user_id": "account",
                        "evidence": "'login'"},
        },
    },
}  # fmt: skip
FILES = {
    "log.csv": [
        LOG,
        "2026-03-01 10:00:00,pv,1,s1,,p1,,",
        "2026-03-01 10:01:00,pv,1,s1,,p1,,3.00",  # a price beside a view is no money
        "2026-03-01 10:02:00,cart,1,s1,1,p1,2,",
        "2026-03-01 10:03:00,buy,1,s1,1,p1,2,3.00",
        "2026-03-01 10:04:00,buy,1,s1,1,p2,1,2.00",  # of the same order: there is no number of one
        "2026-03-01 10:05:00,buy,2,s2,,p1,1,3.00",  # a guest
        "2026-03-01 10:06:00,buy,1,s1,1,p3,,",  # rejected: neither pieces nor money
        "2026-03-01 10:07:00,pv,,,,p1,,",  # rejected: nobody
        "2026-03-01 10:08:00,hover,1,s1,,p1,,",  # rejected: no type of ours
        "2026-03-01 10:09:00,pv,1,s1,,p1,two,",  # rejected: not to be read
    ],
    "searches.csv": ["at,visitor,words,shown", "2026-03-01 09:59:00,1,green tea,p1 p2", "2026-03-01 09:59:30,1,,p1"],
    "reviews.csv": ["product,stars,text", "p1,5,good", "p1,,", "p1,6,too good", "p2,,only words"],
    "exposures.csv": ["at,product,place,chance,clicked", "2026-03-01 09:00:00,p1,1,0.25,true", "2026-03-01 09:00:00,p2,0,1.5,false"],
    "messages.csv": ["at,account,kind,text", "2026-03-02 09:00:00,1,complaint,it is cold", "2026-03-02 09:00:00,1,poem,roses"],
    "consents.csv": ["account,purpose,day,granted", "1,marketing,2026-01-01,true", "1,marketing,2026-03-01,false"],
    "logins.csv": ["visitor,day,account", "1,2026-03-01,1", "1,2026-03-05,"],
}


@pytest.mark.slow
def test_every_behaviour_comes_in_and_what_a_row_of_its_kind_lacks_is_its_reason(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, MAPPING)
    for name, lines in FILES.items():
        put(shop.landing, name, ("\n".join(lines) + "\n").encode())
    shop.clean()
    events = sorted(shop.rows("silver.events"), key=lambda row: row["event_time"])
    assert [row["event_type"] for row in events] == ["view", "view", "cart_add", "purchase", "purchase", "purchase"]
    view, _, cart, bought, also, guest = events
    assert (view["order_id"], view["quantity"], view["amount_minor"], view["user_id"]) == (None, None, None, None)
    assert (cart["order_id"], cart["quantity"]) == (None, 2)
    assert bought["order_id"] == also["order_id"] != guest["order_id"]
    assert view["visitor_id"] == bought["visitor_id"] not in (bought["user_id"], bought["session_id"]), "equal ids of three kinds are three"
    assert guest["user_id"] is None
    refused = {table: sorted(reasons for name, reasons, _ in shop.rejected() if name == table) for table in MAPPING["tables"]}
    assert refused == {
        "silver.events": [
            ["missing:amount_minor", "missing:currency", "missing:quantity"], ["missing:user_id"], ["unreadable:quantity"],
            ["violates:event_type_is_known"],
        ],
        "silver.searches": [["missing:query"]],
        "silver.reviews": [["violates:rating_is_on_its_scale"], ["violates:something_was_said"]],
        "silver.exposures": [["violates:position_is_counted_from_one", "violates:propensity_is_a_probability"]],
        "silver.messages": [["violates:kind_is_known"]],
        "silver.consents": [],
        "silver.identities": [],
    }  # fmt: skip
    assert not any("roses" in str(payload) for _, _, payload in shop.rejected()), "what people write is masked"
    known, unknown = shop.rows("silver.identities")
    assert known["identifier"] == unknown["identifier"] == view["visitor_id"]
    assert (known["user_id"], known["valid_to"], unknown["user_id"]) == (bought["user_id"], unknown["valid_from"], None)
    assert [row["granted"] for row in shop.rows("silver.consents")] == [True, False]
    (search,) = shop.rows("silver.searches")
    assert (search["visitor_id"], search["results"]) == (view["visitor_id"], ["p1", "p2"])
    for name in MAPPING["tables"]:
        counts = shop.counts(name)
        assert counts["read"] == counts["accepted"] + counts["rejected"]


@pytest.mark.parametrize(
    ("left_out", "event_type", "wanted"),
    [
        ("quantity", "'purchase'", ["quantity"]),
        ("quantity", "'view'", []),
        ("user_id", "'view'", []),
        ("user_id visitor_id", "'view'", ["user_id"]),
    ],
)
def test_a_mapping_needs_what_its_events_need(left_out: str, event_type: str, wanted: list[str]) -> None:
    events = MAPPING["tables"]["silver.events"]
    columns = {name: text for name, text in events["columns"].items() if name not in left_out.split()} | {"event_type": event_type}
    given = {**MAPPING, "tables": {"silver.events": {**events, "columns": columns}}}
    _, faults = read_source(given, "conf/sources/web.yaml")
    assert [fault.split(":")[0].rpartition(".")[2] for fault in faults] == wanted
