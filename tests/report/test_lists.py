"""What the page tells of the lists: counted from the tables, and said in a manager's words."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.report.examples import Place, live_examples
from basketgraph.report.lists import shown_lists
from basketgraph.report.lists_in_words import coverage_in_words, grouped, judged_in_words, listed_in_words, per_hundred
from support.contract_rows import rows
from support.report_data import DS, FACTS, LISTS, made

CUT = date(2026, 3, 1)
LISTED = {"u1": {"rebuy": ["b1", "b2", "t"], "discovery": ["p"]}, "u2": {"rebuy": ["b1", "p"]}}
ITEMS = [
    ("b1", "BANANAS, 40 LB", None, "National", "40 LB"),
    ("b2", "BANANAS, 1 LB", "Sol", "National", "1 LB"),
    ("p", "POTATOES", None, None, "5 LB"),  # a name that does not end with the size
    ("t", "5 LB", None, None, "5 LB"),  # nothing else than the size
    ("unlisted", None, None, None, None),
]


def written(spark: SparkSession, folder: Path) -> RunTables:
    tables = RunTables(spark, str(folder), "run-1")
    places = [
        {"as_of": CUT, "setting": setting, "user_id": user, "rank": rank, "item_id": item, "source": "ease" if item == "p" else "personal_frequency"}
        for user, settings in LISTED.items()
        for setting, items in settings.items()
        for rank, item in enumerate(items, 1)
    ]
    bought = [("u1", "b2", 0), ("u1", "p", 27), ("u2", "b1", -1), ("u2", "p", 28), ("never listed", "t", -5)]
    columns = ("item_id", "name", "brand", "brand_type", "package_size")
    given = {
        "gold.recommendations": [*places, {**places[0], "as_of": CUT - timedelta(days=28), "item_id": "unlisted"}],
        "gold.interactions": [{"as_of": CUT, "user_id": user, "item_id": "t", "last_date": CUT} for user in LISTED],
        "silver.items": [dict(zip(columns, item, strict=True)) for item in ITEMS],
        "silver.events": [
            {"event_type": "purchase", "user_id": user, "item_id": item, "event_date": CUT + timedelta(days=day)} for user, item, day in bought
        ],
        "gold.kept_purchases": [],
        "ops.list_outcomes": [{"as_of": CUT - timedelta(days=ago), "segment": "all"} for ago in (28, 56)],
    }
    for table, records in given.items():
        tables.append(rows(spark, table, records).coalesce(1), table)
    return tables


@pytest.mark.slow
def test_lists_are_counted_by_product_and_ticked_by_what_was_bought_in_the_window(spark: SparkSession, tmp_path: Path) -> None:
    tables = written(spark, tmp_path)
    lists = shown_lists(tables)
    assert lists is not None
    assert (lists.as_of, lists.live, lists.customers, lists.known, lists.listed, lists.assortment) == (CUT, False, 2, 3, 4, 5)
    assert [(p["setting"], p["name"], p["customers"], p["kinds"], p["of"]) for p in lists.products] == [
        ("discovery", "POTATOES", 1, 1, 1),
        ("rebuy", "BANANAS", 2, 2, 2),
        ("rebuy", "5 LB", 1, 1, 2),
        ("rebuy", "POTATOES", 1, 1, 2),
    ]
    assert [(r["setting"], r["source"], r["places"]) for r in lists.reasons] == [
        ("discovery", "ease", 1),
        ("rebuy", "personal_frequency", 4),
        ("rebuy", "ease", 1),
    ]
    assert [row["as_of"] for row in lists.outcomes] == [CUT - timedelta(days=28)]
    assert not lists.are_judged
    one, two = live_examples(tables, lambda words: [f"nobody {word}" for word in words], window_days=28)
    assert (one.days, one.bought) == (28, ("5 LB",))
    assert [(p.name, p.kind, p.bought) for p in one.lists["rebuy"]] == [
        ("BANANAS", "National brand, 40 LB", False),
        ("BANANAS", "Sol, 1 LB", True),
        ("5 LB", "5 LB", False),
    ]
    assert [p.bought for p in (*one.lists["discovery"], *two.lists["rebuy"])] == [True, False, False], "neither before nor after the window"


def test_products_of_one_name_share_a_line_that_tells_them_apart() -> None:
    places = [Place("BANANAS", "first", "40 LB"), Place("TEA", "second"), Place("BANANAS", "third", "1 LB", bought=True)]
    bananas, tea = grouped(places)
    assert (bananas["name"], bananas["count"], bananas["bought"], bananas["reason"]) == ("BANANAS", 2, 1, "first")
    assert bananas["kinds"] == [("40 LB", False), ("1 LB", True)]
    assert (tea["count"], tea["kinds"], tea["bought"]) == (1, [], 0)


def test_small_shares_keep_a_decimal() -> None:
    assert [per_hundred(share) for share in (0.861, 0.0994, 0.0996, 0.037, 0.0, None)] == ["86", "9.9", "10", "3.7", "0", "–"]


def test_the_first_screen_says_for_whom_how_many_bought_and_beside_what() -> None:
    html = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", made(FACTS)))
    first = html[: html.index("By kind of customer New customers")]
    for words in (
        "Corner shop: lists as of 3 January 2026",
        "90 of 100 customers have a list; the other 10 had bought nothing before that day",
        "Of 90 customers with a list 80 shopped in the 28 days after it.",
        "75 of 100 customers who shopped bought something from their list (70 to 80) a bestseller list 50 (45 to 55) what they bought before 74",
        "25 of 100 places on their lists were bought (22 to 28)",
        "15 of 100 EUR that they spent went to products on their list: 1,500 of 10,000 EUR",
        "Lists of things new to the customer 46 of 100 customers",
        "3.7 of 100 places",
        "2.0 of 100 EUR that they spent on things new to them",
    ):
        assert words in first, words
    for words in ("BANANAS, 3 kinds 80.0", "“you bought it” 88.9", "bought by those who also buy …” 11.1", "✓ bought later: BANANAS, 2 kinds"):
        assert words in html.replace("\N{NO-BREAK SPACE}", " "), words
    manager = html[: html.index("For engineers promises about the data")]
    assert not re.search(r"NDCG|recall|silver\.|gold\.|ops\.|ALS|EASE|gate|_minor", manager)
    assert "purchases 1,000 75 7.5" in manager, "rejected rows are counted by kind"


def test_what_is_not_judged_says_from_when_on_it_can_be() -> None:
    assert judged_in_words(replace(LISTS, outcomes=[]), 28, None) == "What customers buy from these lists can be counted from 31 January 2026 on."
    earlier = replace(LISTS, outcomes=[{**row, "as_of": DS - timedelta(days=28)} for row in LISTS.outcomes])
    assert judged_in_words(earlier, 28, None).startswith(
        "What customers buy from these lists can be counted from 31 January 2026 on. "
        "Of 90 customers with a list as of 6 December 2025, made in the same way, 80 shopped in the 28 days after it."
    )
    assert coverage_in_words(replace(LISTS, known=90)) == "90 of 90 customers have a list."
    assert "(5.0\N{NO-BREAK SPACE}%)" in listed_in_words(LISTS)
