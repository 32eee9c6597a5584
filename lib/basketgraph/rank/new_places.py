"""Places of a list that are kept for new items, which scores alone starve: how many pay, by the validation window, and which items get them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from basketgraph.foundation.ranking import best_variant, interval, paired_difference
from basketgraph.foundation.recommenders import LIST_SETTINGS, NEW_PLACES
from basketgraph.rank.settings import RankSettings

LEVEL = 0.95  # of the intervals, as of those that releases are judged by
HITS = ", ".join(["setting string, user_id string", *(f"hits_{places} int" for places in (0, *NEW_PLACES))])
Listed = TypeVar("Listed")
New = TypeVar("New")


@dataclass(frozen=True)
class NewPlaces:
    """How many places each list of a setting keeps for new items, and why.

    people: on whom it was chosen; 0 where it was set, or nobody could say.
    precision: share of the places that was bought, without places for new items.   gains: of each number of places the paired difference to it.
    """

    places: int
    people: int = 0
    precision: float | None = None
    gains: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def with_new_places(
    listed: Sequence[tuple[str, Listed]], new: Sequence[tuple[str, New]], places: int, k: int
) -> tuple[list[tuple[str, Listed]], list[tuple[str, New]]]:
    """What stays of a list, and the new items that follow it: the best that are not among the first k - places. Both together are at most k.

    listed, new: (item id, anything), best first.
    """
    first = {item_id for item_id, _ in listed[: max(k - places, 0)]}
    follow = [pair for pair in new if pair[0] not in first][: min(places, k)]
    taken = {item_id for item_id, _ in follow}
    return [pair for pair in listed if pair[0] not in taken][: k - len(follow)], follow


def kept_places(candidates: DataFrame, new: DataFrame, edges: DataFrame, bought: DataFrame, settings: RankSettings) -> dict[str, NewPlaces]:
    """Of each setting how many places its lists keep: `rank.new_places`, or the number of NEW_PLACES that the validation window asks for.

    That is the one with the highest precision@k, of those that gain with a paired interval above 0; none where none does. The lists are those of the
    blend of `prior` recommenders alone, every one counting alike: the ranker itself has learnt from this window.

    candidates, new, edges: rows of gold.candidates, gold.new_item_candidates and gold.interactions of the validation cut.
    bought:                 user_id, item_id of what was bought in its window and kept.
    """
    if settings.new_places != "auto":
        return dict.fromkeys(LIST_SETTINGS, NewPlaces(settings.new_places))
    if new.isEmpty():
        return dict.fromkeys(LIST_SETTINGS, NewPlaces(0))
    hits = window_hits(candidates, new, edges, bought, settings).toArrow()
    return {setting: _chosen(hits.filter(pc.equal(hits["setting"], setting)).sort_by("user_id"), settings) for setting in LIST_SETTINGS}


def _chosen(hits: pa.Table, settings: RankSettings) -> NewPlaces:
    """hits: rows of `window_hits` of one setting, in order of their users."""
    precisions = {places: hits[f"hits_{places}"].to_numpy() / settings.k for places in (0, *NEW_PLACES)}
    if not hits.num_rows:
        return NewPlaces(0)
    gains = {places: paired_difference(precisions[places], precisions[0], settings.seed, level=LEVEL) for places in NEW_PLACES}
    rounded = {str(places): {name: round(value, 6) for name, value in gain._asdict().items()} for places, gain in gains.items()}
    chosen = best_variant(precisions, settings.seed, level=LEVEL)
    return NewPlaces(chosen, hits.num_rows, round(interval(precisions[0], settings.seed, level=LEVEL).mean, 6), rounded)


def window_hits(candidates: DataFrame, new: DataFrame, edges: DataFrame, bought: DataFrame, settings: RankSettings) -> DataFrame:
    """setting, user_id, and of each number of places hits_<places>: how many of the list's items the user bought in the window.

    Arguments as of `kept_places`. returns: users with a list who bought in the window; in discovery nothing counts that the user had bought before.
    """
    buyers = bought.select("user_id").distinct().orderBy(F.xxhash64("user_id", F.lit(settings.seed)), "user_id").limit(settings.max_training_users)
    pairs = bought.distinct().join(F.broadcast(buyers), "user_id", how="left_semi")
    had = edges.where("purchases > 0").select("user_id", "item_id")
    unknown = pairs.join(had, ["user_id", "item_id"], how="left_anti")
    by_setting = pairs.withColumn("setting", F.lit("rebuy")).unionByName(unknown.withColumn("setting", F.lit("discovery")))
    wanted = by_setting.groupBy("setting", "user_id").agg(F.sort_array(F.collect_set("item_id")).alias("wanted"))
    lists = prior_lists(candidates.join(F.broadcast(buyers), "user_id", how="left_semi"), settings)
    users = wanted.join(lists, ["setting", "user_id"], how="inner").join(new_of_users(new), "user_id", how="left")  # one row at most on either side
    return users.mapInArrow(partial(_hits, k=settings.k), HITS)


def prior_lists(candidates: DataFrame, settings: RankSettings) -> DataFrame:
    """setting, user_id, listed (item ids, best first): the k best candidates by the sum of z over the setting's `prior`, then by popularity."""
    scores = [
        F.when(F.col("setting") == setting, sum((F.coalesce(f"{name}_z", F.lit(0.0)) for name in settings.of(setting).prior), F.lit(0.0)))
        for setting in LIST_SETTINGS
    ]
    best_first = Window.partitionBy("setting", "user_id").orderBy(F.coalesce(*scores).desc(), F.desc("popularity_score"), "item_id")
    best = candidates.withColumn("rank", F.row_number().over(best_first)).where(F.col("rank") <= settings.k)
    return best.groupBy("setting", "user_id").agg(F.sort_array(F.collect_list(F.struct("rank", "item_id")))["item_id"].alias("listed"))


def new_of_users(new: DataFrame) -> DataFrame:
    """user_id, new (an array of structs rank, item_id, like_item_id, best first). new: gold.new_item_candidates rows of one cut."""
    return new.groupBy("user_id").agg(F.sort_array(F.collect_list(F.struct("rank", "item_id", "like_item_id"))).alias("new"))


def _hits(batches: Iterable[pa.RecordBatch], *, k: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        counts = np.array([_hits_of_user(user, k) for user in batch.to_pylist()], dtype=np.int32).reshape(-1, 1 + len(NEW_PLACES))
        columns = [batch.column("setting"), batch.column("user_id"), *map(pa.array, counts.T)]
        yield pa.RecordBatch.from_arrays(columns, names=["setting", "user_id", *(f"hits_{places}" for places in (0, *NEW_PLACES))])


def _hits_of_user(user: Mapping[str, Any], k: int) -> list[int]:
    wanted = set(user["wanted"])
    listed = [(item_id, None) for item_id in user["listed"]]
    new = [(row["item_id"], None) for row in user["new"] or []]
    of_places = [with_new_places(listed, new, places, k) for places in (0, *NEW_PLACES)]
    return [sum(item_id in wanted for part in parts for item_id, _ in part) for parts in of_places]
