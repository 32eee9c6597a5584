"""Schema migrations: the statements that bring an existing table up to its changed contract, or why it cannot follow. No I/O.

| the contract                                   | the table                                                                             |
|------------------------------------------------|---------------------------------------------------------------------------------------|
| gains a column that is not required            | gains it; rows that are there read as null                                            |
| gains a required column                        | refused                                                                               |
| loses a column                                 | keeps it, unread and null in new rows, until the table is written anew                |
| widens a type (`WIDENED`)                      | Delta's type widening: no file is written anew                                        |
| changes a type in any other way                | refused                                                                               |
| no longer requires a column                    | NOT NULL goes                                                                         |
| requires a column that was there               | a CHECK constraint, which Delta refuses where a row has null                          |
| changes its key or its partitions              | refused                                                                               |
| changes its clustering                         | new files follow at once, old ones with the next maintenance                          |
| changes constraints, properties, comments      | follows; a new constraint is held against all rows that are there                     |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from basketgraph.foundation.contracts import Contract

KEY_PROPERTY = "basketgraph.key"
CONSTRAINT = "delta.constraints."
LOG_RETENTION = "interval 400 days"  # a release may be rolled back to for as long as its versions can be rebuilt from the log; Delta's default is 30
# For as long a table knows when each of its files was replaced. Of those that it no longer knows VACUUM goes by the age of the file itself, whatever
# it is told to retain; Delta's default is a week.
DELETED_RETENTION = LOG_RETENTION
WIDENED = {
    "tinyint": {"smallint", "int", "bigint", "double"},
    "smallint": {"int", "bigint", "double"},
    "int": {"bigint", "double"},
    "float": {"double"},
    "date": {"timestamp_ntz"},
}
OWN_PROPERTIES = ("delta.dataSkippingStatsColumns", "delta.dataSkippingNumIndexedCols", "delta.enableChangeDataFeed")
CLEARED = ("UNSET TBLPROPERTIES IF EXISTS ('delta.dataSkippingStatsColumns')",)  # before columns that it may name go


@dataclass(frozen=True)
class Existing:
    """A table as it is: its schema and what DESCRIBE DETAIL says."""

    schema: StructType
    partition_by: Sequence[str]
    cluster_by: Sequence[str]
    properties: Mapping[str, str]
    comment: str


@dataclass(frozen=True)
class Migration:
    """`statements` follow `ALTER TABLE delta.<path>`; `faults` say why the table cannot follow its contract, as `column: want A, have B`."""

    statements: tuple[str, ...]
    faults: tuple[str, ...]


def properties(terms: Contract) -> dict[str, str]:
    """The table properties that a contract asks for, CHECK constraints aside."""
    wanted = {
        "delta.logRetentionDuration": LOG_RETENTION,
        "delta.deletedFileRetentionDuration": DELETED_RETENTION,
        "delta.enableInCommitTimestamps": "true",  # else a commit's time is its file's, which a copied warehouse loses
        KEY_PROPERTY: ",".join(terms.keys),
        **_statistics(terms),
    }
    if terms.custom.changeDataFeed:
        wanted["delta.enableChangeDataFeed"] = "true"
    return wanted


def _statistics(terms: Contract) -> dict[str, str]:
    """Delta keeps the least and greatest value of each column a file; of all columns but those the table is laid out by they skip nothing,
    and collecting them is a third of the cost of a write. Row counts are kept always.
    """
    if terms.custom.clusterBy:
        return {"delta.dataSkippingStatsColumns": ",".join(terms.custom.clusterBy)}
    return {"delta.dataSkippingNumIndexedCols": "0"} if terms.custom.partitionBy else {}


def migration(terms: Contract, have: Existing) -> Migration:
    """How `have` becomes what `terms` say; nothing to do where it is that already."""
    columns, faults = _columns(terms, have)
    statements = []
    if have.properties.get(KEY_PROPERTY, ",".join(terms.keys)) != ",".join(terms.keys):
        faults.append(f"primaryKey: want {', '.join(terms.keys)}, have rows by {have.properties[KEY_PROPERTY]}")
    if tuple(have.partition_by) != terms.custom.partitionBy:
        faults.append(f"partitionBy: want {', '.join(terms.custom.partitionBy) or 'none'}, have {', '.join(have.partition_by) or 'none'}")
    elif tuple(have.cluster_by) != terms.custom.clusterBy and not terms.custom.partitionBy:
        statements.append(f"CLUSTER BY ({', '.join(terms.custom.clusterBy)})" if terms.custom.clusterBy else "CLUSTER BY NONE")
    if have.comment != terms.description:
        statements.append(f"SET TBLPROPERTIES ('comment' = {quoted(terms.description)})")
    return Migration((*columns, *_properties(terms, have), *statements, *_constraints(terms, have)), tuple(faults))


def _columns(terms: Contract, have: Existing) -> tuple[list[str], list[str]]:
    there = {f.name: f for f in have.schema.fields}
    statements: list[str] = []
    faults: list[str] = []
    added, widened, comments = list[str](), list[str](), list[str]()
    for wanted in terms.struct.fields:
        kind, comment, field = wanted.dataType.simpleString(), wanted.metadata["comment"], there.get(wanted.name)
        if field is None:
            if wanted.nullable:
                added.append(f"`{wanted.name}` {kind} COMMENT {quoted(comment)}")
            else:
                faults.append(f"{wanted.name}: want a column that is required, have rows without it")
            continue
        was = field.dataType.simpleString()
        if was != kind and kind in WIDENED.get(was, set()):
            widened.append(f"ALTER COLUMN `{wanted.name}` TYPE {kind}")
        elif was != kind:
            faults.append(f"{wanted.name}: want {kind}, have {was}")
        if wanted.nullable and not field.nullable:
            statements.append(f"ALTER COLUMN `{wanted.name}` DROP NOT NULL")
        if field.metadata.get("comment", "") != comment:
            comments.append(f"`{wanted.name}` COMMENT {quoted(comment)}")
    statements += [f"ALTER COLUMN `{name}` DROP NOT NULL" for name, f in there.items() if name not in terms.columns and not f.nullable]
    if comments:
        statements.append(f"ALTER COLUMN {', '.join(comments)}")
    if added:
        statements.insert(0, f"ADD COLUMNS ({', '.join(added)})")
    if widened:
        statements += ["SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true')", *widened]
    return statements, faults


def _properties(terms: Contract, have: Existing) -> list[str]:
    wanted = properties(terms)
    other = {name: value for name, value in wanted.items() if have.properties.get(name) != value}
    stale = [name for name in OWN_PROPERTIES if name in have.properties and name not in wanted]
    statements = []
    if other:
        statements.append(f"SET TBLPROPERTIES ({', '.join(f'{quoted(name)} = {quoted(value)}' for name, value in sorted(other.items()))})")
    if stale:
        statements.append(f"UNSET TBLPROPERTIES ({', '.join(quoted(name) for name in stale)})")
    return statements


def _constraints(terms: Contract, have: Existing) -> list[str]:
    there = {name.removeprefix(CONSTRAINT): text for name, text in have.properties.items() if name.startswith(CONSTRAINT)}
    nullable = {f.name for f in have.schema.fields if f.nullable}
    wanted = {name.lower(): text for name, text in terms.constraints.items()}
    wanted |= {f"{f.name.lower()}_is_there": f"`{f.name}` IS NOT NULL" for f in terms.struct.fields if not f.nullable and f.name in nullable}
    drops = [f"DROP CONSTRAINT `{name}`" for name, text in sorted(there.items()) if wanted.get(name) != text]
    return drops + [f"ADD CONSTRAINT `{name}` CHECK ({text})" for name, text in sorted(wanted.items()) if there.get(name) != text]


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def as_contract(rows: DataFrame, terms: Contract) -> DataFrame:
    """Rows of an older version of a table, as the contract names them: lacking columns that are not required are null, widened types are widened.

    Columns that the contract no longer has are left out. What cannot follow is left as it is, for whoever reads it to say so.
    """
    there = {f.name: f.dataType.simpleString() for f in rows.schema.fields}
    wanted = {f.name: f.dataType.simpleString() for f in terms.struct.fields}
    if there == wanted and list(there) == list(wanted):
        return rows
    columns = []
    for field in terms.struct.fields:
        kind = wanted[field.name]
        if field.name not in there:
            columns += [F.lit(None).cast(kind).alias(field.name)] if field.nullable else []
        elif kind in WIDENED.get(there[field.name], set()):
            columns.append(F.col(field.name).cast(kind).alias(field.name))
        else:
            columns.append(F.col(field.name))
    return rows.select(*columns)
