"""Raw rows to silver rows, and why a row is refused. Rows in, rows out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from hashlib import sha256
from operator import and_, or_
from typing import TYPE_CHECKING, Any

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DateType, TimestampType
from pyspark.sql.window import Window

from basketgraph.clean.landing_files import LandingFile
from basketgraph.clean.lines import LINE
from basketgraph.clean.mapping import FileSet, Source, TableMapping, day_column, derivable, derived_from, has_history, key_is_content
from basketgraph.clean.raw_rows import CORRUPT, EXPLODED, HASH, places, unparsable_rows
from basketgraph.clean.sql_checks import CheckedSource
from basketgraph.clean.vectors import VECTORS, damaged_sql
from basketgraph.foundation.contracts import Contract, contract
from basketgraph.foundation.privacy.pseudonyms import PseudonymKey, pseudonym_function
from basketgraph.foundation.privacy.row_masking import MASK, with_texts_masked

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

REJECTED = "silver.rejected_rows"
VERSION = "__version_time"  # the instant that a mapping's `version` gives
ROW_ID = "__row_id"
REFUSED = "__refused"  # whether there is any reason to refuse a mapped row; never null
UNPARSABLE = "unparsable"  # the reason of a line that is no row
NTH = "__nth_equal"  # which of the equal rows of its file a mapped row is, from 1, where each of them counts
BLAMED = "__blamed"  # whether the mapping gives one
# Python and most databases know no other years; nor does a shop. Instants stay a day within, so that they are in these years in every time zone.
YEARS: Mapping[type[DataType], tuple[str, str]] = {
    DateType: ("DATE'0001-01-01'", "DATE'9999-12-31'"),
    TimestampType: ("TIMESTAMP'0001-01-02 00:00:00Z'", "TIMESTAMP'9999-12-30 23:59:59.999999Z'"),
}
# Else two rows that differ by less than a millisecond would be one.
JSON_OPTIONS = {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"}
Pseudonym = Callable[[Column], Column]


@dataclass(frozen=True)
class TableRules:
    """Everything that decides what becomes of a raw row for one table."""

    shop: str
    table: Contract
    mapped: TableMapping
    files: FileSet
    references: Mapping[str, frozenset[str]]
    pseudonym: Pseudonym
    named: frozenset[str] = frozenset()  # what reads the file's name or time, as in CheckedSource
    key_fingerprint: str = ""  # of all that makes the key of a raw row

    @property
    def history(self) -> bool:
        return has_history(self.table, self.mapped)

    @property
    def key_is_content(self) -> bool:
        """Whether the key is made of the whole raw row, so that rows that differ have different ones."""
        return key_is_content(self.table, self.mapped)

    @property
    def retracts(self) -> bool:
        """Whether a refused row may take an older version of it out of the table: not where another content has another key."""
        return bool(self.mapped.reject) and not self.key_is_content

    @property
    def day_may_change(self) -> bool:
        """Whether a newer version of a row may lie on another day than the older one: not where the day is in the key, or the key made of it."""
        day = day_column(self.table, self.mapped)
        return day is not None and day not in self.table.keys and not self.key_is_content and self.mapped.day_may_change is not False

    @property
    def values(self) -> list[str]:
        """The columns that make a row of this key a different row: neither key nor lineage, nor what follows from other rows."""
        return [c for c in self.table.compared_columns if not (self.history and c == "valid_to")]


def table_rules(checked: CheckedSource, key: PseudonymKey) -> dict[str, TableRules]:
    """The rules of every table that the mapping fills."""
    source, pseudonym = checked.source, pseudonym_function(checked.source.shop, key)
    found = {}
    for name, mapped in source.tables.items():
        table, files, named = contract(name), source.files[mapped.files], checked.named[name]
        fingerprint = key_fingerprint(source, table, mapped, named)
        found[name] = TableRules(source.shop, table, mapped, files, checked.references[name], pseudonym, named, fingerprint)
    return found


def key_fingerprint(source: Source, table: Contract, mapped: TableMapping, named: Collection[str]) -> str:
    """A hash of the expressions that make the table's key, of the values that they name, and of what the id of a raw row is made of."""
    files = source.files[mapped.files]
    texts = {key: mapped.columns[key] for key in table.keys if key in mapped.columns}
    derived: list[Any] = []
    for key in set(table.keys) - set(texts):
        sources = derived_from(table).get(key)
        if sources is None and key in derivable(table):
            exploded = [text for text in files.let.values() if EXPLODED.fullmatch(text)]
            derived = [source.shop, sorted(files.columns.items()), sorted(files.personal), files.null_values, exploded]
            derived += [] if mapped.equal_rows == "once" else [mapped.equal_rows]
            sources = sorted(name for name in named if name in mapped.columns)
        texts |= {name: mapped.columns[name] for name in sources or ()}
    values = {**files.let, "source_currency": repr(source.currency), "source_time_zone": repr(source.time_zone)}
    wanted = dict(texts)
    for _ in values:  # an expression may name a value that names another one
        wanted |= {name: text for name, text in values.items() if re.search(rf"\b{re.escape(name)}\b", " ".join(wanted.values()))}
    return sha256(json.dumps([sorted(wanted.items()), derived], default=str).encode()).hexdigest()[:16]


