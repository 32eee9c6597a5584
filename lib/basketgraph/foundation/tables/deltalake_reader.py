"""Reading Delta tables without a JVM, by the package `deltalake`; and the interface that the reader with Spark shares (reader.TableReader)."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from deltalake import DeltaTable, QueryBuilder

from basketgraph.foundation.contracts import Contract, contract
from basketgraph.foundation.paths import local_folder

COMMIT = re.compile(r"(\d{20})\.json")
SQL_TYPES = {
    "string": "VARCHAR",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "array<date>": "DATE[]",
    "array<string>": "VARCHAR[]",
    "timestamp": "TIMESTAMP",
}


class Unreadable(Exception):
    """A table that the package `deltalake` cannot read; Spark may."""


class Reader(Protocol):
    """Delta tables as rows of Python values. Instants are local times without a zone, as Spark hands them out."""

    def exists(self, table: str) -> bool:
        """Whether the table was ever written."""
        ...

    def rows(self, table: str, query: str, version: int | None = None) -> list[dict[str, Any]]:
        """The rows of a query on one table, none where it was never written.

        query: SQL that Spark and DataFusion both take, with {rows} for a version of `table` (default: the newest), with the contract's columns.
        """
        ...

    def is_file(self, path: str) -> bool:
        """Whether there is a file (or folder) of this name."""
        ...


class DeltaFolder:
    """A warehouse in a folder of this machine, read without Spark. It writes nothing: only Spark does."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, table: str) -> Path:
        return self.root / table.replace(".", "/")

    def exists(self, table: str) -> bool:
        log = self._path(table) / "_delta_log"
        return log.is_dir() and any(COMMIT.fullmatch(file.name) for file in log.iterdir())

    def rows(self, table: str, query: str, version: int | None = None) -> list[dict[str, Any]]:
        """Raises Unreadable, beside what Reader says."""
        if not self.exists(table):
            return []
        terms, place = contract(table), str(self._path(table).absolute())
        if "\\" in place or unquote(place) != place:
            # deltalake decodes them, and would read what lies under the other name.
            raise Unreadable(f"{table}: the package deltalake takes no path with a backslash, or with a percent sign and two digits")
        try:
            stored = DeltaTable(place, version=version)
            engine = QueryBuilder().register("stored", stored)
            result = engine.execute(query.format(rows=_as_contract(stored, terms))).read_all()
            columns = [_values(terms, name, [*result.column(name).to_pylist()]) for name in result.column_names]
        except Exception as error:  # DeltaError, or whatever the Rust library throws at a table that is newer than itself
            raise Unreadable(f"{table}: {str(error).splitlines()[0]:.200}") from error
        return [dict(zip(result.column_names, row, strict=True)) for row in zip(*columns, strict=True)]

    def is_file(self, path: str) -> bool:
        place = local_folder(path)
        return place is not None and place.exists()


def _as_contract(stored: DeltaTable, terms: Contract) -> str:
    """A subquery with the contract's columns; those that an older table lacks are null (as migrations.as_contract has it for Spark)."""
    there = {field.name for field in stored.schema().fields}
    lacking = {p.name: SQL_TYPES[p.physicalType] for p in terms.properties if not p.required and p.physicalType in SQL_TYPES}
    columns = [name if name in there else f"CAST(NULL AS {lacking[name]}) AS {name}" for name in terms.columns if name in there | lacking.keys()]
    return f"(SELECT {', '.join(columns)} FROM stored)"


def _values(terms: Contract, name: str, values: list[Any]) -> list[Any]:
    kind = next((p.physicalType for p in terms.properties if p.name == name), "")
    if kind.startswith("map<"):
        return [None if value is None else dict(value) for value in values]
    return [value.astimezone().replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo else value for value in values]
