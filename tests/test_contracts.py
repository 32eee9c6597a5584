"""Contracts: every file is ODCS v3, says what it must, and becomes a Spark schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from basketgraph.config import CONF_VARIABLE, Mistake
from basketgraph.contracts import ContractError, conform, contract, contracts
from support.contract_rows import rows

REPOSITORY = Path(__file__).resolve().parents[1]
HEAD = "apiVersion: v3.0.2\nkind: DataContract\nid: silver.things\nname: silver.things\nversion: 1.0.0\nstatus: active\n"


@pytest.fixture
def things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """schemas/silver/things.yaml in a folder of one's own."""
    monkeypatch.setenv(CONF_VARIABLE, str(tmp_path))
    (tmp_path / "schemas" / "silver").mkdir(parents=True)
    contract.cache_clear()
    yield tmp_path / "schemas" / "silver" / "things.yaml"
    contract.cache_clear()


def test_every_contract_says_what_each_column_means_and_names_a_key() -> None:
    found = contracts()
    assert {"silver.events", "silver.items", "silver.users", "silver.rejected_rows", "ops.runs", "ops.releases", "gold.interactions"} <= set(found)
    for name, table in found.items():
        assert table.keys, name
        assert all(column.description for column in table.properties), name


def test_whoever_is_named_in_a_column_its_privacy_class_is_stated() -> None:
    for name, table in contracts().items():
        if "user_id" in table.columns:
            assert "user_id" in table.personal, f"{name}: erasure finds tables by their privacy classes"


@pytest.mark.parametrize("name", sorted(contracts()))
def test_every_contract_becomes_a_spark_schema(spark: SparkSession, name: str) -> None:
    struct = contract(name).struct
    assert struct.names == contract(name).columns
    assert [field.name for field in struct.fields if not field.nullable] == [p.name for p in contract(name).properties if p.required]


def test_every_file_is_a_contract_of_its_own_place() -> None:
    """Nothing but contracts lies in schemas/, and no contract is left out."""
    files = sorted((REPOSITORY / "schemas").rglob("*.yaml"))
    names = [f"{file.parent.name}.{file.stem}" for file in files]
    assert sorted(contracts()) == sorted(names)
    assert [yaml.safe_load(file.read_text())["id"] for file in files] == names


def test_lineage_takes_no_part_in_what_makes_a_row_another_row() -> None:
    events = contract("silver.events")
    assert events.lineage_columns == ["source_file", "file_hash", "source_time", "run_id", "ingested_at"]
    assert not set(events.lineage_columns) & set(events.compared_columns)
    assert not set(events.keys) & set(events.compared_columns)


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        ("{name: id, physicalType: string, required: true, description: x}", "primaryKey: want at least one column"),
        ("{name: id, physicalType: string, primaryKey: true, description: x}", "want required: true on a key"),
        ("{name: id, physicalType: string, required: true, primaryKey: true}", "want a description"),
        (
            "{name: id, physicalType: string, required: true, primaryKey: true, description: x, classification: pseudonim}",
            "want a classification of pseudonym, personal or none, have pseudonim",
        ),
    ],
)
def test_a_contract_that_contradicts_itself_is_refused(things: Path, column: str, fault: str) -> None:
    things.write_text(f"{HEAD}schema:\n  - name: silver.things\n    properties:\n      - {column}\n")
    with pytest.raises(Mistake, match=fault):
        contract("silver.things")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("schema: []\n", "want one schema object named silver.things"),
        ("schema:\n  - {name: silver.other, properties: [{name: id, physicalType: string, description: x}]}\n", "silver.other"),
        ("schema:\n  - {name: silver.things, properties: [{name: id, description: x}]}\n", "physicalType"),
        ("schema: 3\n", "not an ODCS v3 contract"),
    ],
)
def test_a_file_that_is_no_contract_is_told_by_name(things: Path, text: str, fault: str) -> None:
    things.write_text(HEAD + text)
    with pytest.raises(Mistake, match=r"schemas/silver/things\.yaml") as caught:
        contract("silver.things")
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("layout", "day"),
    [("partitionBy, value: [day]", "day"), ("clusterBy, value: [id, day]", "day"), ("clusterBy, value: [id]", None)],
)
def test_a_table_lies_by_day_in_partitions_and_in_clusters(things: Path, layout: str, day: str | None) -> None:
    columns = "[{name: id, physicalType: string, required: true, primaryKey: true, description: x}, {name: day, physicalType: date, description: x}]"
    things.write_text(f"{HEAD}schema:\n  - name: silver.things\n    customProperties: [{{property: {layout}}}]\n    properties: {columns}\n")
    assert contract("silver.things").day_column == day


def test_layout_that_names_no_column_is_refused(things: Path) -> None:
    column = "{name: id, physicalType: string, required: true, primaryKey: true, description: x}"
    custom = "[{property: partitionBy, value: [day]}, {property: clusterBy, value: [place]}]"
    things.write_text(f"{HEAD}schema:\n  - name: silver.things\n    customProperties: {custom}\n    properties:\n      - {column}\n")
    with pytest.raises(Mistake) as caught:
        contract("silver.things")
    assert len(caught.value.faults) == 2


def test_a_property_that_nobody_knows_is_refused_with_those_that_are_known(things: Path) -> None:
    column = "{name: id, physicalType: string, required: true, primaryKey: true, description: x}"
    custom = "[{property: clusterby, value: [id]}, {property: retension, value: {column: day, days: 3}}]"
    things.write_text(f"{HEAD}schema:\n  - name: silver.things\n    customProperties: {custom}\n    properties:\n      - {column}\n")
    with pytest.raises(Mistake, match=r"(?s)clusterBy.*have clusterby.*retention, have retension"):
        contract("silver.things")


def test_a_frame_is_brought_into_the_contracts_order(spark: SparkSession) -> None:
    frame = rows(spark, "silver.redemptions", [{}])
    turned = frame.select(*reversed(frame.columns))
    assert conform(turned, "silver.redemptions").columns == contract("silver.redemptions").columns


def test_a_frame_of_other_types_names_and_gaps_is_refused_with_each_difference(spark: SparkSession) -> None:
    frame = rows(spark, "silver.redemptions", [{}]).drop("user_id", "coupon_id").withColumnRenamed("campaign_id", "campaign")
    with pytest.raises(ContractError) as caught:
        conform(frame, "silver.redemptions")
    assert [fault.partition(":")[0] for fault in caught.value.faults] == ["campaign", "user_id", "coupon_id", "campaign_id"]