def silver(column: str) -> str:
    """The working name of a silver column, apart from a raw column of the same name."""
    return f"__silver_{column}"


def mapped_rows(raw: DataFrame, rules: TableRules) -> DataFrame:
    """Raw rows that are about this table, with each silver column (user ids still the shop's) and REFUSED beside the raw ones."""
    about = raw if rules.mapped.where is None else raw.where(F.col(CORRUPT).isNotNull() | F.expr(rules.mapped.where))
    types = {field.name: field.dataType for field in rules.table.struct.fields}
    # A plain cast makes 0 of NaN and 2 of '2.5'.
    found = {silver(c): (F.expr(text), types[c]) for c, text in rules.mapped.columns.items()}
    if rules.mapped.version is not None:
        found[VERSION] = (F.expr(rules.mapped.version), TimestampType())
    cast = about.withColumns({name: value.try_cast(kind) for name, (value, kind) in found.items()})
    # In a step of its own, so that the expression is not worked out again for each bound.
    bounded = {
        name: F.when(F.col(name).between(*map(F.expr, YEARS[type(kind)])), F.col(name)) for name, (_, kind) in found.items() if type(kind) in YEARS
    }
    valued = cast.withColumns(bounded) if bounded else cast
    # Conditions on REFUSED would be moved below the casts, and each silver column worked out again for each condition that names it, were they
    # not moved: past what may differ from time to time, as the number of a partition, Spark moves nothing.
    unmoved = F.spark_partition_id() >= 0
    judged = valued.withColumn(REFUSED, reduce(or_, [*_reasons_of_the_mapping(rules).values(), *_violations(rules).values()]) & unmoved)
    if rules.mapped.equal_rows == "once":
        return judged
    equal = Window.partitionBy("file_name", HASH, content_id(rules)).orderBy(F.lit(0))
    return judged.withColumn(NTH, F.row_number().over(equal))


def with_blame(mapped: DataFrame, rules: TableRules) -> DataFrame:
    """Mapped rows with BLAMED, which `reasons` asks for."""
    return mapped.withColumn(BLAMED, reduce(or_, _reasons_of_the_mapping(rules).values()))


def reasons(rules: TableRules) -> dict[str, Column]:
    """The conditions on mapped rows with BLAMED under which a row is refused, by reason, in order of name. None is ever null.

    unparsable:        the line is not a row at all; nothing else is then said of it.
    unreadable:COLUMN  the expression gives null although every raw column in it had a value; of `vectors` one has something else than finite numbers.
    missing:COLUMN     a required column is null because its raw value is.
    NAME               a `reject` condition of the mapping holds.
    unreadable:version, missing:version   the mapping's `version` is null, so nobody could tell which of two rows is newer.
    violates:NAME      a constraint of the contract does not hold, and nothing else is said of the row.
    """
    violations = {name: ~F.col(BLAMED) & broken for name, broken in _violations(rules).items()}
    return dict(sorted((_reasons_of_the_mapping(rules) | violations).items()))


def _reasons_of_the_mapping(rules: TableRules) -> dict[str, Column]:
    found: dict[str, Column] = {}
    parsable = F.col(CORRUPT).isNull()
    for column in rules.mapped.columns:
        if column == VECTORS and rules.mapped.vectors:
            found[f"unreadable:{column}"] = parsable & F.expr(damaged_sql(rules.mapped.vectors))
            continue
        null = F.col(silver(column)).isNull()
        sources = sorted(rules.references[column])
        unreadable = F.lit(False)
        if sources and column not in rules.mapped.nullable:
            unreadable = reduce(lambda a, b: a & b, [F.col(f"`{name}`").isNotNull() for name in sources], null)
            found[f"unreadable:{column}"] = parsable & unreadable
        needed = _needed(column, rules)
        if needed is not None:
            found[f"missing:{column}"] = parsable & null & ~unreadable & needed
    for column in rules.table.custom.requiredWhere:
        needed = _needed(column, rules)
        if needed is not None and column not in (*rules.mapped.columns, *derivable(rules.table)):
            found[f"missing:{column}"] = parsable & needed
    if rules.mapped.version is not None:
        null = F.col(VERSION).isNull()
        unreadable = reduce(lambda a, b: a & b, [F.col(f"`{name}`").isNotNull() for name in sorted(rules.references["version"])], null)
        found["unreadable:version"] = parsable & unreadable
        found["missing:version"] = parsable & null & ~unreadable
    for name, text in rules.mapped.reject.items():
        found[name] = parsable & _holds(text)
    found[UNPARSABLE] = ~parsable
    return found


