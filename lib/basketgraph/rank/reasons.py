"""The reason why an item is on a list: a recommender that placed it, and its evidence, as a sentence and as numbers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from basketgraph.foundation.goals import LIKED
from basketgraph.foundation.recommenders import EXPLAIN_ORDER, NEW_ITEM
from basketgraph.rank.evidence import Evidence, Part, UserHistory
from basketgraph.rank.new_places import new_of_users, with_new_places

# Recommenders that need no evidence of their own.
OF_LATELY = {"open_cart": "It is still in your cart.", "session": "Others went on to it from what you looked at last."}
REASONS = """setting string, user_id string, rank int, item_id string, score double, sources array<string>, source string, reason string,
evidence array<struct<item_id:string,share:double,purchases:bigint,last_date:date,users:bigint>>, own_share double"""


def listed_users(lists: DataFrame, edges: DataFrame, graph_users: DataFrame, new: DataFrame) -> DataFrame:
    """One row per user with a list: user_id, lists, had, new (arrays of structs), embedding and scale (null where the graph is absent).

    lists:       rows of `recommendations.ranked_lists`.
    edges:       gold.interactions rows of the cut.
    graph_users: user_id, embedding, scale; may be empty.
    new:         gold.new_item_candidates rows of the cut; may be empty.
    """
    listed = F.sort_array(F.collect_list(F.struct("setting", "rank", *(c for c in lists.columns if c not in ("setting", "rank", "user_id")))))
    had = F.sort_array(F.collect_list(F.struct("item_id", "weight", "purchases", F.coalesce("last_purchase_date", "last_date").alias("last_date"))))
    return (
        lists.groupBy("user_id")
        .agg(listed.alias("lists"))
        .join(edges.groupBy("user_id").agg(had.alias("had")), "user_id", how="left")  # one row per user on either side
        .join(graph_users.select("user_id", "embedding", "scale"), "user_id", how="left")  # at most one
        .join(new_of_users(new), "user_id", how="left")  # at most one
    )


def reasons(users: DataFrame, evidence: Evidence, *, k: int, new_places: Mapping[str, int]) -> DataFrame:
    """The reason of each listed item, those included that take the places kept for new items.

    users:      rows of `listed_users`.
    k:          length of a list.
    new_places: of each setting how many places at the end of a list are kept for new items.
    returns:    setting, user_id, rank, item_id, score (of a new item below that of the last other one), sources (recommenders that placed the item,
                the surest first), source (the recommender that the reason is about), reason (a sentence), evidence (the user's items that explain
                it), own_share (graph only).
    """
    schema = to_arrow_schema(StructType.fromDDL(REASONS))  # type: ignore[arg-type]
    return users.mapInArrow(partial(_of_batches, evidence=evidence, schema=schema, k=k, new_places=dict(new_places)), REASONS)


def _of_batches(
    batches: Iterable[pa.RecordBatch], *, evidence: Evidence, schema: pa.Schema, k: int, new_places: Mapping[str, int]
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows = [row for user in batch.to_pylist() for row in _of_user(user, evidence, k, new_places)]
        yield pa.RecordBatch.from_pylist(rows, schema=schema)


def _of_user(user: dict[str, Any], evidence: Evidence, k: int, new_places: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    history = evidence.history_of(user)
    had = {item_id: i for i, item_id in enumerate(history.item_ids)}
    new = [(row["item_id"], row) for row in user["new"] or []]
    for setting, rows in groupby(user["lists"], key=lambda listed: listed["setting"]):
        stay, follow = with_new_places([(listed["item_id"], listed) for listed in rows], new, new_places.get(setting, 0), k)
        of_user = {"setting": setting, "user_id": user["user_id"]}
        for rank, (item_id, listed) in enumerate(stay, 1):
            why = _of_listed(listed, history, had.get(item_id), evidence)
            yield {**of_user, "rank": rank, "item_id": item_id, "score": listed["score"], **why}
        lowest = stay[-1][1]["score"] if stay else 0.0
        for place, (item_id, row) in enumerate(follow, 1):
            why = {"sources": [NEW_ITEM], **_new(item_id, history, had.get(row["like_item_id"]), evidence)}
            yield {**of_user, "rank": len(stay) + place, "item_id": item_id, "score": lowest - place, **why}


def _of_listed(listed: Mapping[str, Any], history: UserHistory, own: int | None, evidence: Evidence) -> dict[str, Any]:
    """own: the item's place in the history, where the user has it."""
    ranks = [(listed[f"{recommender}_rank"], number) for number, recommender in enumerate(EXPLAIN_ORDER)]
    recommenders = [EXPLAIN_ORDER[number] for _, number in sorted(pair for pair in ranks if pair[0] is not None)]
    if own is not None and history.purchases[own] > 0:
        return {"sources": recommenders, **_bought_before(history, own, evidence)}
    return {"sources": recommenders, **_why(listed["item_id"], recommenders, history, evidence)}


