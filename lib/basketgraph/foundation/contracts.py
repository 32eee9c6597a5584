"""What a table is: the ODCS v3.1 contracts below schemas/, as Spark schemas and as a check that lists every difference at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from open_data_contract_standard.model import OpenDataContractStandard, SchemaProperty
from pydantic import Field

from basketgraph.foundation.config import Settings, UserError, data_files, data_yaml, parsed
from basketgraph.foundation.recommenders import RECOMMENDERS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

VERSION = "v3.1."
LINEAGE_TAG, FEATURE_TAG = "lineage", "feature"
PERSONAL_CLASSES = ("pseudonym", "personal")
# A column of another contract as ODCS refers to it, by ids: ../silver/items.yaml#/schema/items/properties/item_id
REFERENCE = re.compile(r"(?:\.\./(?P<layer>\w+)/)?(?P<table>\w+)\.yaml#/schema/(?P=table)/properties/(?P<column>\w+)")


class ContractError(UserError):
    """A frame that is not what its contract says."""


class Column(SchemaProperty):
    """A property whose name and type are there."""

    name: str
    physicalType: str


class Retention(Settings):
    """How long rows stay: until the newest value of `column` in the table is more than `days` days later."""

    column: str  # a date or timestamp
    days: int = Field(ge=1)
    where: str | None = None  # only such rows go
    newestBy: tuple[str, ...] = ()  # the newest row of each value of these stays, however old
    clear: tuple[str, ...] = ()  # instead of the row, these columns go


class CustomProperties(Settings):
    """What a contract says beyond ODCS; docs/architecture.md says what each means."""

    derivable: tuple[str, ...] = ()
    derivedFrom: dict[str, list[str]] = Field(default_factory=dict)
    pseudonymOf: dict[str, str] = Field(default_factory=dict)  # column -> SQL of the text that its pseudonym is made of; without, the id itself
    requiredWhere: dict[str, str] = Field(default_factory=dict)  # column -> SQL condition on the rows that must have it
    partitionBy: tuple[str, ...] = ()
    clusterBy: tuple[str, ...] = ()
    changeDataFeed: bool = False
    perRecommender: tuple[dict[str, Any], ...] = ()
    constraints: dict[str, str] = Field(default_factory=dict)  # CHECK constraints: name -> SQL condition
    retention: Retention | None = None  # None: rows stay for ever


@dataclass(frozen=True)
class Contract:
    """One table. `name` is `<layer>.<table>`; columns are in the contract's order."""

    name: str
    properties: tuple[Column, ...]
    custom: CustomProperties
    description: str

    @property
    def file(self) -> str:
        return f"schemas/{self.name.replace('.', '/')}.yaml"

    @cached_property
    def columns(self) -> list[str]:
        return [p.name for p in self.properties]

    @cached_property
    def keys(self) -> list[str]:
        keyed = [p for p in self.properties if p.primaryKey]
        return [p.name for p in sorted(keyed, key=lambda p: p.primaryKeyPosition or 0)]

    @cached_property
    def lineage_columns(self) -> list[str]:
        return [p.name for p in self.properties if LINEAGE_TAG in (p.tags or [])]

    @cached_property
    def feature_columns(self) -> list[str]:
        """The numeric columns that a model may use; array columns have a fixed length."""
        return [p.name for p in self.properties if FEATURE_TAG in (p.tags or [])]

    @cached_property
    def compared_columns(self) -> list[str]:
        """All but the key and the lineage: what makes a row a different row."""
        return [c for c in self.columns if c not in self.keys and c not in self.lineage_columns]

    @cached_property
    def constraints(self) -> dict[str, str]:
        """CHECK constraints by name: the contract's own, and one for each column that only some rows must have."""
        needed = {f"{column}_where_needed": f"NOT ({rows}) OR {column} IS NOT NULL" for column, rows in self.custom.requiredWhere.items()}
        return {**self.custom.constraints, **needed}

    @cached_property
    def personal(self) -> list[str]:
        return [p.name for p in self.properties if p.classification in PERSONAL_CLASSES]

    @cached_property
    def references(self) -> list[tuple[str, str, str]]:
        """Foreign keys: (column, the table that it refers to, that table's column)."""
        own = self.name.partition(".")[0]
        targets = [(p.name, REFERENCE.fullmatch(str(relationship.to))) for p in self.properties for relationship in p.relationships or []]
        return [(name, f"{to['layer'] or own}.{to['table']}", to["column"]) for name, to in targets if to is not None]

    @property
    def day_column(self) -> str | None:
        """The date that the table is partitioned or clustered by, so that rows of some days are read without the others'."""
        layout = {*self.custom.partitionBy, *self.custom.clusterBy}
        return next((p.name for p in self.properties if p.name in layout and p.physicalType == "date"), None)

    @cached_property
    def struct(self) -> StructType:
        """The Spark schema, with `required` as NOT NULL and descriptions as column comments. Needs a Spark context."""
        from pyspark.sql.types import DataType, StructField, StructType

        return StructType(
            [StructField(p.name, DataType.fromDDL(p.physicalType), not p.required, {"comment": p.description or ""}) for p in self.properties]
        )


