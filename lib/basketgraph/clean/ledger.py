"""ops.files: which landing file was read into which table, with what result; and completing it after a crash."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.clean.pick_up import LandingFile
from basketgraph.clean.pseudonyms import PseudonymKey
from basketgraph.config import Mistake
from basketgraph.contracts import contract
from basketgraph.tables import Release

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FILES = "ops.files"
LOADING, DONE, QUARANTINED = "loading", "done", "quarantined"


@dataclass(frozen=True)
class Counts:
    """What became of the rows of a file for one table. superseded ones were accepted, but a newer version of the row is there."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    superseded: int = 0
    by_reason: Mapping[str, int] = field(default_factory=dict)

    def check(self, what: str) -> None:
        """Raises unless every row that was read is accounted for, once."""
        if self.read != self.accepted + self.rejected + self.duplicate:
            have = f"{self.accepted} accepted + {self.rejected} rejected + {self.duplicate} duplicates"
            raise RuntimeError(f"{what}: {self.read} rows read, but {have}")


Entry = dict[str, Any]  # a row of ops.files


class Ledger:
    """ops.files as this run sees it."""

    def __init__(self, release: Release, key: PseudonymKey, now: datetime) -> None:
        self.release, self.key, self.now = release, key, now
        found = [row.asDict(recursive=True) for row in release.read(FILES).collect()] if release.exists(FILES) else []
        self.entries: dict[tuple[str, str, str], Entry] = {_key(entry): entry for entry in found}
        others = {entry["key_id"] for entry in found if entry["status"] == DONE} - {key.id}
        if others:
            raise Mistake(
                "this warehouse's pseudonyms were made with another key; with this one the same user would get a second id",
                [f"key id: want {', '.join(sorted(others))}, have {key.id}"],
                "Give that key by BASKETGRAPH_KEY, or start a fresh warehouse.",
            )

    def complete(self) -> int:
        """After a crash: entries whose batch is in the table's history are done, the other unfinished ones will be read again."""
        loading = [entry for entry in self.entries.values() if entry["status"] == LOADING]
        finished = []
        for table in sorted({entry["table_name"] for entry in loading}):
            committed = self.release.committed_batches(table)
            finished += [entry for entry in loading if entry["table_name"] == table and entry["batch_id"] in committed]
        if finished:
            self.write([{**entry, "status": DONE} for entry in finished])
        return len(finished)

    def unfinished(self) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry["status"] == LOADING]

    def close_gone(self, listed: Collection[tuple[str, str]]) -> None:
        """Entries of a killed run whose content was changed or taken away since will not be read again: say so."""
        gone = [entry for entry in self.unfinished() if (entry["source_file"], entry["file_hash"]) not in listed]
        nothing = {name: 0 for name in contract(FILES).columns if name.startswith("rows_")}
        problem = "gone: a killed run had begun to read it, and this content is no longer there"
        self.write([{**entry, **nothing, "rejected_by_reason": [], "status": QUARANTINED, "problem": problem} for entry in gone])

    def with_hash(self, table: str, file_hash: str) -> Entry | None:
        """The entry of content that this table already has, wherever it lay."""
        return next((e for (t, _, h), e in self.entries.items() if t == table and h == file_hash and e["status"] == DONE), None)

    def known_hashes(self) -> dict[tuple[str, int, datetime], str]:
        """Content hashes by path, size and modification time, so that files seen before are not read to tell that they are the same."""
        return {(e["source_file"], e["size_bytes"], _aware(e["modified_at"])): e["file_hash"] for e in self.entries.values() if e["status"] == DONE}

    def is_done(self, table: str, file: LandingFile) -> bool:
        entry = self.entries.get((table, file.path, file.file_hash))
        return entry is not None and entry["status"] == DONE

    def entry(self, table: str, file: LandingFile, status: str, counts: Counts, *, batch_id: str | None = None) -> Entry:
        counts.check(f"{table} from {file.path}")
        return {
            "table_name": table,
            "source_file": file.path,
            "file_hash": file.file_hash,
            "size_bytes": file.size,
            "modified_at": file.modified_at,
            "status": status,
            "problem": file.problem,
            "batch_id": batch_id,
            "rows_read": counts.read,
            "rows_accepted": counts.accepted,
            "rows_rejected": counts.rejected,
            "rows_duplicate": counts.duplicate,
            "rows_superseded": counts.superseded,
            "rejected_by_reason": [{"reason": reason, "rows": rows} for reason, rows in sorted(counts.by_reason.items())],
            "key_id": self.key.id,
            "run_id": self.release.run_id,
            "seen_at": self.now,
        }

    def write(self, entries: Sequence[Entry]) -> None:
        """Add or replace entries, as one commit; nothing is written where nothing would change."""
        changed = [entry for entry in entries if _compared(self.entries.get(_key(entry))) != _compared(entry)]
        if not changed:
            return
        struct = contract(FILES).struct
        frame = self.release.spark.createDataFrame([tuple(entry[name] for name in struct.names) for entry in changed], struct).coalesce(1)
        if self.entries:
            self.release.merge(frame, FILES)
        else:
            self.release.append(frame, FILES)
        self.entries.update({_key(entry): entry for entry in changed})


def _key(entry: Entry) -> tuple[str, str, str]:
    return (entry["table_name"], entry["source_file"], entry["file_hash"])


def _compared(entry: Entry | None) -> Entry | None:
    return None if entry is None else {k: v for k, v in entry.items() if k not in ("run_id", "seen_at", "modified_at")}


def _aware(moment: datetime) -> datetime:
    """Spark hands instants out as local time without a zone."""
    return moment.astimezone() if moment.tzinfo is None else moment


def ledger_counts(files: DataFrame) -> dict[str, dict[str, Any]]:
    """Rows per table, summed over every file ever picked up: read = accepted + rejected + duplicates.

    files: ops.files. returns: table -> read, accepted, rejected, duplicates, superseded, rejected_by_reason.
    """
    done = files.where(F.col("status") == DONE)
    names = ["read", "accepted", "rejected", "duplicate", "superseded"]
    totals = done.groupBy("table_name").agg(*[F.sum(f"rows_{name}").alias(name) for name in names]).collect()
    exploded = done.select("table_name", F.inline("rejected_by_reason"))
    reasons = exploded.groupBy("table_name", "reason").agg(F.sum("rows").alias("rows"))
    by_reason: dict[str, dict[str, int]] = {}
    for row in reasons.collect():
        by_reason.setdefault(row["table_name"], {})[row["reason"]] = row["rows"]
    return {
        row["table_name"]: {
            "read": row["read"],
            "accepted": row["accepted"],
            "rejected": row["rejected"],
            "duplicates": row["duplicate"],
            "superseded": row["superseded"],
            "rejected_by_reason": dict(sorted(by_reason.get(row["table_name"], {}).items())),
        }
        for row in sorted(totals, key=lambda row: row["table_name"])
    }


def summed(counts: Iterable[Counts]) -> Counts:
    found = list(counts)
    by_reason: dict[str, int] = {}
    for one in found:
        for reason, rows in one.by_reason.items():
            by_reason[reason] = by_reason.get(reason, 0) + rows
    return Counts(
        sum(c.read for c in found), sum(c.accepted for c in found), sum(c.rejected for c in found),
        sum(c.duplicate for c in found), sum(c.superseded for c in found), by_reason,
    )  # fmt: skip
