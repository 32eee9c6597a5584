"""ops.files held against the tables: whose rows are there once files were read again, and what is there of files that cannot be."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pyspark.sql import functions as F

from basketgraph.clean.again import with_owner
from basketgraph.clean.landing_files import LandingFile
from basketgraph.clean.ledger import DONE, REJECTED, Counts, Entry, Ledger, counted, key_of, left_out
from basketgraph.clean.lineage import FileId
from basketgraph.foundation.config import UserError


def settled(entries: Mapping[FileId, Entry], owned: Mapping[tuple[str, str | None], int]) -> dict[FileId, Entry]:
    """The entries with superseded rows booked to the files whose rows were replaced, as the rows' lineage tells; accepted - superseded = rows.

    (A row that replaced another one is first booked as superseded with its own file; one that only made an equal row newer, as a duplicate.)
    owned: (path, content hash) -> rows of the table; the hash is None for rows of before that column whose content cannot be told.
    errors: RuntimeError where a file has more rows than it can have given.
    """
    nameless = {path: rows for (path, content), rows in owned.items() if content is None}
    found = {}
    for file, entry in sorted(entries.items()):
        rows = owned.get(file, 0)
        some = min(nameless.get(file[0], 0), entry["rows_accepted"] - rows)
        if some > 0:
            nameless[file[0]] -= some
            rows += some
        refreshed = max(rows - entry["rows_accepted"], 0)
        if refreshed > entry["rows_duplicate"]:
            raise RuntimeError(f"{entry['table_name']} from {file[0]}: {entry['rows_accepted']} rows accepted, but {rows} are there")
        accepted = entry["rows_accepted"] + refreshed
        counts = {"rows_accepted": accepted, "rows_duplicate": entry["rows_duplicate"] - refreshed, "rows_superseded": accepted - rows}
        found[file] = {**entry, **counts}
    return found


def held_against_rows(ledger: Ledger, table: str, entries: Mapping[FileId, Entry]) -> dict[FileId, Entry]:
    """The entries as `settled` by the rows that are there. Raises RuntimeError unless rows and rejected rows add up."""
    owned = with_owner(ledger.release.read(table), entries).groupBy("source_file", "file_hash").count().collect()
    found = settled(entries, {(row.source_file, row.file_hash): row["count"] for row in owned})
    rows, rejected = sum(row["count"] for row in owned), ledger.release.read(REJECTED).where(F.col("table_name") == table).count()
    left_behind = sum(e["rows_rejected"] for e in ledger.entries.values() if e["table_name"] == table and e["status"] != DONE)
    want = sum(e["rows_accepted"] - e["rows_superseded"] for e in found.values()), left_behind + sum(e["rows_rejected"] for e in found.values())
    if want != (rows, rejected):
        raise RuntimeError(f"{table}: the files give {want[0]} rows and {want[1]} rejected ones, but {rows} and {rejected} are there")
    return found


def refuse_unless_it_adds_up(ledger: Ledger, table: str, entries: Mapping[FileId, Entry]) -> None:
    """Raises UserError before a replay writes: one that has to stop half-way would keep cleaning from going on, too."""
    try:
        held_against_rows(ledger, table, entries)
    except RuntimeError as error:
        cure = "A fresh warehouse, cleaned from the landing files, has the right counts."
        raise UserError("replay: ops.files does not add up for this table; nothing was written", [str(error)], cure) from None


def as_left(ledger: Ledger, table: str, entries: Mapping[FileId, Entry], lost: Collection[FileId]) -> dict[FileId, Entry]:
    """The entries with the counts of `lost` files as the tables have them: of a replay that was cut off, and that cannot be read again; and files
    that are gone whose rejected rows others took over.
    """
    if not lost:
        return dict(entries)
    release = ledger.release
    ids = F.broadcast(release.spark.createDataFrame(sorted(lost), "source_file string, file_hash string"))
    rows = with_owner(release.read(table), entries).join(ids, on=["source_file", "file_hash"], how="left_semi")
    accepted = {(row.source_file, row.file_hash): row["count"] for row in rows.groupBy("source_file", "file_hash").count().collect()}
    refused = ledger.rejected_there([entries[file] for file in lost])
    found = dict(entries)
    for file in lost:
        there, entry = accepted.get(file, 0), entries[file]
        bad = refused[key_of(entry)]
        left = left_out(entry)
        about = max(entry["rows_read"] - left, there + bad.rejected)
        given = max(there, min(entry["rows_accepted"], about - bad.rejected))
        counts = Counts(about + left, given, bad.rejected, about - given - bad.rejected, given - there, bad.by_reason, left)
        found[file] = recounted(ledger, table, entry, counts)
    return found


def recount_set_aside(ledger: Ledger, table: str) -> None:
    """Of files that were set aside nothing but rejected rows of a killed run is there: write how many of them no other file has taken over."""
    behind = [e for e in ledger.entries.values() if e["table_name"] == table and e["status"] != DONE and e["rows_rejected"]]
    there = ledger.rejected_there(behind)
    ledger.write([{**entry, **counted(there[key_of(entry)])} for entry in behind])


def recounted(ledger: Ledger, table: str, entry: Entry, counts: Counts) -> Entry:
    """The entry with new counts; when and by which run the file was picked up stays."""
    file = LandingFile(entry["source_file"], "", entry["size_bytes"], entry["modified_at"], entry["file_hash"])
    new = ledger.entry(table, file, DONE, counts)
    return {**new, **{name: entry[name] for name in ("batch_id", "run_id", "seen_at", "problem")}}
