"""Answers to questions of people: the index as files, what it is made of, and who asks."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from basketgraph.content.catalogue import Band, Catalogue, Item
from basketgraph.content.index_files import read_index, write_index
from basketgraph.content.search import SearchSettings, search_index
from basketgraph.content.search_indexes import Sales, catalogue_of, indexed_items
from basketgraph.content.settings import ContentSettings
from basketgraph.foundation.config import UserError
from support.contract_rows import rows

DS = date(2026, 3, 1)
TITLES = ("red curtain", "blue curtain", "coffee mug", "garden spade", "teapot", "生日礼物盒子")
SETTINGS = ContentSettings()


def catalogue() -> Catalogue:
    items = tuple((Item(f"{title} big", title, "home", 2000, 9), Item(f"{title} small", title, "home", 500, 1)) for title in TITLES)
    return Catalogue(items, search_index(TITLES, SearchSettings()))


def test_an_index_is_the_same_files_for_the_same_titles_and_answers_alike_once_it_was_verified(tmp_path: Path) -> None:
    made, again = catalogue(), catalogue()
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    sha256 = write_index(tmp_path / "first", made, model_id="all-MiniLM-L6-v2-onnx-int8")
    assert write_index(tmp_path / "second", again, model_id="all-MiniLM-L6-v2-onnx-int8") == sha256
    opened = read_index(tmp_path / "first", sha256=sha256, model="default")
    assert opened.items == made.items
    for question in ("cutrain red", "something to drink espresso from", "生日"):
        assert opened.index.answers(question)[0] == made.index.answers(question)[0]
        np.testing.assert_allclose(opened.index.answers(question)[1], made.index.answers(question)[1], atol=1e-6)
        assert opened.answers(question, SETTINGS, n=3) == made.answers(question, SETTINGS, n=3)

    with pytest.raises(UserError, match=r"manifest.json: want sha256 0{64}, have "):
        read_index(tmp_path / "first", sha256="0" * 64, model="default")
    (tmp_path / "second" / "vectors.npy").unlink()
    (tmp_path / "second" / "grams.json").write_text("[]")
    with pytest.raises(UserError, match=r"(?s)the index is damaged.*grams.json: want sha256 .*vectors.npy: want sha256 \w+, have no such file"):
        read_index(tmp_path / "second", sha256=sha256, model="default")
    (tmp_path / "third").mkdir()
    other = write_index(tmp_path / "third", made, model_id="another")
    with pytest.raises(UserError, match="want another, which made the index, have all-MiniLM"):
        read_index(tmp_path / "third", sha256=other, model="default")


def test_who_asks_gets_first_what_is_like_their_items_and_at_prices_that_they_pay() -> None:
    made = catalogue()
    plain = made.answers("curtain", SETTINGS, n=2)
    assert (plain.route, plain.read_as, [answer.title for answer in plain.answers]) == ("words", None, ["red curtain", "blue curtain"])
    assert plain.answers[0].why == "by words: curtain"
    assert plain.answers[0].item_id == "red curtain big"  # the better sold one
    assert plain.answers[0].items == 2

    person = made.person(frozenset({"blue curtain big", "sold no more"}), {"home": Band(400, 600)})
    own = made.answers("cutrain", SETTINGS, n=2, person=person)
    assert (own.read_as, [answer.item_id for answer in own.answers]) == ("curtain", ["blue curtain small", "red curtain small"])
    assert own.answers[0].why == "by words: curtain, like what they bought, at a price they pay"
    unhappy = made.person(frozenset({"blue curtain big"}), {}, frozenset({"blue curtain big", "red curtain big", "red curtain small"}))
    (left,) = made.answers("curtain", SETTINGS, n=9, person=unhappy).answers
    assert (left.item_id, left.items) == ("blue curtain small", 1), "what they are not to be shown is left out"
    nobody = made.person(frozenset({"sold no more"}), {})
    assert made.answers("curtain", SETTINGS, n=2, person=nobody) == plain
    assert made.answers("zzzz qqqq", SETTINGS, n=9).route == "meaning"  # it has no word of a title, so the encoder may guess
    with pytest.raises(UserError, match="want a word, have none"):
        made.answers(" ?! ", SETTINGS, n=2)


def test_the_index_has_what_may_be_shown_with_the_sales_and_prices_of_the_days_before(spark: SparkSession) -> None:
    known = {"item_id": "i1", "recommendable": True, "category": None, "department": "HOME"}
    items = [
        known,
        {**known, "item_id": "i2", "category": "CURTAINS"},
        {**known, "item_id": "i3"},
        {**known, "item_id": "i4", "recommendable": False},
    ]
    texts = [{"item_id": item, "text": text, "text_hash": text} for item, text in (("i1", "b"), ("i2", "b"), ("i3", "a"), ("i4", "a"))]
    one = {"event_type": "purchase", "quantity": 2, "currency": "USD", "event_date": date(2026, 2, 28)}
    sold = [
        {**one, "item_id": "i2", "amount_minor": 800, "event_id": "later"},  # cancelled on the day itself
        {**one, "item_id": "i2", "amount_minor": 1200, "event_id": "half"},
        {**one, "item_id": "i3", "amount_minor": 99999, "event_id": "whole"},
        {**one, "item_id": "i2", "amount_minor": 1202},
        {**one, "item_id": "i2", "amount_minor": 99999, "currency": "JPY"},
        {**one, "item_id": "i2", "amount_minor": 99999, "event_type": "view"},
        {**one, "item_id": "i2", "amount_minor": 99999, "event_date": DS},
        {**one, "item_id": "i1", "amount_minor": 600, "event_date": date(2026, 2, 27)},
        {**one, "item_id": "i3", "amount_minor": 700, "event_date": date(2026, 2, 26)},  # a day too old
    ]
    cancelled = {"valid_from": date(2026, 2, 28), "valid_to": None}
    kept = [
        {**cancelled, "event_id": "whole", "kept_quantity": 0, "kept_amount_minor": 0},
        {**cancelled, "event_id": "half", "kept_quantity": 1, "kept_amount_minor": 600},
        {**cancelled, "event_id": "later", "kept_quantity": 0, "kept_amount_minor": 0, "valid_from": DS},
    ]
    sales = Sales(rows(spark, "silver.events", sold), rows(spark, "gold.kept_purchases", kept), DS, 2, "USD")
    found = indexed_items(rows(spark, "silver.items", items), rows(spark, "gold.item_texts", texts), sales).toArrow()
    assert [(row["item_id"], row["category"], row["sales"], row["price_minor"]) for row in found.to_pylist()] == [
        ("i3", "HOME", 0, None),
        ("i2", "CURTAINS", 4, 600),
        ("i1", "HOME", 1, 300),
    ]
    vectors = pa.table({"text_hash": ["b", "a"], "vector": pa.array([[1.0, 0.0], None], type=pa.list_(pa.float32()))})
    made = catalogue_of(found, vectors, model="default", settings=SETTINGS)
    assert [[item.item_id for item in of_title] for of_title in made.items] == [["i3"], ["i2", "i1"]]
    assert made.index.vectors.tolist() == [[0, 0], [1, 0]]
    with pytest.raises(UserError, match=r"titles: want at most 1, have 2\nRaise content.max_titles"):
        catalogue_of(found, vectors, model="default", settings=SETTINGS.model_copy(update={"max_titles": 1}))
