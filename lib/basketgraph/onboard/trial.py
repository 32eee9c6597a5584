"""Try a draft on the sample it was made from, in Spark: where cleaning reads otherwise than onboarding did, a TODO says so."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pyspark.sql import functions as F

from basketgraph.clean.cleaning import CleanSettings
from basketgraph.clean.file_validation import JAVA_ERRORS, cause, java_message
from basketgraph.clean.landing_files import Landing, LandingFile
from basketgraph.clean.raw_rows import CORRUPT, examined_files, prepare_session, raw_rows, unreadable_files
from basketgraph.clean.sql_checks import CheckedSource, checked_source
from basketgraph.clean.transform import TableRules, mapped_rows, reasons, silver, with_blame
from basketgraph.foundation.config import UserError, data_yaml, parsed
from basketgraph.foundation.contracts import contract
from basketgraph.onboard.draft import Draft, rendered
from basketgraph.onboard.draft_tables import MISSING, Remark, Table
from basketgraph.onboard.plan import FilesPlan, Plan
from basketgraph.onboard.rendering import Masker
from basketgraph.onboard.sample_files import SampleFile, sample_files
from basketgraph.onboard.trial_differences import Row, remark_differences

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

ROUNDS = 5  # in which what Spark cannot analyse is left out: what used it may then be the next
ROWS = 40_000  # of a kind of files that are tried
RAW, LET = "__raw_", "__let_"


def try_draft(spark: SparkSession, draft: Draft, *, masker: Masker) -> Draft:
    """The draft without what Spark cannot analyse, and with a TODO for each column that Spark reads differently.

    errors: UserError where Spark cannot analyse what is left either.
    """
    prepare_session(spark)
    usable, checked = _usable(spark, draft, masker)
    with tempfile.TemporaryDirectory(prefix="basketgraph-onboard-") as folder:
        for files in usable.plan.files:
            _try(spark, checked, files, sample_files(files, Path(folder) / files.kind.name))
    return rendered(usable.plan, masker)


def _usable(spark: SparkSession, draft: Draft, masker: Masker) -> tuple[Draft, CheckedSource]:
    faults: Sequence[str] = ()
    for _ in range(ROUNDS):
        try:
            return draft, checked_source(spark, yaml.safe_load(draft.text), draft.plan.shop)
        except UserError as mistake:
            faults = mistake.faults
        if not any([_leave_out(draft.plan, fault) for fault in faults]):
            break
        draft = rendered(draft.plan, masker)
    cure = "Give fewer files or columns, or write the mapping by hand: docs/sources.md."
    raise UserError("no mapping of these files could be drafted that Spark can use", [*faults], cure)


def _leave_out(plan: Plan, fault: str) -> bool:
    """Take what a fault names out of the plan, with a TODO; returns whether it was there."""
    for files in plan.files:
        place = f"files.{files.kind.name}"
        for name, expression in files.lets.names.items():
            if fault.startswith(f"{place}.let.{name}: ") and expression != MISSING:
                files.lets.names[name] = MISSING
                files.lets.remark(name, "todo", _unusable(expression, fault))
                return True
        for name, kind in files.reading.sample.declared.items():
            if fault.startswith(f"{place}.columns.{name}: ") and kind != "string":
                declared = {**files.reading.sample.declared, name: "string"}
                files.reading = replace(files.reading, sample=replace(files.reading.sample, declared=declared))
                files.remarks.append(Remark("todo", f"{place}.columns.{name}", f"{name} is declared as text, since {_unusable(kind, fault)}"))
                return True
        for table in files.tables:
            if fault.startswith(f"tables.{table.name}.") and _leave_out_of(table, fault.removeprefix(f"tables.{table.name}.")):
                return True
    return False


def _leave_out_of(table: Table, fault: str) -> bool:
    for column, expression in table.columns.items():
        if fault.startswith(f"columns.{column}: ") and expression != MISSING:
            terms = contract(table.name)
            if terms.struct[column].nullable and column not in terms.custom.requiredWhere:
                del table.columns[column]
                table.nullable = [name for name in table.nullable if name != column]
            else:
                table.columns[column] = MISSING
            table.todo(column, _unusable(expression, fault))
            return True
    for reason, condition in table.reject.items():
        if fault.startswith(f"reject.{reason}: "):
            del table.reject[reason]
            table.todo("reject", _unusable(condition, fault))
            return True
    for key in ("where", "version"):
        if fault.startswith(f"{key}: ") and getattr(table, key) is not None:
            table.todo("where", _unusable(getattr(table, key), fault))
            setattr(table, key, None)
            return True
    return False


def _unusable(expression: str, fault: str) -> str:
    return f"Spark cannot use `{expression}` ({fault.partition(': ')[2].partition(', have ')[0]}), so it is left out; say it otherwise"


def _try(spark: SparkSession, checked: CheckedSource, files: FilesPlan, cut: Sequence[SampleFile]) -> None:
    """Read the sampled files as cleaning does, and remark the differences."""
    if not cut:
        return
    declared = checked.source.files[files.kind.name]
    landed = [
        LandingFile(each.name, f"file:{each.path.absolute()}", each.path.stat().st_size, each.modified_at, f"{i}") for i, each in enumerate(cut)
    ]
    landing = Landing(spark, str(cut[0].path.parent.absolute()))
    settings = parsed(CleanSettings, data_yaml("conf/settings.yaml")["clean"], "settings.clean")
    most, share = settings.max_record_bytes, settings.damaged_share
    examined = examined_files(spark, landing, declared, landed, max_record_bytes=most, damaged_share=share)
    aside = {file.path: file.problem for file in examined if file.problem is not None}
    good = [file for file in examined if file.problem is None]
    for _ in range(2):  # the second time without files that prove unreadable on being read
        if not good:
            break
        try:
            rows = {table.name: _rows(spark, checked, files, table, good) for table in files.tables}
        except JAVA_ERRORS as error:
            bad = unreadable_files(spark, checked.source, declared, good)
            if not bad:  # it is not the files, then
                text = f"Spark reads the files and cannot work out the expressions below ({cause(error)}): {java_message(error)}"
                files.remarks.append(Remark("todo", f"files.{files.kind.name}.let", text))
                break
            aside |= bad
            good = [file for file in good if file.path not in bad]
            continue
        whole = len(good) == len(files.kind.looked_at) and all(each.whole for each in cut)
        for table in files.tables:
            remark_differences(files, table, rows[table.name], whole=whole)
        break
    if aside:
        path, problem = next(iter(aside.items()))
        text = f"{len(aside)} of the {len(cut)} files that were looked at would be set aside, such as {path}: {problem}"
        files.remarks.append(Remark("todo", f"files.{files.kind.name}", text))


def _rows(spark: SparkSession, checked: CheckedSource, files: FilesPlan, table: Table, landed: Sequence[LandingFile]) -> list[Row]:
    """The sampled rows as the draft maps them, one Spark job for all of them."""
    mapped, source = checked.source.tables[table.name], checked.source
    rules = TableRules(source.shop, contract(table.name), mapped, source.files[mapped.files], checked.references[table.name], lambda column: column)
    roles = {role: profile for role, profile in files.reading.roles.items() if not profile.column.kind.startswith(("binary", "array", "map"))}
    about = F.lit(True) if mapped.where is None else F.coalesce(F.expr(mapped.where), F.lit(False)) | F.col(CORRUPT).isNotNull()
    everything = replace(rules, mapped=mapped.model_copy(update={"where": None}))
    judged = with_blame(mapped_rows(_raw(spark, checked, files, landed), everything), everything)
    names = F.array_compact(F.array(*[F.when(condition, F.lit(name)) for name, condition in reasons(everything).items()]))
    columns: list[Column] = [about.alias("about"), F.col(CORRUPT).isNotNull().alias("corrupt"), names.alias("reasons")]
    columns += [F.expr(profile.column.sql).cast("string").alias(f"{RAW}{role}") for role, profile in roles.items()]
    lets = [name for name in files.lets.names if name != (files.reading.sample.lines or [""])[0]]
    columns += [F.col(f"`{name}`").cast("string").alias(f"{LET}{name}") for name in lets]
    columns += [F.col(silver(name)).cast("string").alias(name) for name in table.columns]
    collected = [row.asDict() for row in judged.select(*columns).limit(ROWS).collect()]
    return [
        Row(
            row["about"],
            row["corrupt"],
            row["reasons"],
            {role: row[f"{RAW}{role}"] for role in roles},
            {name: row[f"{LET}{name}"] for name in lets},
            {name: row[name] for name in table.columns},
        )
        for row in collected
    ]


def _raw(spark: SparkSession, checked: CheckedSource, files: FilesPlan, landed: Sequence[LandingFile]) -> DataFrame:
    source, declared = checked.source, checked.source.files[files.kind.name]
    total = files.reading.sample.total
    if declared.format != "parquet" or (total is not None and total <= ROWS):
        return raw_rows(spark, source, declared, landed)
    some = [raw_rows(spark, source, declared, [file]).limit(ROWS // len(landed)) for file in landed]
    return reduce(lambda a, b: a.unionByName(b), some)
