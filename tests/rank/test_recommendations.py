"""From candidates to lists: the best k of each user and setting, by that setting's ranker."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from basketgraph.foundation.quality.suites import suite
from basketgraph.foundation.trees import Trees
from basketgraph.rank.features import FEATURES
from basketgraph.rank.ranker import Ranker
from basketgraph.rank.recommendations import LADDER_VERSION, ranked_lists, recommendations, train_rankers
from support.rank_settings import rank_settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def only(feature: str, weight: float) -> Ranker:
    prior = np.zeros(len(FEATURES))
    prior[FEATURES.index(feature)] = weight
    return Ranker(FEATURES, prior, Trees())


def featured(spark: SparkSession, given: list[tuple[str, str, str, float]]) -> DataFrame:
    frame = spark.createDataFrame(given, "setting string, user_id string, item_id string, als_z float")
    others = [F.lit(None).cast("float").alias(name) for name in FEATURES if name != "als_z"]
    return frame.select("*", *others).select("setting", "user_id", "item_id", *FEATURES)


def test_each_setting_has_its_own_ranker_and_ties_go_to_the_lower_id(spark: SparkSession) -> None:
    scores = {"b": 1.0, "a": 1.0, "c": 3.0, "d": -2.0}
    given = [(setting, user, item, z) for setting in ("rebuy", "discovery") for user in ("u1", "u2") for item, z in scores.items()]
    lists = ranked_lists(featured(spark, given), {"rebuy": only("als_z", 1.0), "discovery": only("als_z", -1.0)}, 3).collect()
    for user in ("u1", "u2"):
        found = {
            s: [r.item_id for r in sorted(lists, key=lambda r: r["rank"]) if (r.setting, r.user_id) == (s, user)] for s in ("rebuy", "discovery")
        }
        assert found == {"rebuy": ["c", "a", "b"], "discovery": ["d", "a", "b"]}


def test_training_does_not_depend_on_the_order_of_rows(spark: SparkSession) -> None:
    rng = np.random.default_rng(0)
    names = [(setting, f"u{u:02d}", f"i{i:02d}") for setting in ("rebuy", "discovery") for u in range(20) for i in range(20)]
    columns = {name: rng.normal(size=len(names)).astype(np.float32) for name in FEATURES}
    bought = (columns["als_z"] + rng.normal(size=len(names)) > 1).astype(np.int32)
    labels = dict(zip(("setting", "user_id", "item_id"), zip(*names, strict=True), strict=True))
    table = pa.table({**{name: list(values) for name, values in labels.items()}, **columns, "bought": bought})
    shuffled = table.take(pa.array(rng.permutation(len(names))))
    first, second = (train_rankers(rows, rank_settings()) for rows in (table, shuffled))
    assert {name: ranker.version for name, ranker in first.items()} == {name: ranker.version for name, ranker in second.items()}
    assert first["rebuy"].trees.model


def test_a_row_keeps_its_id_whatever_its_rank_and_shares_it_with_no_other(spark: SparkSession) -> None:
    lists = [(setting, user, item) for setting in ("rebuy", "discovery") for user in ("u1", "u2") for item in ("a", "b c")]
    ranks = [dict.fromkeys(lists, 1), {row: place for place, row in enumerate(lists)}]
    ids = []
    for of_run in ranks:
        explained = spark.createDataFrame([(*row, rank) for row, rank in of_run.items()], "setting string, user_id string, item_id string, rank int")
        rankers = {"rebuy": only("als_z", 1.0), "discovery": only("als_z", 1.0)}
        published = [recommendations(explained, rankers, as_of=day) for day in (date(2026, 1, 3), date(2026, 1, 4))]
        rows = published[0].unionByName(published[1])
        (promise,) = (e for name, e in suite("gold.recommendations").expectations.items() if name.endswith(":list_row_id"))
        assert rows.where(promise.kwargs["condition"]).count() == 2 * len(lists)
        ids.append({(row.as_of, row.setting, row.user_id, row.item_id): row.list_row_id for row in rows.collect()})
    assert ids[0] == ids[1]
    assert len(set(ids[0].values())) == 2 * len(lists)


def test_a_shop_without_labels_is_ranked_by_the_ladder(spark: SparkSession) -> None:
    empty = pa.table(
        {name: pa.array([], pa.string()) for name in ("setting", "user_id", "item_id")} | {name: pa.array([], pa.float32()) for name in FEATURES}
    )
    rankers = train_rankers(empty.append_column("bought", pa.array([], pa.int32())), rank_settings())
    assert [(ranker.ladder[:2], ranker.version) for ranker in rankers.values()] == [(("personal_frequency", "open_cart"), LADDER_VERSION)] * 2
