"""Raw rows to silver rows: what Spark makes of the conditions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.clean.raw_rows import raw_rows
from basketgraph.clean.transform import accepted_rows, content_id, mapped_rows, rejected_rows
from support.corner_shop import FILLED, Shop, deliver, line
from support.typed_rows import NOW, typed


@pytest.mark.parametrize("rows_of", [accepted_rows, rejected_rows])
def test_a_silver_column_is_worked_out_once_however_many_conditions_name_it(
    spark: SparkSession, tmp_path: Path, rows_of: Callable[..., DataFrame]
) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1), line(2, pieces="0"))
    cleaning = shop.cleaning()
    rules = cleaning.rules["silver.events"]
    (files,) = cleaning._listed().values()
    examined = cleaning._examined("sales", files)
    found = rows_of(mapped_rows(raw_rows(spark, cleaning.source, rules.files, examined), rules), rules, run_id="run", now=NOW)
    assert found.count() == 1
    plan = found._jdf.queryExecution().optimizedPlan().toString()
    assert plan.count("round(") == 1  # of the amount, in which five conditions take an interest


@pytest.mark.parametrize("kind", ["timestamp_ntz", "timestamp", "struct<at: timestamp_ntz>"])
def test_lines_that_differ_by_a_microsecond_are_two(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    given = "named_struct('at', {})" if kind.startswith("struct") else "{}"
    name = kind.removeprefix("struct<at: ").removesuffix(">")
    values = [given.format(f"{name}'2026-03-01 10:00:00.{fraction}'") + " AS scanned" for fraction in ("123456", "123457", "123457")]
    rules, raw = typed(spark, tmp_path, {"scanned": kind}, *values)
    ids = [row.id for row in raw.select(content_id(rules).alias("id")).collect()]
    assert len(set(ids)) == 2
    assert ids[1] == ids[2]
    refused = rejected_rows(mapped_rows(raw.withColumn("pieces", F.lit("0")), rules), rules, run_id="run", now=NOW).collect()
    assert len({row.rejected_id for row in refused}) == 3, "of equal lines each is a rejected row"
    assert sorted(row.payload.count(".123457") for row in refused) == [0, 1, 1]


NESTED = {
    "basket": "struct<note: string, contact: struct<mail: string, age: int>>",
    "notes": "array<string>",
    "lines": "array<struct<text: string, seen: array<string>>>",
    "answers": "map<string, string>",
    "more": "map<string, array<string>>",
    "free": "variant",
    "counts": "array<bigint>",
}


def test_what_people_type_is_masked_however_deep_it_lies(spark: SparkSession, tmp_path: Path) -> None:
    note = "'mail me at a@b.c, said u1234'"
    values = [
        f"named_struct('note', {note}, 'contact', named_struct('mail', 'a@b.c', 'age', 41))",
        f"array('ring U1234', NULL, {note})",
        f"array(named_struct('text', {note}, 'seen', array('u1234', 'tea')), NULL)",
        f"map('u1234', {note}, 'x@b.c', '1', 'y@b.c', '2')",
        "map('card', array('4111 1111 1111 1111'))",
        f"parse_json(to_json(named_struct('a', {note})))",
        "array(5500, 1)",
    ]
    given = ", ".join(f"{value} AS {name}" for value, name in zip(values, NESTED, strict=True))
    none = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in NESTED.items())
    rules, raw = typed(spark, tmp_path, NESTED, given, none)
    raw = raw.withColumns({"customer": F.lit("u1234"), "pieces": F.lit("0")})
    found = rejected_rows(mapped_rows(raw, rules), rules, run_id="run", now=NOW).collect()
    full, empty = sorted(found, key=lambda row: "basket" not in row.payload)
    row: dict[str, Any] = json.loads(full.payload)
    masked = "mail me at ***@***, said ***"
    assert {name: row[name] for name in NESTED} == {
        "basket": {"note": masked, "contact": {"mail": "***@***", "age": 41}},
        "notes": ["ring ***", None, masked],
        "lines": [{"text": masked, "seen": ["***", "tea"]}, None],
        "answers": {"***": masked, "***@***": "1"},
        "more": {"card": ["***"]},
        "free": "***",
        "counts": [5500, 1],
    }
    assert json.loads(empty.payload) == {**FILLED, "customer": "***", "pieces": "0"}