@cache
def contract(name: str) -> Contract:
    """The contract of `<layer>.<table>`. Raises UserError where schemas/ has none or the file is not ODCS."""
    relative = f"schemas/{name.replace('.', '/')}.yaml"
    try:
        document = OpenDataContractStandard.model_validate(data_yaml(relative))
        columns = tuple(Column.model_validate(p.model_dump(exclude_none=True)) for o in document.schema_ or [] for p in o.properties or [])
    except ValueError as error:
        raise UserError(f"{relative}: not an ODCS v3 contract", str(error).splitlines()) from None
    if not (document.apiVersion or "").startswith(VERSION):
        raise UserError(f"{relative}: want apiVersion {VERSION}0, have {document.apiVersion}")
    objects = document.schema_ or []
    if len(objects) != 1 or objects[0].name != name or not objects[0].properties:
        raise UserError(f"{relative}: want one schema object named {name} with properties, have {[o.name for o in objects]}")
    (table,) = objects
    custom = parsed(CustomProperties, {str(p.property): p.value for p in table.customProperties or []}, f"{relative}: customProperties")
    terms = Contract(name, (*columns, *_per_recommender(custom.perRecommender)), custom, table.description or "")
    faults = list(_faults(terms))
    if faults:
        raise UserError(f"{relative}: the contract contradicts itself", faults)
    return terms


def _per_recommender(templates: Sequence[Mapping[str, Any]]) -> Iterator[Column]:
    """The columns that the table has of each recommender: <name>_<template's name>; `{score}` in a description is what its score is."""
    for recommender in RECOMMENDERS:
        for template in templates:
            description = template["description"].format(score=recommender.score)
            yield Column.model_validate({**template, "name": f"{recommender.name}_{template['name']}", "description": description})


def _faults(table: Contract) -> Iterator[str]:
    types = {p.name: p.physicalType for p in table.properties}
    if not table.keys:
        yield "primaryKey: want at least one column, have none"
    for p in table.properties:
        if not p.description:
            yield f"{p.name}: want a description, have none"
        if p.primaryKey and not p.required:
            yield f"{p.name}: want required: true on a key, have {p.required}"
        if p.classification not in (None, *PERSONAL_CLASSES):
            yield f"{p.name}: want a classification of {', '.join(PERSONAL_CLASSES)} or none, have {p.classification}"
        for relationship in p.relationships or []:
            if not REFERENCE.fullmatch(str(relationship.to)):
                yield f"{p.name}: want relationships to FILE.yaml#/schema/TABLE/properties/COLUMN, have {relationship.to}"
    named = {"partitionBy": table.custom.partitionBy, "clusterBy": table.custom.clusterBy, "requiredWhere": tuple(table.custom.requiredWhere)}
    named["pseudonymOf"] = tuple(table.custom.pseudonymOf)
    if (retention := table.custom.retention) is not None:
        if types.get(retention.column) not in ("date", "timestamp"):
            yield f"retention.column: want a date or timestamp of the table, have {retention.column}"
        named |= {"retention.newestBy": retention.newestBy, "retention.clear": retention.clear}
        for p in table.properties:
            if p.required and p.name in retention.clear:
                yield f"retention.clear: want columns that are not required, have {p.name}"
    yield from (f"{place}: want columns of the table, have {name}" for place, names in named.items() for name in names if name not in types)


def contracts() -> dict[str, Contract]:
    """Every table's contract by name, in order of layer and name."""
    tables = {}
    for layer in ("silver", "gold", "ops"):
        for stem, _ in data_files(f"schemas/{layer}"):
            tables[f"{layer}.{stem}"] = contract(f"{layer}.{stem}")
    return tables


def reference_faults(tables: Mapping[str, Contract]) -> Iterator[str]:
    """Foreign keys that refer to no key column of these tables, or to one of another type."""
    for table in tables.values():
        types = {p.name: p.physicalType for p in table.properties}
        for column, other, target in table.references:
            keys = {p.name: p.physicalType for p in tables[other].properties if p.primaryKey} if other in tables else {}
            if keys.get(target) != types[column]:
                have = f"{target} {keys[target]}" if target in keys else "none"
                yield f"{table.file}: {column}: want a key column {target} {types[column]} of {other}, have {have}"


def conform(frame: DataFrame, name: str) -> DataFrame:
    """`frame` with exactly the contract's columns, in its order. Raises ContractError with every missing, unknown and mistyped column."""
    table = contract(name)
    have = {f.name: f.dataType for f in frame.schema.fields}
    faults = [f"{column}: want no such column, have {have[column].simpleString()}" for column in sorted(set(have) - set(table.columns))]
    for wanted in table.struct.fields:
        kind = have.get(wanted.name)
        if kind is None:
            faults.append(f"{wanted.name}: want {wanted.dataType.simpleString()}, have nothing")
        elif kind.simpleString() != wanted.dataType.simpleString():
            faults.append(f"{wanted.name}: want {wanted.dataType.simpleString()}, have {kind.simpleString()}")
    if faults:
        raise ContractError(f"{name}: not written, {len(faults)} columns differ from {table.file}", faults)
    return frame.select(*table.columns)
