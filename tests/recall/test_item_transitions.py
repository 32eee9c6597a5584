"""What people go on to: equal to the matrix of the benches, and only what lists may hold is proposed."""

from __future__ import annotations

import random
from datetime import date, datetime, timezone

import numpy as np
import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.transitions import TransitionSettings, transition_matrix
from basketgraph.recall.item_transitions import item_transitions, last_visit_items, visits_before
from support.contract_rows import rows

CUT = date(2026, 3, 20)


def test_transitions_on_spark_are_those_of_the_matrix(spark: SparkSession) -> None:
    chance = random.Random(3)
    visits = [[f"i{chance.randrange(6)}" for _ in range(length)] for length in (1, 2, 3, 14, 25, 4)]
    told = [{"visit_id": str(n), "items": items, "event_date": date(2026, 3, 10 + n)} for n, items in enumerate(visits)]
    told += [
        {"visit_id": "late", "items": ["i0", "i5"], "event_date": CUT},
        {"visit_id": "old", "items": ["i0", "i5"], "event_date": date(2026, 3, 9)},
    ]
    frame = visits_before(rows(spark, "gold.sessions", told), as_of=CUT, days=10)
    listed = rows(spark, "silver.items", [{"item_id": f"i{n}"} for n in range(5)])
    settings = TransitionSettings()
    got = item_transitions(frame, listed, settings, neighbours=3).collect()
    owner = np.repeat(np.arange(len(visits)), [len(items) for items in visits])
    matrix = transition_matrix(owner, np.array([int(item[1]) for items in visits for item in items]), 6, settings).toarray()
    want = {}
    for item in range(6):
        others = sorted((-matrix[item, other], other) for other in range(5) if other != item and matrix[item, other] > 0)[:3]
        want |= {(f"i{item}", f"i{other}"): (place, -score) for place, (score, other) in enumerate(others, 1)}
    assert {(row.item_id, row.related_item_id): row["rank"] for row in got} == {pair: place for pair, (place, _) in want.items()}
    assert [row.score for row in got] == pytest.approx([want[row.item_id, row.related_item_id][1] for row in got], rel=1e-5)


def test_the_last_items_of_the_last_visit_weigh_most(spark: SparkSession) -> None:
    def visit(user: str, day: int, items: list[str]) -> dict[str, object]:
        return {"visit_id": f"{user}{day}", "user_id": user, "items": items, "started_at": datetime(2026, 3, day, tzinfo=timezone.utc)}

    told = [visit("u", 3, ["old"]), visit("u", 4, [*(f"x{n}" for n in range(20)), "a", "b", "a"]), visit("v", 1, ["c"])]
    got = {(row.user_id, row.item_id): row.weight for row in last_visit_items(rows(spark, "gold.sessions", told), decay=0.5).collect()}
    assert (got["u", "a"], got["u", "b"], got["v", "c"]) == (1.25, 0.5, 1.0)
    assert len(got) == 2 + 7 + 1
