"""ops.files held against the tables: which rows of each file are there once files were read again."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import functions as F

from basketgraph.clean.ledger import Counts, Entry, counted
from basketgraph.clean.lineage import FileId, rows_by_file
from basketgraph.clean.transform import REJECTED, TableRules
from basketgraph.foundation.config import UserError
from basketgraph.foundation.tables.warehouse import RunTables


def settled(entries: Mapping[FileId, Entry], owned: Mapping[FileId, int]) -> dict[FileId, Entry]:
    """The entries with superseded rows booked to the files whose rows were replaced, as the rows' lineage tells:
    accepted - superseded - retracted = rows.

    (A row that replaced another one is first booked as superseded with its own file; one that only made an equal row newer, as a duplicate.)
    owned:  file -> its rows in the table.
    errors: RuntimeError where a file has more rows than it can have given.
    """
    found = {}
    for file, entry in sorted(entries.items()):
        rows = owned.get(file, 0)
        given = rows + (entry.get("rows_retracted") or 0)
        refreshed = max(given - entry["rows_accepted"], 0)
        if refreshed > entry["rows_duplicate"]:
            raise RuntimeError(f"{entry['table_name']} from {file[0]}: {entry['rows_accepted']} rows accepted, but {rows} are there")
        accepted = entry["rows_accepted"] + refreshed
        counts = {"rows_accepted": accepted, "rows_duplicate": entry["rows_duplicate"] - refreshed, "rows_superseded": accepted - given}
        found[file] = {**entry, **counts}
    return found


def rows_in_table(entry: Entry) -> int:
    return int(entry["rows_accepted"] - entry["rows_superseded"] - (entry.get("rows_retracted") or 0))


def reconciled(tables: RunTables, table: str, entries: Mapping[FileId, Entry]) -> dict[FileId, Entry]:
    """The entries as `settled` by the rows that are there. Raises RuntimeError unless rows and rejected rows add up."""
    owned = rows_by_file(tables.read(table))
    found = settled(entries, owned)
    have = sum(owned.values()), tables.read(REJECTED).where(F.col("table_name") == table).count()
    want = sum(rows_in_table(entry) for entry in found.values()), sum(entry["rows_rejected"] for entry in found.values())
    if want != have:
        raise RuntimeError(f"{table}: the files give {want[0]} rows and {want[1]} rejected ones, but {have[0]} and {have[1]} are there")
    return found


def refuse_unless_it_adds_up(tables: RunTables, table: str, entries: Mapping[FileId, Entry]) -> None:
    """Raises UserError before a replay writes anything."""
    try:
        reconciled(tables, table, entries)
    except RuntimeError as error:
        cure = "A fresh warehouse, cleaned from the landing files, has the right counts."
        raise UserError("replay: ops.files does not add up for this table; nothing was written", [str(error)], cure) from None


def recounted(rules: TableRules, entry: Entry, counts: Counts) -> Entry:
    """The entry with new counts; when and by which run the file was picked up stays."""
    counts.check(f"{rules.table.name} from {entry['source_file']}")
    return {**entry, **counted(counts), "key_fingerprint": rules.key_fingerprint}
