"""Contracts: every file is ODCS v3.1, says what it must, and becomes a Spark schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import yaml
from jsonschema import validators
from pyspark.sql import SparkSession

from basketgraph.foundation.config import CONF_VARIABLE, UserError
from basketgraph.foundation.contracts import ContractError, conform, contract, contracts, reference_faults
from support.contract_rows import rows

REPOSITORY = Path(__file__).resolve().parents[2]
HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: silver.things\nname: silver.things\nversion: 1.0.0\nstatus: active\n"


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


def test_every_file_keeps_to_the_standards_own_json_schema() -> None:
    standard = json.loads((resources.files("open_data_contract_standard") / "schema.json").read_text(encoding="utf-8"))
    reader = validators.validator_for(standard)(standard)
    for file in sorted((REPOSITORY / "schemas").rglob("*.yaml")):
        assert [error.message for error in reader.iter_errors(yaml.safe_load(file.read_text()))] == [], file.name


def test_foreign_keys_refer_to_key_columns_of_the_same_type() -> None:
    tables = contracts()
    assert ("item_id", "silver.items", "item_id") in tables["silver.events"].references
    assert ("related_item_id", "silver.items", "item_id") in tables["gold.related_items"].references
    assert list(reference_faults(tables)) == []
    del tables["silver.coupons"]
    lacking = ["gold/coupon_allocation", "gold/coupon_scores", "silver/redemptions"]
    fault = "coupon_id: want a key column coupon_id string of silver.coupons, have none"
    assert sorted(reference_faults(tables)) == [f"schemas/{name}.yaml: {fault}" for name in lacking]


@pytest.mark.parametrize(
    ("type_", "to", "fault"),
    [
        ("string", "things.yaml#/schema/things/properties/id", None),
        ("string", "../silver/things.yaml#/schema/things/properties/id", None),
        ("bigint", "things.yaml#/schema/things/properties/id", "want a key column id bigint of silver.things, have id string"),
        ("string", "things.yaml#/schema/things/properties/other", "want a key column other string of silver.things, have none"),
        ("string", "../gold/things.yaml#/schema/things/properties/id", "want a key column id string of gold.things, have none"),
    ],
)
def test_a_foreign_key_to_no_key_or_of_another_type_is_a_fault(things: Path, type_: str, to: str, fault: str | None) -> None:
    key = "{name: id, physicalType: string, required: true, primaryKey: true, description: x}"
    other = f"{{name: other, physicalType: {type_}, description: x, relationships: [{{to: '{to}'}}]}}"
    things.write_text(f"{HEAD}schema:\n  - name: silver.things\n    properties: [{key}, {other}]\n")
    found = list(reference_faults({"silver.things": contract("silver.things")}))
    assert [one.partition("other: ")[2] for one in found] == ([] if fault is None else [fault])


def test_a_reference_that_is_no_column_of_a_contract_is_refused(things: Path) -> None:
    column = "{name: id, physicalType: string, required: true, primaryKey: true, description: x, relationships: [{to: items.item_id}]}"
    things.write_text(f"{HEAD}schema:\n  - name: silver.things\n    properties: [{column}]\n")
    with pytest.raises(UserError, match=r"id: want relationships to FILE\.yaml#/schema/TABLE/properties/COLUMN, have items\.item_id"):
        contract("silver.things")


def test_a_contract_of_another_version_of_the_standard_is_refused(things: Path) -> None:
    column = "{name: id, physicalType: string, required: true, primaryKey: true, description: x}"
    things.write_text(f"{HEAD}schema:\n  - name: silver.things\n    properties: [{column}]\n".replace("v3.1.0", "v3.0.2"))
    with pytest.raises(UserError, match=r"want apiVersion v3\.1\.0, have v3\.0\.2"):
        contract("silver.things")


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
    with pytest.raises(UserError, match=fault):
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
    with pytest.raises(UserError, match=r"schemas/silver/things\.yaml") as caught:
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


def test_each_gold_table_has_a_transform_of_its_name_or_that_names_it_first() -> None:
    """The module says so in its first line; tables that one step makes together share one."""
    modules = {path.stem: path.read_text().partition("\n")[0] for path in (REPOSITORY / "lib/basketgraph").rglob("*.py")}
    for table in (name for name in contracts() if name.startswith("gold.")):
        alone = [stem for stem, line in modules.items() if re.match(rf'"""{table}:', line)]
        together = [stem for stem, line in modules.items() if re.match(rf'"""({table} and gold\.\w+|gold\.\w+ and {table}):', line)]
        assert (alone == [table.removeprefix("gold.")]) != (len(together) == 1), f"{table}: {alone} {together}"


def test_layout_that_names_no_column_is_refused(things: Path) -> None:
    column = "{name: id, physicalType: string, required: true, primaryKey: true, description: x}"
    custom = "[{property: partitionBy, value: [day]}, {property: clusterBy, value: [place]}]"
    things.write_text(f"{HEAD}schema:\n  - name: silver.things\n    customProperties: {custom}\n    properties:\n      - {column}\n")
    with pytest.raises(UserError) as caught:
        contract("silver.things")
    assert len(caught.value.faults) == 2


def test_a_property_that_nobody_knows_is_refused_with_those_that_are_known(things: Path) -> None:
    column = "{name: id, physicalType: string, required: true, primaryKey: true, description: x}"
    custom = "[{property: clusterby, value: [id]}, {property: retension, value: {column: day, days: 3}}]"
    things.write_text(f"{HEAD}schema:\n  - name: silver.things\n    customProperties: {custom}\n    properties:\n      - {column}\n")
    with pytest.raises(UserError, match=r"(?s)clusterby.*did you mean clusterBy\?.*retension.*did you mean retention\?"):
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
