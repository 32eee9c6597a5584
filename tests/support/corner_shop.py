"""A small made-up shop for the cleaning tests: its mapping, its files, and one run of cleaning."""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from basketgraph.clean.cleaning import Cleaning, CleanSettings, Outcome
from basketgraph.clean.landing_files import Landing
from basketgraph.clean.sql_checks import checked_source
from basketgraph.foundation.contracts import contract
from basketgraph.foundation.privacy.pseudonyms import PseudonymKey
from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import ODD

KEY = PseudonymKey(b"a key of the tests, long enough")
HEADER = "line,customer,product,pieces,price,at,title"
MAPPING: dict[str, Any] = {
    "shop": "corner",
    "landing": "unused",
    "time_zone": "Europe/London",
    "currency": "GBP",
    "files": {
        "sales": {
            "pattern": "*.csv*",
            "format": "csv",
            "columns": {name: "string" for name in HEADER.split(",")},
            "personal": ["customer"],
            "let": {"moment": "to_timestamp(at, 'yyyy-MM-dd HH:mm')"},
        }
    },
    "tables": {
        "silver.events": {
            "files": "sales",
            "columns": {
                "event_id": "line",
                "event_type": "'purchase'",
                "event_time": "to_utc_timestamp(moment, source_time_zone)",
                "event_date": "to_date(moment)",
                "user_id": "trim(customer)",
                "item_id": "product",
                "order_id": "line",
                "quantity": "cast(pieces as bigint)",
                "amount_minor": "round(cast(price as decimal(18, 4)) * cast(pieces as bigint) * 100)",
                "currency": "source_currency",
            },
            "reject": {"quantity_not_positive": "cast(pieces as bigint) <= 0", "free": "cast(price as decimal(18, 4)) = 0"},
        }
    },
}


def mapping(**tables: Mapping[str, Any]) -> dict[str, Any]:
    """The shop's mapping; keyword arguments replace or add keys of silver.events, `items` adds a history of titles."""
    found = deepcopy(MAPPING)
    events = found["tables"]["silver.events"]
    for key, value in tables.items():
        if key == "items":
            found["tables"]["silver.items"] = deepcopy(value)
        else:
            events[key] = {**events[key], **value} if isinstance(events.get(key), dict) else value
    return found


ITEMS = {
    "files": "sales",
    "where": "title is not null",
    "version": "moment",
    "columns": {"item_id": "product", "valid_from": "to_date(moment)", "name": "title", "recommendable": "true"},
}


FILLED = {"customer": "u1", "product": "p1", "pieces": "2", "price": "1.50", "at": "2026-03-01 10:00", "title": "Tea"}


def line(number: int, **values: str) -> str:
    """A CSV line; what is not named is that of an ordinary purchase."""
    assert not set(values) - set(FILLED)
    return ",".join([str(number), *(FILLED | values).values()])


def deliver(folder: Path, name: str, *lines: str, header: str = HEADER, minute: int = 0) -> Path:
    """A landing file; `minute` sets its modification time, so that tests do not depend on how fast they run."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / name
    place.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    moment = datetime(2026, 3, 2, 8, minute, tzinfo=timezone.utc).timestamp()
    os.utime(place, (moment, moment))
    return place


def put(folder: Path, name: str, content: bytes) -> None:
    """A landing file of any bytes."""
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    moment = datetime(2026, 3, 2, 8, tzinfo=timezone.utc).timestamp()
    os.utime(place, (moment, moment))


def csv(*lines: str, header: str = HEADER) -> bytes:
    return ("\n".join([header, *lines]) + "\n").encode()


class Shop:
    """A landing folder and a warehouse."""

    def __init__(self, spark: SparkSession, folder: Path, given: Mapping[str, Any] | None = None) -> None:
        self.spark, self.landing, self.warehouse, self.given = spark, folder / ODD / "landing", folder / "warehouse", given or mapping()
        self.landing.parent.mkdir(parents=True, exist_ok=True)
        self.runs = 0

    def release(self) -> RunTables:
        self.runs += 1
        return RunTables(self.spark, str(self.warehouse), f"run-{self.runs}")

    def cleaning(self, *, batch_bytes: int = 1 << 20, key: PseudonymKey = KEY, landing: Path | None = None, **settings: Any) -> Cleaning:
        checked = checked_source(self.spark, self.given, "conf/sources/corner.yaml")
        folder = Landing(self.spark, str(landing or self.landing))
        moment = datetime(2026, 3, 3, tzinfo=timezone.utc)
        return Cleaning(checked, folder, self.release(), key=key, settings=CleanSettings(batch_bytes=batch_bytes, **settings), now=moment)

    def clean(self, **options: Any) -> Outcome:
        return self.cleaning(**options).run()

    def table(self, name: str) -> DataFrame:
        return RunTables(self.spark, str(self.warehouse), "reader").read(name)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """All rows, lineage aside, in order of the key."""
        terms = contract(name)
        shown = [c for c in terms.columns if c not in terms.lineage_columns]
        return [row.asDict(recursive=True) for row in self.table(name).select(*shown).orderBy(*terms.keys).collect()]

    def rejected(self) -> list[tuple[str, list[str], str | None]]:
        """The distinct contents of the rejected rows, in order: table, reasons, payload."""
        found = self.table("silver.rejected_rows").select("table_name", "reasons", "payload").distinct()
        return sorted(((row.table_name, list(row.reasons), row.payload) for row in found.collect()), key=str)

    def counts(self, table: str = "silver.events") -> dict[str, Any]:
        from basketgraph.clean.counts import ledger_counts

        return ledger_counts(self.table("ops.files"))[table]