def _needed(column: str, rules: TableRules) -> Column | None:
    """On which mapped rows the column must have a value; None: on none."""
    if rules.table.struct[column].nullable is False:
        return F.lit(True)
    condition = rules.table.custom.requiredWhere.get(column)
    return None if condition is None else _holds(_over_silver(condition, rules))


def _violations(rules: TableRules) -> dict[str, Column]:
    """The contract's own constraints that do not hold, whatever else is said of the row. What only some rows must have is a `missing:` of its own,
    and may be derived where the mapping leaves it out.
    """
    return {f"violates:{name}": ~F.coalesce(F.expr(_over_silver(text, rules)), F.lit(False)) for name, text in rules.table.custom.constraints.items()}


def _over_silver(condition: str, rules: TableRules) -> str:
    """A contract's SQL, written over silver columns, with their working names."""
    for field in rules.table.struct.fields:
        working = silver(field.name) if field.name in rules.mapped.columns else f"CAST(NULL AS {field.dataType.simpleString()})"
        condition = re.sub(rf"\b{field.name}\b", working, condition)
    return condition


def accepted_rows(mapped: DataFrame, rules: TableRules, *, run_id: str, now: datetime) -> DataFrame:
    """The rows without a reason to refuse them, as the contract's columns; `valid_to` is null where it follows from other rows."""
    columns = silver_columns(rules, run_id=run_id, now=now)
    return mapped.where(~F.col(REFUSED)).select(*[column.alias(name) for name, column in columns.items()])


def silver_columns(rules: TableRules, *, run_id: str, now: datetime) -> dict[str, Column]:
    """The contract's columns over mapped rows, in its order."""
    lineage = {
        "source_file": F.col("file_name"),
        "file_hash": F.col(HASH),
        "source_time": F.col(_version(rules)),
        "run_id": F.lit(run_id),
        "ingested_at": F.lit(now),
    }
    found = {}
    for p, field in zip(rules.table.properties, rules.table.struct.fields, strict=True):
        if p.name in lineage:
            column = lineage[p.name]
        elif p.name in rules.mapped.columns:
            column = pseudonym_of(rules, p.name) if p.classification == "pseudonym" else F.col(silver(p.name))
        elif p.name in derived_from(rules.table):
            needed = _needed(p.name, rules)
            column = derived_id(rules, p.name) if needed is None else F.when(needed, derived_id(rules, p.name))
        elif p.name in derivable(rules.table):
            # The first of equal rows has the id that it would have if they counted once.
            nth = [] if rules.mapped.equal_rows == "once" else [F.when(F.col(NTH) > 1, F.col(NTH)).alias(NTH)]
            column = content_id(rules, *nth)
        else:
            column = F.lit(None)
        found[p.name] = column.cast(field.dataType)
    return found


def pseudonym_of(rules: TableRules, column: str) -> Column:
    """The pseudonym of a silver column; null for null."""
    text = rules.table.custom.pseudonymOf.get(column)
    return rules.pseudonym(F.col(silver(column)) if text is None else F.expr(_over_silver(text, rules)))


def _version(rules: TableRules) -> str:
    return "file_modified_at" if rules.mapped.version is None else VERSION


def refused_key(rules: TableRules, *, run_id: str, now: datetime) -> Column:
    """The key of a mapped row that a `reject` condition of the mapping refuses, as texts; null where a part of it or its version is not readable."""
    columns = silver_columns(rules, run_id=run_id, now=now)
    key = [columns[name].cast("string") for name in rules.table.keys]
    refused = reduce(or_, [_holds(text) for text in rules.mapped.reject.values()])
    readable = reduce(and_, [part.isNotNull() for part in (*key, F.col(_version(rules)))])
    return F.when(refused & readable & F.col(CORRUPT).isNull(), F.array(*key))


def _holds(condition: str) -> Column:
    return F.coalesce(F.expr(condition), F.lit(False))


def derived_id(rules: TableRules, name: str) -> Column:
    """An id that rows share which agree in the columns it is derived from; of a user the pseudonym enters, never the shop's id."""
    columns = []
    for source in derived_from(rules.table)[name]:
        if source in rules.mapped.columns:
            personal = rules.table.properties[rules.table.columns.index(source)].classification == "pseudonym"
            columns.append((pseudonym_of(rules, source) if personal else F.col(silver(source))).alias(source))
    return F.left(F.sha2(F.to_json(F.struct(F.lit(rules.shop).alias("__shop"), *columns)), 256), F.lit(32))


