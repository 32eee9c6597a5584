"""Segments by rule: the rules of conf/segments.yaml, held against the profiles that a shop has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from basketgraph.foundation.config import UserError, did_you_mean
from basketgraph.foundation.sql_names import CURE_OF_ROWS, names_in, row_faults, short_message
from basketgraph.profiles.segment_rules import FILE, SegmentRule

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

RULE = "rule"  # a kind of segment


@dataclass(frozen=True)
class AppliedRule:
    """A rule as this shop's profiles allow it. lacking: columns that the shop does not have, in whose place `otherwise` counts."""

    name: str
    condition: Column
    lacking: tuple[str, ...] = ()
    otherwise: str | None = None


def applied_rules(rules: Mapping[str, SegmentRule], profiles: DataFrame) -> list[AppliedRule]:
    """The rules as conditions over these profiles. Looks once at those columns that rules with an `otherwise` name: a shop may know one of nobody.

    profiles: gold.user_profiles rows of one day.
    errors:   UserError with every rule that is no condition of Spark SQL, names a column that is not there and does not say `otherwise`, or cannot be
              worked out for every profile.
    """
    there = {column.lower(): column for column in profiles.columns}
    faults: list[str] = []
    named: dict[str, list[str]] = {}
    for name, rule in rules.items():
        fault = _fault(rule, profiles, there, named.setdefault(name, []))
        if fault:
            faults.append(f"rules.{name}.condition: {fault}")
    if faults:
        cure = "Mend the condition. A rule for shops that lack the column says `otherwise: nobody` or `otherwise: everybody`."
        raise UserError(f"{FILE}: Spark SQL cannot use it", faults, cure)
    known = _known_columns(profiles, {there[c] for name, rule in rules.items() if rule.otherwise for c in named[name] if c in there})
    applied = []
    for name, rule in rules.items():
        lacking = tuple(c for c in named[name] if there.get(c) not in known) if rule.otherwise else ()
        condition = F.lit(rule.otherwise == "everybody") if lacking else F.expr(rule.condition)
        applied.append(AppliedRule(name, condition, lacking, rule.otherwise if lacking else None))
    of_rows = row_faults(profiles, {rule.name: rule.condition for rule in applied})
    if of_rows:
        faults = [f"rules.{name}.condition: {fault}, have {rules[name].condition!r:.80}" for name, fault in of_rows.items()]
        raise UserError(f"{FILE}: some profiles cannot be held against it", faults, CURE_OF_ROWS)
    return applied


def _fault(rule: SegmentRule, profiles: DataFrame, there: Mapping[str, str], named: list[str]) -> str | None:
    """What is wrong with a condition; None where nothing is. named: gets the columns that it names, in small letters."""
    try:
        named += sorted({name.split(".")[0].lower() for name in names_in(profiles.sparkSession, rule.condition)})
        missing = [name for name in named if name not in there]
        if not missing:
            profiles.where(rule.condition).schema  # noqa: B018 - analysis happens here
        elif rule.otherwise is None:
            return f"want columns of gold.user_profiles, have {', '.join(missing)}{did_you_mean(missing[0], there)}"
    except PySparkException as error:
        return f"{short_message(error)}, have {rule.condition!r:.80}"
    return None


def _known_columns(profiles: DataFrame, columns: set[str]) -> set[str]:
    """Those of the columns that are known of somebody."""
    if not columns:
        return set()
    (row,) = profiles.agg(*(F.count(column).alias(column) for column in sorted(columns))).collect()
    return {column for column in columns if row[column] > 0}


def rule_segments(profiles: DataFrame, rules: list[AppliedRule]) -> DataFrame:
    """user_id, segment, kind: a row for each user and rule that holds; a condition that is null does not.   profiles: gold.user_profiles rows."""
    held = F.array_compact(F.array(*(F.when(rule.condition, F.lit(rule.name)) for rule in rules)).cast("array<string>"))
    return profiles.select("user_id", F.explode(held).alias("segment"), F.lit(RULE).alias("kind"))


def otherwise_in_words(rule: AppliedRule) -> str:
    """What the run says of a rule whose column is not there."""
    return f"{rule.name}: the shop does not have {', '.join(rule.lacking)}, so the segment holds {rule.otherwise}"
