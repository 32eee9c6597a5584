"""What an event of each behaviour counts in gold.interactions, where a purchase counts 1: learned on the window before the validation cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from scipy import sparse

from basketgraph.recall.behaviours import Interactions, LearnedWeight, learn_weights, without
from basketgraph.recall.matrix import Numbers, places, sorted_ids

LEARNERS = 20_000  # people, by hash, whose edges the driver holds
ITEMS_EACH = 100  # of them, so many items each, the latest
LEAST_PURCHASES = 200  # to learn from; with fewer the weights of conf hold


def learners(buyers: DataFrame, *, seed: int) -> DataFrame:
    """user_id of at most LEARNERS buyers, by hash. buyers: user_id of those with a purchase to learn from; may come again."""
    return buyers.select("user_id").distinct().orderBy(F.xxhash64("user_id", F.lit(seed)), "user_id").limit(LEARNERS)


def behaviour_counts(edges: DataFrame, behaviours: Sequence[str]) -> DataFrame:
    """user_id, item_id, purchases and the events of each behaviour, of the latest ITEMS_EACH items of a user.

    edges: gold.interactions rows of one cut, with a weight for every behaviour.
    """
    latest = F.slice(F.sort_array(F.collect_list(F.struct("last_date", "item_id", "purchases", "behaviours")), asc=False), 1, ITEMS_EACH)
    of_users = edges.groupBy("user_id").agg(latest.alias("edges")).select("user_id", F.inline("edges"))
    return of_users.select("user_id", "item_id", "purchases", *(_events(name).alias(name) for name in behaviours))


def _events(behaviour: str) -> Column:
    of_it = F.filter("behaviours", lambda one: one["behaviour"] == behaviour)
    return F.coalesce(F.get(of_it, F.lit(0))["events"], F.lit(0))


def learned_weights(edges: DataFrame, bought: DataFrame, behaviours: Sequence[str], *, seed: int) -> dict[str, dict[str, Any]] | None:
    """behaviour -> weight, low, high, "from": "learned"; None where too few purchases can teach it.

    edges:  gold.interactions rows before the window, with a weight for every behaviour.
    bought: user_id, item_id of the window's purchases, each once.
    """
    chosen = F.broadcast(learners(bought, seed=seed))
    counts = behaviour_counts(edges.join(chosen, "user_id", how="left_semi"), behaviours).toArrow()
    learned = learn_edge_weights(counts, bought.join(chosen, "user_id", how="left_semi").toArrow(), behaviours, seed=seed)
    if learned is None:
        return None
    return {
        name: {"weight": weight.best.profile, "low": weight.low.profile, "high": weight.high.profile, "from": "learned"}
        for name, weight in learned.items()
    }


def learn_edge_weights(counts: pa.Table, bought: pa.Table, behaviours: Sequence[str], *, seed: int) -> dict[str, LearnedWeight] | None:
    """The weights by which the items bought in the window come first; None where fewer than LEAST_PURCHASES of them can teach it.

    counts: rows of `behaviour_counts`, from before the window.   bought: user_id, item_id of the window's purchases.
    """
    users, items = sorted_ids(counts["user_id"]), sorted_ids(counts["item_id"])
    if not len(users):
        return None
    shape = (len(users), len(items))

    def matrix(table: pa.Table, values: Numbers) -> sparse.csr_matrix:
        row, column = places(table["user_id"], users), places(table["item_id"], items)
        there = (row >= 0) & (column >= 0) & (values > 0)
        return sparse.csr_matrix((values[there].astype(np.float32), (row[there], column[there])), shape=shape)

    by_name = {name: matrix(counts, np.log1p(counts[name].to_numpy())) for name in behaviours}
    done = Interactions(matrix(counts, np.log1p(counts["purchases"].to_numpy())), by_name)
    held_out = without(matrix(bought, np.ones(bought.num_rows)), done.purchases)  # a purchase again says nothing of the others
    cart = "cart_add" if "cart_add" in by_name else None
    if cart is not None:  # who bought out of the own cart teaches nothing
        reminded = np.asarray(held_out.multiply(done.open_carts(cart)).sum(axis=1)).ravel() > 0
        held_out = (sparse.diags((~reminded).astype(np.float32)) @ held_out).tocsr()
        held_out.eliminate_zeros()
    if held_out.nnz < LEAST_PURCHASES:
        return None
    return learn_weights(done, held_out, cart=cart, seed=seed, tied=True)
