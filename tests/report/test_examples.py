"""Examples are of the lists that customers see, whatever was written and refused since."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.report.examples import live_examples
from support.contract_rows import rows

DAYS = [date(2026, 1, day) for day in (1, 2)]


def shown(tables: RunTables) -> list[tuple[bool, tuple[str, ...], list[str]]]:
    found = live_examples(tables, lambda words: [f"nobody {word}" for word in words])
    return [(example.live, example.bought, [name for name, _ in example.recommended]) for example in found]


@pytest.mark.slow
def test_the_lists_of_the_live_release_are_shown_and_before_there_is_one_the_newest(spark: SparkSession, tmp_path: Path) -> None:
    release = RunTables(spark, str(tmp_path), "run-1")

    def write(day: date, item: str, name: str) -> dict[str, Any]:
        user = {"as_of": day, "user_id": "u", "item_id": item}
        release.append(rows(spark, "gold.recommendations", [{**user, "setting": "rebuy", "rank": 1, "reason": "why"}]), "gold.recommendations")
        release.append(rows(spark, "gold.interactions", [{**user, "last_date": day}]), "gold.interactions")
        release.overwrite(rows(spark, "silver.items", [{"item_id": "old", "name": name}, {"item_id": "new", "name": name}]), "silver.items")
        return release.versions(["gold.recommendations", "gold.interactions", "silver.items"])

    assert shown(release) == []
    versions = write(DAYS[0], "old", "Jam")
    assert shown(release) == [(False, ("Jam",), ["Jam"])]
    clean_only = {"release": 1, "versions": {"silver.items": versions["silver.items"]}}
    release.append(rows(spark, "ops.releases", [clean_only]), "ops.releases")
    assert shown(release) == [(False, ("Jam",), ["Jam"])], "a release without lists shows none"
    release.append(rows(spark, "ops.releases", [{"release": 2, "versions": versions}]), "ops.releases")
    write(DAYS[1], "new", "Gin")
    assert shown(release) == [(True, ("Jam",), ["Jam"])], "what was refused since is not shown"
