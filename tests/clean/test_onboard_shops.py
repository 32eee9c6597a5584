"""What is guessed of files in the forms that well-known shop systems export; no Spark."""

from __future__ import annotations

from pathlib import Path

import pytest

from basketgraph.clean.onboard.words import plain_values
from clean.new_shops import lines_csv, sales
from clean.test_onboard import drafted, mapping


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        (["Credit-Note", " order placed"], ["credit_note", "order_placed"]),
        (["wc-completed", "wc-refunded", "wc-own-state"], ["completed", "refunded", "own_state"]),
        (["order_placed", "order_cancelled", "order_paid", "order_failed"], ["order_placed", "order_cancelled", "paid", "failed"]),
        (["not_paid", "not_returned"], ["not_paid", "not_returned"]),
        (["awaiting payment", "awaiting return"], ["awaiting_payment", "awaiting_return"]),
        (["begin_checkout"], ["begin_checkout"]),
        (["wc-own", "wc-paid"], ["wc_own", "wc_paid"]),
    ],
)
def test_values_are_known_without_a_prefix_that_they_share(given: list[str], plain: list[str]) -> None:
    assert list(plain_values(given).values()) == plain


def test_orders_that_came_to_nothing_are_refused_whatever_prefix_their_states_have(tmp_path: Path) -> None:
    states = ["wc-completed", "WC-Refunded", "wc-on-hold", "wc-own"]
    rows = [[s.order, s.at.date(), s.user, s.item, s.price, states[s.order % 4]] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["order", "date", "user", "item", "price", "order status"], rows))
    given = mapping(found)["tables"]["silver.events"]
    assert given["reject"]["order_not_completed"] == "lower(trim(`order status`)) in ('wc-on-hold', 'wc-refunded')"
