"""Drafts of mappings as Spark reads the files through them."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml
from pyspark.sql import SparkSession

from basketgraph.clean.check_source import Rehearsal, SourceCheck
from basketgraph.clean.cleaning import CleanSettings
from basketgraph.clean.landing_files import Landing
from basketgraph.clean.sql_checks import checked_source
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.onboard.draft import Draft, draft
from support.corner_shop import KEY

NOW = datetime(2026, 3, 3, tzinfo=timezone.utc)


def drafted(folder: Path, *, currency: str | None = "EUR", time_zone: str | None = "Europe/Berlin") -> Draft:
    return draft("newshop", [str(folder)], landing=None, currency=currency, time_zone=time_zone, masker=str)


def rehearsal(spark: SparkSession, found: Draft, warehouse: Path) -> Rehearsal:
    checked = checked_source(spark, yaml.safe_load(found.text), "newshop")
    release = RunTables(spark, str(warehouse), "check")
    return Rehearsal(checked, Landing(spark, str(found.plan.landing)), release, key=KEY, settings=CleanSettings(batch_bytes=1 << 20), now=NOW)


def checked(spark: SparkSession, found: Draft, warehouse: Path) -> SourceCheck:
    return rehearsal(spark, found, warehouse).check()


def events(check: SourceCheck) -> tuple[Any, Any]:
    (one,) = [table for table in check.tables if table.table == "silver.events"]
    return one.counts, one.facts