def content_id(rules: TableRules, *also: Column) -> Column:
    """128 bits of the raw row's content: equal rows have equal ids, wherever they lie. Personal values enter as pseudonyms, never as they are.

    What the mapping takes from the file's name or time is content, too: of two weeks' files with equal lines each has its own. So is the place of a
    line in a list that the mapping explodes, since all lines of a basket lie in one raw row.
    """
    columns = [F.lit(rules.shop).alias("__shop"), *also, *map(F.col, places(rules.files))]
    for p in rules.table.properties:
        if p.name in rules.named:
            value = F.col(silver(p.name))
            columns.append((rules.pseudonym(value) if p.classification == "pseudonym" else value).alias(silver(p.name)))
    for name in sorted(rules.files.columns):
        value = F.col(f"`{name}`")
        columns.append((rules.pseudonym(F.make_valid_utf8(value.cast("string"))) if name in rules.files.personal else value).alias(name))
    return F.left(F.sha2(F.to_json(F.struct(*columns), JSON_OPTIONS), 256), F.lit(32))


def raw_row_id(rules: TableRules) -> Column:
    """An id of a mapped row's raw content: of equal lines the same."""
    return content_id(rules, F.lit(rules.table.name).alias("__table"), rules.pseudonym(F.col(CORRUPT)).alias("__line"))


def with_rejected_id(rows: DataFrame, *, order: Column) -> DataFrame:
    """Rows with ROW_ID, source_file and file_hash, with the id of their place in silver.rejected_rows: the file, the raw row, and which of several
    equal rows of the file, in this order, it is.
    """
    place = ["source_file", "file_hash", ROW_ID]
    nth = F.row_number().over(Window.partitionBy(*place).orderBy(order))
    return rows.withColumn("__nth", nth).withColumn("rejected_id", F.left(F.sha2(F.to_json(F.struct(*place, "__nth")), 256), F.lit(32)))


def rejected_rows(mapped: DataFrame, rules: TableRules, *, run_id: str, now: datetime) -> DataFrame:
    """The refused rows as silver.rejected_rows. An unparsable line has no payload, and no number yet."""
    conditions = reasons(rules)
    bad = with_blame(mapped.where(F.col(REFUSED)), rules)
    names = F.array(*[F.when(condition, F.lit(name)) for name, condition in conditions.items()])
    shown = []
    for name, kind in rules.files.columns.items():
        value = F.col(f"`{name}`")
        if name in rules.files.personal:
            value = F.when(value.isNotNull(), F.lit(MASK))
        else:
            value = with_texts_masked(value, DataType.fromDDL(kind), rules.files.personal)
        shown.append(value.alias(name))
    unparsable, has_day = F.col(CORRUPT).isNotNull(), "event_date" in rules.mapped.columns
    found = bad.select(
        raw_row_id(rules).alias(ROW_ID),
        F.lit(rules.table.name).alias("table_name"),
        F.col(HASH).alias("file_hash"),
        F.array_compact(names).alias("reasons"),
        F.when(~unparsable, F.to_json(F.struct(*shown), JSON_OPTIONS)).alias("payload"),
        F.lit(None).alias("line_number"),
        (F.col(silver("event_date")) if has_day else F.lit(None)).alias("event_date"),
        F.col("file_name").alias("source_file"),
        F.coalesce(_version(rules), "file_modified_at").alias("source_time"),
        (refused_key(rules, run_id=run_id, now=now) if rules.retracts else F.lit(None)).alias("refused_key"),
        F.lit(run_id).alias("run_id"),
        F.lit(now).alias("ingested_at"),
    )
    numbered = with_rejected_id(found, order=F.lit(0))
    return numbered.select(*[F.col(f.name).cast(f.dataType) for f in contract(REJECTED).struct.fields])


def with_line_numbers(rejected: DataFrame, rules: TableRules, source: Source, landed: Sequence[LandingFile]) -> DataFrame:
    """Rejected rows, unparsable ones with the number of their line; null where lines cannot be told apart.

    landed: the files of unparsable rows. They are read once more, line by line; files without such rows are not.
    """
    lines = unparsable_rows(rejected.sparkSession, source, rules.files, landed)
    if lines is None:
        return rejected
    place = {ROW_ID: raw_row_id(rules), "source_file": F.col("file_name"), "file_hash": F.col(HASH)}
    mapped = mapped_rows(lines, rules).select(*[column.alias(name) for name, column in place.items()], LINE)
    numbers = with_rejected_id(mapped, order=F.col(LINE)).select("rejected_id", F.col(LINE).alias("line_number"))
    return rejected.drop("line_number").join(numbers, on="rejected_id", how="left").select(*rejected.columns)  # one row an id; they may be millions
