"""Items that are alike in words: the score written out, scripts that the encoder does not know, ties, and what is known before a cut."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from basketgraph.content import similar_items as similar
from basketgraph.content.encoder import encode
from basketgraph.content.features import character_grams, words
from basketgraph.content.settings import ContentSettings
from basketgraph.content.text_vectors import item_texts
from basketgraph.content.tfidf import fit_tfidf
from basketgraph.foundation.point_in_time import known_before
from support.contract_rows import rows

CUT = date(2026, 3, 1)
pytestmark = pytest.mark.slow
TITLES = {
    "mug 1": "Red mug", "mug 2": "Red mug", "mug 3": "Red mug", "cup": "Blue mug", "lantern": "Garden lantern", "candle": "Lantern candle",
    "box 1": "生日礼物盒子", "box 2": "礼物盒子", "tea": "绿茶", "teas": "绿茶礼物", "gone": "Red lantern",
}  # fmt: skip
# Of the items that may be listed; `gone` is no more.
BUYERS = {
    "mug 1": 1,
    "mug 2": 9,
    "mug 3": 4,
    "cup": 5,
    "lantern": 3,
    "candle": 2,
    "box 1": 8,
    "box 2": 7,
    "tea": 6,
    "teas": 1,
}


def text_rows(spark: SparkSession, titles: dict[str, str] = TITLES) -> DataFrame:
    items = [{"item_id": item, "name": title, "category": None, "valid_from": date(2026, 1, 1), "valid_to": None} for item, title in titles.items()]
    later = {"item_id": "lantern", "name": "Red mug", "valid_from": CUT, "valid_to": None}  # from the cut on it has another title
    return item_texts(known_before(rows(spark, "silver.items", [*items, later]), CUT), ["name"])


def found(spark: SparkSession, *, encoded: bool = True, **settings: Any) -> dict[str, list[tuple[str, float]]]:
    """The neighbours of each item with their scores, nearest first."""
    texts = text_rows(spark).localCheckpoint()
    given = {row.text_hash: row.text for row in texts.collect()} if encoded else {}
    vectors = [(key, vector.tolist() if vector.any() else None) for key, vector in zip(given, encode(list(given.values())), strict=True)]
    of_texts = spark.createDataFrame(vectors, "text_hash string, vector array<float>")
    listed = spark.createDataFrame(list(BUYERS.items()), "item_id string, buyers bigint")
    bought = spark.createDataFrame([(item,) for item in [*TITLES, "nameless"]], "item_id string")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(similar, "TASKS", 2)
        got = similar.similar_items(bought, listed, texts, of_texts, ContentSettings.model_validate(settings)).collect()
    of_items: dict[str, list[tuple[str, float]]] = {}
    for row in sorted(got, key=lambda row: (row.item_id, row["rank"])):
        of_items.setdefault(row.item_id, []).append((row.related_item_id, row.score))
        assert row["rank"] == len(of_items[row.item_id])
    return of_items


@pytest.fixture(scope="module")
def of_items(spark: SparkSession) -> dict[str, list[tuple[str, float]]]:
    return found(spark)


def near(of_items: dict[str, list[tuple[str, float]]], item: str) -> list[str]:
    return [related for related, _ in of_items[item]]


def test_scores_are_those_of_new_items_with_both_parts_on_one_scale(of_items: dict[str, list[tuple[str, float]]]) -> None:
    known = sorted({title.lower() for title in TITLES.values()})
    listed = sorted({TITLES[item].lower() for item in BUYERS})
    total = np.zeros((len(known), len(listed)))
    of_words, of_grams = (fit_tfidf([of(text) for text in listed]) for of in (words, character_grams))
    by_words = (of_words.vectors([*map(words, known)]) @ of_words.vectors([*map(words, listed)]).T).toarray() ** 2
    by_grams = (of_grams.vectors([*map(character_grams, known)]) @ of_grams.vectors([*map(character_grams, listed)]).T).toarray() ** 2
    cosines = encode(known) @ encode(listed).T
    has_both = np.outer(encode(known).any(axis=1), encode(listed).any(axis=1))
    for alike in (by_words, np.where(has_both, np.maximum(cosines, 0) ** 6, by_grams)):
        scores = alike / np.sqrt(np.maximum(alike.sum(axis=0), 1e-9))
        total += scores / np.sqrt((scores**2).mean())
    for item, text in ((item, title.lower()) for item, title in TITLES.items()):
        most = {listed[number]: score for number, score in enumerate(total[known.index(text)])}
        for related, score in of_items[item]:
            share = {"mug 3": 0.5**0.5, "mug 1": 0.2**0.5}.get(related, 1)  # of 4 and 1 buyers, where mug 2 has 9
            assert score == pytest.approx(share * most[TITLES[related].lower()], rel=1e-3, abs=1e-4)


def test_the_more_bought_item_of_a_text_comes_first_and_nobody_is_its_own_neighbour(of_items: dict[str, list[tuple[str, float]]]) -> None:
    assert near(of_items, "mug 1")[:3] == ["mug 2", "mug 3", "cup"]
    assert near(of_items, "mug 2")[:3] == ["mug 3", "mug 1", "cup"]
    assert near(of_items, "cup")[:3] == ["mug 2", "mug 3", "mug 1"]
    assert all(item not in near(of_items, item) for item in of_items)


def test_titles_in_a_script_that_the_encoder_does_not_know_are_compared_by_characters(of_items: dict[str, list[tuple[str, float]]]) -> None:
    assert near(of_items, "box 2") == ["box 1", "teas"]
    assert near(of_items, "tea") == ["teas"]


def test_an_item_that_is_listed_no_more_has_neighbours_and_is_none_and_one_without_a_title_has_none(of_items: Any) -> None:
    assert {"mug 2", "lantern", "candle"} <= set(near(of_items, "gone"))
    assert all("gone" not in near(of_items, item) for item in of_items)
    assert "nameless" not in of_items


def test_a_title_of_after_the_cut_says_nothing(of_items: dict[str, list[tuple[str, float]]]) -> None:
    assert near(of_items, "lantern")[0] == "candle"
    assert near(of_items, "mug 1")[:3] == ["mug 2", "mug 3", "cup"], "not the lantern, which is a red mug from the cut on"


def test_without_vectors_words_and_characters_decide_and_beyond_the_bound_only_the_most_bought_titles_take_part(spark: SparkSession) -> None:
    by_words = found(spark, encoded=False, similar_neighbours=2, similar_texts=3)  # red mug (14 buyers), and the boxes' two titles (8 and 7)
    assert near(by_words, "mug 1") == ["mug 2", "mug 3"]
    assert near(by_words, "cup") == ["mug 2", "mug 3"]
    assert near(by_words, "box 1") == ["box 2"]
    assert "candle" not in by_words


def test_a_shop_that_may_list_nothing_has_no_neighbours() -> None:
    columns = {"text_hash": pa.string(), "text": pa.string(), "vector": pa.list_(pa.float32())}
    known = pa.table({name: pa.array(values, kind) for (name, kind), values in zip(columns.items(), (["h"], ["tea"], [None]), strict=True)})
    items = pa.table({"number": pa.array([], pa.int64()), "item_id": pa.array([], pa.string()), "share": pa.array([], pa.float32())})
    nothing = similar.Similarities(similar.ListedTexts(known.slice(1), items), 2)
    sums = pa.Table.from_batches(list(nothing.sums(known.to_batches())))
    assert [batch.to_pylist() for batch in nothing.scaled(sums, 1).nearest(known.to_batches())] == [[{"text_hash": "h", "related": []}]]
