"""Places for new items: who gets them, and how many the validation window asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from basketgraph.rank.new_places import NewPlaces, kept_places, with_new_places
from support.contract_rows import rows
from support.rank_settings import rank_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PEOPLE = 40


@pytest.mark.parametrize(
    ("listed", "new", "places", "want"),
    [
        ("abcdef", "xyz", 0, ("abcdef", "")),
        ("abcdef", "xyz", 2, ("abcd", "xy")),
        ("abcdef", "bxyz", 2, ("abcd", "xy")),  # what is among the first is there
        ("abcdef", "fx", 2, ("abcd", "fx")),  # what stands on a kept place takes it as a new item
        ("abcdef", "ex", 3, ("abcd", "ex")),  # fewer new ones than places
        ("abcdef", "", 4, ("abcdef", "")),
        ("abc", "xyz", 2, ("abc", "xy")),  # a short list
        ("abcdef", "wxyz", 9, ("ab", "wxyz")),
    ],
)
def test_new_items_take_the_last_places_and_no_item_comes_twice(listed: str, new: str, places: int, want: tuple[str, str]) -> None:
    stay, follow = with_new_places([(item, None) for item in listed], [(item, None) for item in new], places, 6)
    assert ("".join(item for item, _ in stay), "".join(item for item, _ in follow)) == want


def test_places_are_kept_where_the_window_asks_for_them_and_nowhere_else(spark: SparkSession) -> None:
    """Everybody buys a, of which they had one, and the new item x; nobody the new item y, and nobody what stands on places 3 to 6."""
    users = [f"u{number:02d}" for number in range(PEOPLE)]
    z = {item: 9.0 - number for number, item in enumerate("abcdef")}
    listed = [(setting, user, item) for setting, items in (("rebuy", "abcdef"), ("discovery", "bcdef")) for user in users for item in items]
    candidates = rows(
        spark,
        "gold.candidates",
        [{"setting": setting, "user_id": user, "item_id": item, "als_z": z[item], "ease_z": z[item]} for setting, user, item in listed],
    )
    bought = spark.createDataFrame([(user, item) for user in users for item in "ax"], "user_id string, item_id string")
    edges = rows(spark, "gold.interactions", [{"user_id": user, "item_id": "a", "purchases": 1} for user in users])

    def places(items: str, **changed: object) -> dict[str, NewPlaces]:
        new = rows(spark, "gold.new_item_candidates", [
            {"user_id": user, "item_id": item, "rank": rank} for user in users for rank, item in enumerate(items, 1)
        ])  # fmt: skip
        return kept_places(candidates, new, edges, bought, rank_settings(k=6, **({"new_places": "auto"} | changed)))

    wanted = places("yx")
    assert {setting: (of.places, of.people, of.precision) for setting, of in wanted.items()} == {
        "rebuy": (4, PEOPLE, pytest.approx(1 / 6, abs=1e-5)),  # two places are as good as four; the larger number wins a tie
        "discovery": (4, PEOPLE, 0.0),  # that they had a counts for nothing
    }
    assert wanted["rebuy"].gains["2"]["low"] == pytest.approx(1 / 6, abs=1e-5)
    unwanted = places("y")
    assert {setting: of.places for setting, of in unwanted.items()} == {"rebuy": 0, "discovery": 0}
    assert unwanted["rebuy"].gains["4"]["mean"] == 0
    assert places("y", new_places=3) == {"rebuy": NewPlaces(3), "discovery": NewPlaces(3)}
    assert places("") == {"rebuy": NewPlaces(0), "discovery": NewPlaces(0)}
