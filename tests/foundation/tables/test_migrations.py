"""A table whose contract changed: it follows by a stated rule, or says all that keeps it from following."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession
from pyspark.sql.types import DataType, StructType

from basketgraph.foundation.config import CONF_VARIABLE, UserError, data_yaml
from basketgraph.foundation.contracts import contract
from basketgraph.foundation.tables.migrations import KEY_PROPERTY, Existing, migration, properties
from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows

TABLE = "silver.campaigns"
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Change], None]]:
    """Changes the contract of TABLE, as somebody who edits its file does."""
    given = data_yaml(f"schemas/{TABLE.replace('.', '/')}.yaml")

    def change(how: Change) -> None:
        how(given["schema"][0])
        place = tmp_path / "conf-dir" / "schemas" / "silver" / "campaigns.yaml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(yaml.safe_dump(given, sort_keys=False))
        monkeypatch.setenv(CONF_VARIABLE, str(tmp_path / "conf-dir"))
        contract.cache_clear()

    yield change
    contract.cache_clear()


def column(table: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(p for p in table["properties"] if p["name"] == name)
    return found


def as_is(spark: SparkSession, ddl: str | None = None, **other: Any) -> Existing:
    """The table as its contract wants it; `ddl` gives it other columns."""
    terms = contract(TABLE)
    schema = terms.struct if ddl is None else DataType.fromDDL(ddl)
    assert isinstance(schema, StructType)
    given = {
        "partition_by": terms.custom.partitionBy,
        "cluster_by": terms.custom.clusterBy,
        "properties": properties(terms),
        "comment": terms.description,
    }
    return Existing(schema, **{**given, **other})


def test_a_table_that_is_as_its_contract_says_is_left_alone(spark: SparkSession, tmp_path: Path) -> None:
    assert migration(contract(TABLE), as_is(spark)) == migration(contract(TABLE), as_is(spark))
    assert migration(contract(TABLE), as_is(spark)).statements == ()
    assert migration(contract(TABLE), as_is(spark)).faults == ()
    RunTables(spark, str(tmp_path), "one").create(TABLE)
    second = RunTables(spark, str(tmp_path), "two")
    second.create(TABLE)
    assert second.version(TABLE) == 0, "what create writes is what migration wants"


@pytest.mark.slow
def test_a_table_follows_its_contract_at_the_next_write_and_reads_as_it_already_before(
    spark: SparkSession, tmp_path: Path, changed: Callable[[Change], None]
) -> None:
    warehouse = str(tmp_path / "warehouse")
    before = {"campaign_id": "1", "campaign_type": "A"}
    changed(lambda table: table["properties"].append({"name": "reach", "physicalType": "int", "description": "people"}))
    changed(lambda table: table["properties"].append({"name": "gone", "physicalType": "string", "required": True, "description": "to go"}))
    RunTables(spark, warehouse, "run-1").append(rows(spark, TABLE, [{**before, "reach": 7}]), TABLE)

    def newer(table: dict[str, Any]) -> None:
        table["properties"].remove(column(table, "gone"))
        column(table, "reach")["physicalType"] = "bigint"
        column(table, "reach")["description"] = "people it's for"
        table["properties"].append({"name": "budget", "physicalType": "string", "description": "money"})
        table["customProperties"].append({"property": "constraints", "value": {"reach_is_positive": "reach > 0"}})
        column(table, "reach")["required"] = True

    changed(newer)
    release = RunTables(spark, warehouse, "run-2")
    (old,) = release.read(TABLE).collect()
    assert (release.version(TABLE), old.reach, old.budget, "gone" in old.asDict()) == (1, 7, None, False)
    assert dict(release.read(TABLE).dtypes)["reach"] == "bigint"
    release.merge(rows(spark, TABLE, [{"campaign_id": "2", "campaign_type": "B", "reach": 5_000_000_000, "budget": "much"}]), TABLE)
    assert {row.campaign_id: (row.reach, row.budget) for row in release.read(TABLE).collect()} == {"1": (7, None), "2": (5_000_000_000, "much")}
    assert release.read_version(TABLE, 1).count() == 1
    assert {f.name: f.metadata.get("comment") for f in release.read(TABLE).schema.fields}["reach"] == "people it's for"
    with pytest.raises(Exception, match="reach_is_positive"):
        release.append(rows(spark, TABLE, [{"campaign_id": "3", "campaign_type": "B", "reach": 0}]), TABLE)
    assert RunTables(spark, warehouse, "run-3").migration(TABLE).statements == (), "done once, it is done"

    changed(lambda table: column(table, "budget").update(required=True))
    with pytest.raises(UserError, match=r"(?s)rows that are there do not meet.*budget_is_there"):
        RunTables(spark, warehouse, "run-4").create(TABLE)


def test_all_that_a_table_cannot_follow_is_told_at_once(spark: SparkSession) -> None:
    kept = ", ".join(f"{f.name} {f.dataType.simpleString()}" for f in contract(TABLE).struct.fields if f.name not in ("campaign_type", "run_id"))
    have = as_is(spark, f"campaign_type bigint, {kept}", partition_by=["campaign_type"], properties={KEY_PROPERTY: "another"})
    assert set(migration(contract(TABLE), have).faults) == {
        "campaign_type: want string, have bigint",
        "run_id: want a column that is required, have rows without it",
        "primaryKey: want campaign_id, have rows by another",
        "partitionBy: want none, have campaign_type",
    }


@pytest.mark.slow
def test_rows_that_are_all_written_anew_start_the_table_again_and_its_versions_stay(
    spark: SparkSession, tmp_path: Path, changed: Callable[[Change], None]
) -> None:
    warehouse = str(tmp_path / "warehouse")
    RunTables(spark, warehouse, "run-1").append(rows(spark, TABLE, [{"campaign_id": "1", "campaign_type": "A"}]), TABLE)
    changed(lambda table: column(table, "campaign_type").update(physicalType="array<string>"))
    release = RunTables(spark, warehouse, "run-2")
    with pytest.raises(UserError, match=r"(?s)cannot follow.*campaign_type: want array<string>, have string"):
        release.merge(rows(spark, TABLE, [{"campaign_id": "2", "campaign_type": ["B"]}]), TABLE)
    release.overwrite(rows(spark, TABLE, [{"campaign_id": "2", "campaign_type": ["B"]}]), TABLE)
    assert [row.campaign_type for row in release.read(TABLE).collect()] == [["B"]]
    assert [row.campaign_id for row in release.read_version(TABLE, 1).collect()] == ["1"]
