"""What a behaviour counts is learned from what people bought next."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from basketgraph.recall.edge_weights import LEAST_PURCHASES, learn_edge_weights

PEOPLE, ITEMS = 400, 40


def shop(seed: int) -> tuple[pa.Table, pa.Table]:
    """People of two kinds bought few things, looked at many of their own half, clicked on anything, and buy next from their own half."""
    rng = np.random.default_rng(seed)
    counts, bought = [], []
    for person in range(PEOPLE):
        own = np.arange(person % 2, ITEMS, 2)
        had, seen, clicked = rng.choice(own, 1), rng.choice(own, 6, replace=False), rng.choice(ITEMS, 6, replace=False)
        for item in {*had, *seen, *clicked}:
            counts.append((f"u{person}", f"i{item}", int(item in had), int(item in seen), int(item in clicked)))
        bought += [(f"u{person}", f"i{item}") for item in rng.choice(np.setdiff1d(own, had), 2, replace=False)]
    names = ("user_id", "item_id", "purchases", "view", "click")
    return pa.table(dict(zip(names, map(list, zip(*counts, strict=True)), strict=True))), pa.table(
        dict(zip(names[:2], map(list, zip(*bought, strict=True)), strict=True))
    )


def test_what_foretells_purchases_counts_and_what_says_nothing_does_not() -> None:
    counts, bought = shop(1)
    learned = learn_edge_weights(counts, bought, ("view", "click"), seed=7)
    assert learned is not None
    assert learned["view"].low.profile > 0
    assert learned["click"].best.profile == 0
    assert learned["view"].best.profile == learned["view"].best.similarity
    assert learned["view"].low.profile <= learned["view"].best.profile <= learned["view"].high.profile


def test_who_bought_out_of_the_own_cart_teaches_nothing() -> None:
    counts, bought = shop(1)
    nothing, put_in = (pa.array([number] * bought.num_rows, pa.int64()) for number in (0, 1))
    carted = bought.append_column("purchases", nothing).append_column("cart_add", put_in)
    others = counts.drop_columns(["click"]).rename_columns(["user_id", "item_id", "purchases", "cart_add"])
    assert learn_edge_weights(pa.concat_tables([carted, others]), bought, ("cart_add",), seed=7) is None


def test_too_few_purchases_teach_nothing() -> None:
    counts, bought = shop(1)
    assert learn_edge_weights(counts, bought.slice(0, LEAST_PURCHASES // 2), ("view", "click"), seed=7) is None
    assert learn_edge_weights(counts.slice(0, 0), bought, ("view", "click"), seed=7) is None
