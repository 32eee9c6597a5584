"""Whoever is a user in any table of silver is known, and hidden where the page shows what a shop delivered."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from basketgraph.report.known_users import known_user_hider
from basketgraph.tables import Release
from support.contract_rows import rows

SHOPPERS = {"silver.users": "anna", "silver.events": "bert", "silver.campaign_targets": "carl", "silver.redemptions": "dora"}


@pytest.mark.slow
def test_a_user_of_one_table_alone_is_hidden(spark: SparkSession, tmp_path: Path) -> None:
    release = Release(spark, str(tmp_path), "run-1")
    for table, name in SHOPPERS.items():
        release.append(rows(spark, table, [{"user_id": f"pseudonym of {name}"}]), table)
    words = [*SHOPPERS.values(), "emil"]
    hide = known_user_hider(words, release, lambda given: [f"pseudonym of {word}" for word in given])
    assert hide is not None
    assert [hide(f"ask {word}") for word in words] == ["ask •••"] * 4 + ["ask emil"]
