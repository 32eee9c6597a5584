"""Named vectors of items: arrays or texts of finite numbers, with their history; anything else is a row that is refused."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.sql_checks import checked_source
from basketgraph.foundation.config import UserError
from support.corner_shop import Shop, mapping, put

VECTORS = {"image": "pic", "audio": "sound"}


def catalogue(vectors: dict[str, str]) -> dict[str, Any]:
    """A shop of a list of items alone, as JSON lines."""
    columns = {"item_id": "sku", "valid_from": "to_date(day)", "name": "sku", "recommendable": "true"}
    files = {"pattern": "*.json", "format": "json", "columns": {"sku": "string", "day": "string", "pic": "array<double>", "sound": "string"}}
    return mapping() | {
        "files": {"items": files},
        "tables": {"silver.items": {"files": "items", "version": "to_timestamp(day)", "columns": columns, "vectors": vectors}},
    }


def lines(day: int, **items: tuple[Any, Any]) -> bytes:
    rows = [{"sku": sku, "day": f"2026-03-0{day}", "pic": pic, "sound": sound} for sku, (pic, sound) in items.items()]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.slow
def test_vectors_are_arrays_or_texts_of_finite_numbers_and_have_a_history(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, catalogue(VECTORS))
    good = {"both": ([0.5, -1], "[.25, 2e1]"), "plain": (None, "0.25\t1;3"), "none": (None, " "), "empty": ([], "[]")}
    bad = {"word": (None, "1 two"), "endless": (None, "1e99"), "hole": ([1.0, None], None), "no": ([1.0], "NaN")}
    put(shop.landing, "a.json", lines(1, **good, **bad))
    shop.clean()
    first = {row["item_id"]: [(kind["name"], kind["vector"]) for kind in row["vectors"] or ()] for row in shop.rows("silver.items")}
    assert first == {"both": [("audio", [0.25, 20.0]), ("image", [0.5, -1.0])], "plain": [("audio", [0.25, 1.0, 3.0])], "none": [], "empty": []}
    refused = {json.loads(payload)["sku"]: reasons for _, reasons, payload in shop.rejected() if payload}
    assert refused == {sku: ["unreadable:vectors"] for sku in bad}
    put(shop.landing, "b.json", lines(2, both=([0.5, -1], "[.25, 21]"), plain=(None, "0.25 1 3")))
    shop.clean()
    history = [(row["valid_from"], row["valid_to"], row["vectors"][0]["vector"]) for row in shop.rows("silver.items") if row["item_id"] == "both"]
    assert history == [(date(2026, 3, 1), date(2026, 3, 2), [0.25, 20.0]), (date(2026, 3, 2), None, [0.25, 21.0])]


def test_what_is_wrong_with_vectors_is_told_before_a_row_is_read(spark: SparkSession) -> None:
    given = catalogue({"Image": "pic", "audio": "sund"})
    given["tables"]["silver.items"]["columns"]["vectors"] = "null"
    given["tables"]["silver.users"] = {"files": "items", "columns": {"user_id": "sku", "valid_from": "to_date(day)"}, "vectors": VECTORS}
    with pytest.raises(UserError) as caught:
        checked_source(spark, given, "corner")
    found = "\n".join(caught.value.faults)
    assert "tables.silver.items.vectors.Image: want a name of a-z, 0-9 and _" in found
    assert "tables.silver.items.vectors: want it once" in found
    assert "tables.silver.users.vectors: want it below tables.silver.items" in found
    with pytest.raises(UserError, match=r"tables.silver.items.vectors.audio: want declared raw columns \(sku, day, pic, sound\), have sund"):
        checked_source(spark, catalogue({"image": "pic", "audio": "sund"}), "corner")