def _new(item_id: str, history: UserHistory, like: int | None, evidence: Evidence) -> dict[str, Any]:
    """like: the place in the history of the item that the new one is like; one of the same name explains nothing."""
    if like is None or not evidence.differ_in_name(item_id, history.item_ids[like]):
        return _reason(NEW_ITEM, "New in the shop.", [])
    part = history.part(like, 1.0)
    past = evidence.words.past if part.purchases else LIKED.past
    return _reason(NEW_ITEM, f"New, and like {evidence.name(part.item_id)} that you {past}.", [part])


def _why(item_id: str, recommenders: Sequence[str], history: UserHistory, evidence: Evidence) -> dict[str, Any]:
    """The reason of an item that the user never bought: by the surest recommender with evidence, else by popularity."""
    for recommender in recommenders:
        if recommender == "popularity":
            break
        if recommender in OF_LATELY:
            return _reason(recommender, OF_LATELY[recommender], [])
        if recommender == "graph":
            explained = evidence.from_graph(item_id, history)
            if explained is not None:
                parts, own_share = explained
                return _reason(recommender, f"Goes with what you {_do(parts, evidence)}, above all {_and(parts, evidence)}.", parts, own_share)
        elif recommender == "words":
            if parts := evidence.from_similar(item_id, history):
                return _reason(recommender, f"Similar to {_and(parts, evidence)}, which you {_past(parts, evidence)}.", parts)
        elif parts := evidence.from_related(item_id, history):
            said = f"{_did(evidence)} by those who also {_do(parts, evidence)} {_and(parts, evidence)}."
            return _reason(recommender, said, parts)
    return _popular(item_id, evidence)


def _bought_before(history: UserHistory, own: int, evidence: Evidence) -> dict[str, Any]:
    part = history.part(own, 1.0)
    times = "once, on" if part.purchases == 1 else f"{part.purchases} times, last on"
    return _reason("personal_frequency", f"You {evidence.words.past} it {times} {part.last_date}.", [part])


def _popular(item_id: str, evidence: Evidence) -> dict[str, Any]:
    buyers = int(evidence.buyers[evidence.place[item_id]])
    who = "One customer" if buyers == 1 else f"{buyers} customers"
    return _reason("popularity", f"{who} {evidence.words.past} it in the last {evidence.popularity_days} days.", [])


def _did(evidence: Evidence) -> str:
    return evidence.of_others.past[0].upper() + evidence.of_others.past[1:]


def _do(parts: Sequence[Part], evidence: Evidence) -> str:
    """What the user does with the items that a reason names: some of them may only have been looked at or saved."""
    return evidence.of_others.present if all(part.purchases for part in parts) else LIKED.present


def _past(parts: Sequence[Part], evidence: Evidence) -> str:
    """What the user did with the items that a reason names."""
    return evidence.words.past if all(part.purchases for part in parts) else LIKED.past


def _reason(recommender: str, text: str, parts: Sequence[Part], own_share: float | None = None) -> dict[str, Any]:
    return {"source": recommender, "reason": text, "evidence": [vars(part) for part in parts], "own_share": own_share}


def _and(parts: Sequence[Part], evidence: Evidence) -> str:
    names = list(dict.fromkeys(evidence.name(part.item_id) for part in parts))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
