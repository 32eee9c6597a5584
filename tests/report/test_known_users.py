"""Whoever is a user in any table of silver is known, and hidden where the page shows what a shop delivered."""

from __future__ import annotations

from dataclasses import replace

from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.report import known_users
from basketgraph.report.examples import live_examples
from basketgraph.report.known_users import known_user_hider
from basketgraph.report.page_data import without_known_users
from support.report_data import FACTS, LISTS


def nobody(words: list[str]) -> list[str]:
    """Pseudonyms of a key under which no user is known."""
    return [f"nobody {word}" for word in words]


def ann(words: list[str]) -> list[str]:
    """The user u is cust-77, Plum and 7712 to the shop."""
    return ["u" if word in ("cust-77", "7712", "Plum") else f"nobody {word}" for word in words]


def test_the_raw_id_of_a_known_user_is_hidden_wherever_it_turns_up(two_runs: RunTables) -> None:
    row = {"table_name": "silver.events", "reason": "r", "rows": 1, "first": '{"note": "ask cust-77, not cust-78", "pieces": 7712}', "last": None}
    file = {"source_file": "march/cust-77_late.csv", "problem": "no column cust-77"}
    lists = replace(LISTS, products=[{**LISTS.products[0], "name": "GIFT FOR cust-77"}])
    told = replace(FACTS, rejected=[row], quarantined=[file], lists=lists)
    shown = without_known_users(told, two_runs, ann)
    assert shown.rejected[0]["first"] == '{"note": "ask •••, not cust-78", "pieces": "•••"}'
    assert shown.quarantined == [{"source_file": "march/•••_late.csv", "problem": "no column •••"}]
    assert shown.lists is not None
    assert shown.lists.products[0]["name"] == "GIFT FOR •••"
    assert without_known_users(told, two_runs, nobody) == told, "with another key nobody is known"
    (example,) = live_examples(two_runs, ann)
    assert (example.bought, [name for name, _ in example.recommended]) == (("••• jam", "j"), ["••• jam"]), "the summary shows them, too"


def test_a_year_in_a_date_is_no_users_number() -> None:
    hide = known_users.hider(["2017"])
    assert hide("You bought it twice, last on 2017-08-10.") == "You bought it twice, last on 2017-08-10."
    assert hide("ask 2017, not 12017, on 2017-99-99") == "ask •••, not 12017, on •••-99-99"


def test_a_user_of_one_table_alone_is_hidden(two_runs: RunTables) -> None:
    words = ["anna", "bert", "carl", "dora", "emil"]  # of users, events, targets, redemptions, and none
    hide = known_user_hider(words, two_runs, lambda given: [f"pseudonym of {word}" for word in given])
    assert hide is not None
    assert [hide(f"ask {word}") for word in words] == ["ask •••"] * 4 + ["ask emil"]
