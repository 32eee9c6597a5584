"""ops.files: which landing file was read into which table, with what result; and undoing what a run that did not finish has written."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import functions as F

from basketgraph.clean.landing_files import LandingFile
from basketgraph.clean.lineage import FileId
from basketgraph.clean.mapping import mappable
from basketgraph.clean.transform import REJECTED, TableRules
from basketgraph.foundation.config import UserError
from basketgraph.foundation.privacy.pseudonyms import PseudonymKey
from basketgraph.foundation.tables.reader import aware
from basketgraph.foundation.tables.warehouse import RunTables

log = logging.getLogger("basketgraph")
FILES = "ops.files"
STARTED, DONE, QUARANTINED = "started", "done", "quarantined"
REPLAY = "-replay"  # how the batch of a replay ends


@dataclass(frozen=True)
class Counts:
    """What became of the rows of a file for one table. Of the accepted ones, superseded ones are not in the table since a newer version is, and
    retracted ones since a newer version was refused. left_out are those that the mapping's `where` does not choose.
    """

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    superseded: int = 0
    by_reason: Mapping[str, int] = field(default_factory=dict)
    left_out: int = 0
    retracted: int = 0

    @property
    def in_table(self) -> int:
        return self.accepted - self.superseded - self.retracted

    @property
    def about(self) -> int:
        """The rows that say something about the table."""
        return self.read - self.left_out

    def check(self, what: str) -> None:
        """Raises unless every row that was read is accounted for, once."""
        if self.left_out < 0 or self.read != self.accepted + self.rejected + self.duplicate + self.left_out:
            have = f"{self.accepted} accepted + {self.rejected} rejected + {self.duplicate} duplicates + {self.left_out} left out"
            raise RuntimeError(f"{what}: {self.read} rows read, but {have}")


Entry = dict[str, Any]  # a row of ops.files
Key = tuple[str, str, str]  # its table, path and content hash


def counted(counts: Counts) -> Entry:
    """The columns of ops.files that count."""
    by_reason = [{"reason": reason, "rows": rows} for reason, rows in sorted(counts.by_reason.items())]
    return {**{f"rows_{name}": value for name, value in vars(counts).items() if name != "by_reason"}, "rejected_by_reason": by_reason}


class Ledger:
    """ops.files as this run sees it.

    A batch is several commits: `started` entries, rejected rows, each table, and the entries as `done`. Each commit notes the batch, so that the
    next run can take back those of a batch that was not finished.
    """

    def __init__(self, tables: RunTables, key: PseudonymKey, now: datetime) -> None:
        self.release, self.key, self.now = tables, key, now
        self.entries: dict[Key, Entry] = {}
        self._contents: dict[tuple[str, str], Entry] = {}
        self._load()
        others = {entry["key_id"] for entry in self.entries.values() if entry["status"] == DONE} - {key.id}
        if others:
            raise UserError(
                "this warehouse's pseudonyms were made with another key; with this one the same user would get a second id",
                [f"key id: want {', '.join(sorted(others))}, have {key.id}"],
                "Give that key by BASKETGRAPH_KEY, or start a fresh warehouse.",
            )

    def _load(self) -> None:
        self.entries.clear()
        self._contents.clear()
        if self.release.exists(FILES):
            self._remember([_aware(row.asDict(recursive=True)) for row in self.release.read(FILES).collect()])

    def undo_unfinished(self) -> dict[str, set[FileId]]:
        """Restore all tables to what they were before the batch of a run that did not finish.

        returns: table -> files, where that was a replay: they are to be replayed again.
        """
        started = [entry for entry in self.entries.values() if entry["status"] == STARTED]
        if not started:
            return {}
        (batch_id,) = {entry["batch_id"] for entry in started}
        tables = (*sorted(mappable()), REJECTED, FILES)  # ops.files last: killed in between, the next run takes back the rest
        commits = {table: self.release.committed_batches(table).get(f"{batch_id}/{table}") for table in tables}
        first = {table: version for table, version in commits.items() if version is not None}
        of_batch = F.col("batch_id") == batch_id  # also files that the run said to be done by the end
        begun = self.release.read_version(FILES, first[FILES]).where(of_batch).collect()
        log.warning("a run did not finish: what it had written of %d files is taken back", len({row.source_file for row in begun}))
        if batch_id.endswith(REPLAY):
            log.warning("it was a replay, which is done again now; if this run fails before that, give `basketgraph replay` again")
        for table, version in first.items():
            self.release.restore(table, version - 1)
        self._load()
        replayed: dict[str, set[FileId]] = {}
        for row in begun if batch_id.endswith(REPLAY) else ():
            replayed.setdefault(row.table_name, set()).add((row.source_file, row.file_hash))
        return replayed

    def with_hash(self, table: str, file_hash: str) -> Entry | None:
        """The entry of content that this table already has, wherever it lay."""
        return self._contents.get((table, file_hash))

    def copies(self, table: str, entries: Iterable[Entry]) -> list[Entry]:
        """The entries of copies of these files, with the counts that follow from theirs."""
        originals = {entry["file_hash"]: entry for entry in entries}
        return [
            {**entry, **counted(as_copy(original)), "key_fingerprint": original.get("key_fingerprint")}
            for (of_table, _, content), entry in self.entries.items()
            if of_table == table and entry["status"] == DONE and _is_copy(entry)
            if (original := originals.get(content)) is not None and key_of(original) != key_of(entry)
        ]

    def known_hashes(self) -> dict[tuple[str, int, datetime], str]:
        """Content hashes by path, size and modification time, so that files seen before are not read to tell that they are the same."""
        return {(e["source_file"], e["size_bytes"], e["modified_at"]): e["file_hash"] for e in self.entries.values() if e["status"] == DONE}

    def is_done(self, table: str, file: LandingFile, *, read: bool = False) -> bool:
        """read: whether a file that was only known to be a copy, and never opened, does not count."""
        entry = self.entries.get((table, file.path, file.file_hash))
        return entry is not None and entry["status"] == DONE and not (read and _is_copy(entry))

    def entry(self, rules: TableRules, file: LandingFile, status: str, counts: Counts, *, batch_id: str | None = None) -> Entry:
        counts.check(f"{rules.table.name} from {file.path}")
        return {
            "table_name": rules.table.name,
            "source_file": file.path,
            "file_hash": file.file_hash,
            "size_bytes": file.size,
            "modified_at": file.modified_at,
            "status": status,
            "problem": file.problem,
            "batch_id": batch_id,
            **counted(counts),
            "key_fingerprint": rules.key_fingerprint,
            "key_id": self.key.id,
            "run_id": self.release.run_id,
            "seen_at": self.now,
        }

    def retracted(self, table: str, rows: Mapping[FileId, int]) -> list[Entry]:
        """The entries of files of which so many more rows have left the table, since newer versions of them were refused."""
        known = {file: self.entries[table, *file] for file in rows}
        return [{**entry, "rows_retracted": (entry.get("rows_retracted") or 0) + rows[file]} for file, entry in known.items()]

    def start(self, batch_id: str, entries: Sequence[Entry]) -> None:
        """Say, before a batch's first commit, which files it is about to write."""
        self.write([{**entry, "status": STARTED, "batch_id": batch_id} for entry in entries], batch_id=batch_id)

    def write(self, entries: Sequence[Entry], *, batch_id: str | None = None) -> None:
        """Add or replace entries, as one commit; nothing is written where nothing would change."""
        changed = [entry for entry in entries if _compared(self.entries.get(key_of(entry))) != _compared(entry)]
        if not changed:
            return
        frame, note = self.release.rows_of(FILES, changed), None if batch_id is None else f"{batch_id}/{FILES}"
        if any(key_of(entry) in self.entries for entry in changed):
            self.release.merge(frame, FILES, batch_id=note)
        else:  # the run holds the warehouse's lock, so nobody else has added them meanwhile
            self.release.append(frame, FILES, batch_id=note)
        self._remember(changed)

    def _remember(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self.entries[key_of(entry)] = entry
            if entry["status"] == DONE:
                self._contents.setdefault((entry["table_name"], entry["file_hash"]), entry)


def attempt(run_id: str, now: datetime) -> str:
    """What batches are named by: a step that is tried again under its run id must not take its first try's batches for its own. Sorts by time."""
    return f"{run_id}/{now.astimezone(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def _aware(entry: Entry) -> Entry:
    return {name: aware(value) if isinstance(value, datetime) else value for name, value in entry.items()}


def _is_copy(entry: Entry) -> bool:
    return entry["batch_id"] is None and entry["rows_read"] > 0 and entry["rows_accepted"] + entry["rows_rejected"] == 0


def as_copy(original: Entry) -> Counts:
    """The counts of a file of the same content: all rows that are about the table are duplicates."""
    read, left = original["rows_read"], original["rows_left_out"]
    return Counts(read=read, duplicate=read - left, left_out=left)


def key_of(entry: Entry) -> Key:
    return (entry["table_name"], entry["source_file"], entry["file_hash"])


def _compared(entry: Entry | None) -> Entry | None:
    return None if entry is None else {k: v for k, v in entry.items() if k not in ("run_id", "seen_at", "modified_at")}
