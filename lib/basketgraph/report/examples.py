"""Examples of lists: a few users with their last purchases and their lists, for the summary of a run and for the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.foundation.goals import PURCHASE, Goal
from basketgraph.foundation.point_in_time import kept_before
from basketgraph.foundation.privacy.log_masking import masked
from basketgraph.foundation.tables.warehouse import LISTS, Warehouse
from basketgraph.report.known_users import Pseudonyms, known_user_hider
from basketgraph.report.shown import Shown

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

EDGES = "gold.interactions"
USERS, BOUGHT, LISTED = 3, 5, 5


@dataclass(frozen=True)
class Place:
    """A place of a list. name: of the product. kind: its brand and package size, may be empty. bought: whether the user bought it later."""

    name: str
    reason: str
    kind: str = ""
    bought: bool = False


@dataclass(frozen=True)
class Example:
    """One user, all texts masked: they are printed and shown.

    bought: names, latest first, each once.   lists: setting -> places, best first.   live: whether customers see these lists.
    days:   of the days after the lists, how many have purchases by now; 0 where nothing is known yet.
    """

    user_id: str
    bought: tuple[str, ...]
    lists: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    live: bool = True
    days: int = 0

    @property
    def recommended(self) -> list[tuple[str, str]]:
        """(name, reason) of the first places of what may be rebought, for the summary."""
        return [(f"{p.name}, {p.kind}" if p.kind else p.name, p.reason) for p in self.lists.get("rebuy", ())[:LISTED]]


def live_examples(warehouse: Warehouse, pseudonyms: Pseudonyms, *, window_days: int = 0, users: int = USERS, goal: Goal = PURCHASE) -> list[Example]:
    """Users of the live lists, of the newest before a release names any; none before there are lists. The same users in every run: those whose
    pseudonyms come first in a fixed shuffle. Raw ids of known users are hidden.

    pseudonyms:  of raw ids, with the key that this warehouse's users were made with.
    window_days: purchases of so many days after the lists are looked up.
    """
    shown = Shown(warehouse, goal)
    if shown.as_of is None:
        return []
    lists = shown.of_day(LISTS)
    chosen = lists.where("setting = 'rebuy'").select("user_id").distinct().orderBy(F.xxhash64("user_id"), "user_id").limit(users)

    def few(rows: DataFrame) -> DataFrame:
        return shown.named(rows.join(F.broadcast(chosen), "user_id", how="left_semi"))

    bought_on = F.coalesce("last_purchase_date", "last_date").alias("bought_on")  # rows of older versions have the latter alone
    latest = F.sort_array(F.collect_list(F.struct(bought_on, "purchases", "item_id", "name")), asc=False)
    bought = few(shown.of_day(EDGES).where("purchases > 0")).groupBy("user_id").agg(F.slice(latest, 1, BOUGHT).alias("bought"))
    later = _bought_later(shown, window_days).withColumn("bought_later", F.lit(True))
    places = few(lists).join(later, ["user_id", "item_id"], how="left")  # at most one row a pair
    best = F.sort_array(
        F.collect_list(F.struct("setting", "rank", "name", "kind", "reason", F.coalesce("bought_later", F.lit(False)).alias("later")))
    )
    rows = places.groupBy("user_id").agg(best.alias("listed")).join(bought, "user_id", how="left").orderBy("user_id").collect()  # one row per user
    days = _days_known(shown, window_days)
    made = [Example(row.user_id, tuple(dict.fromkeys(b.name for b in row.bought or ())), _by_setting(row.listed), shown.live, days) for row in rows]
    hide = known_user_hider(_texts(made), warehouse, pseudonyms) or (lambda text: text)
    return [_with_texts(example, lambda text: masked(hide(text), longest=400)) for example in made]


def _bought_later(shown: Shown, window_days: int) -> DataFrame:
    """user_id, item_id of what was bought in the days after the lists, and kept."""
    assert shown.as_of is not None
    kept = kept_before(shown.events(), shown.read("gold.kept_purchases"), as_of=shown.as_of + timedelta(days=window_days))
    return kept.where(F.col("event_date") >= F.lit(shown.as_of)).select("user_id", "item_id").distinct()


def _days_known(shown: Shown, window_days: int) -> int:
    """Of the days after the lists, those up to the newest event."""
    newest = shown.events().agg(F.max("event_date")).collect()[0][0] if window_days else None
    return 0 if newest is None or shown.as_of is None else min(window_days, max(0, (newest - shown.as_of).days + 1))


def _by_setting(listed: Iterable[Any]) -> dict[str, tuple[Place, ...]]:
    lists: dict[str, tuple[Place, ...]] = {}
    for row in listed:
        lists[row.setting] = (*lists.get(row.setting, ()), Place(row.name, row.reason, row.kind, row.later))
    return lists


def _texts(made: Iterable[Example]) -> Iterator[str]:
    for example in made:
        yield from example.bought
        for place in (place for places in example.lists.values() for place in places):
            yield from (place.name, place.reason, place.kind)


def _with_texts(example: Example, change: Callable[[str], str]) -> Example:
    def changed(place: Place) -> Place:
        return replace(place, name=change(place.name), reason=change(place.reason), kind=change(place.kind))

    lists = {setting: tuple(map(changed, places)) for setting, places in example.lists.items()}
    return replace(example, bought=tuple(map(change, example.bought)), lists=lists)
