"""ops.files: which landing file was read into which table, with what result; and completing it after a crash."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import functions as F

from basketgraph.clean.landing_files import LandingFile
from basketgraph.foundation.config import UserError
from basketgraph.foundation.privacy.pseudonyms import PseudonymKey
from basketgraph.foundation.tables.reader import Committed, aware
from basketgraph.foundation.tables.warehouse import RunTables

FILES, REJECTED = "ops.files", "silver.rejected_rows"
DONE, QUARANTINED = "done", "quarantined"


@dataclass(frozen=True)
class Counts:
    """What became of the rows of a file for one table. superseded ones were accepted, but a newer version of the row is there; left_out are those
    that the mapping's `where` does not choose.
    """

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    superseded: int = 0
    by_reason: Mapping[str, int] = field(default_factory=dict)
    left_out: int = 0

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
KEY_COLUMNS = ("table_name", "source_file", "file_hash")


def counted(counts: Counts) -> Entry:
    """The columns of ops.files that count."""
    return {
        "rows_read": counts.read,
        "rows_accepted": counts.accepted,
        "rows_rejected": counts.rejected,
        "rows_duplicate": counts.duplicate,
        "rows_left_out": counts.left_out,
        "rows_superseded": counts.superseded,
        "rejected_by_reason": [{"reason": reason, "rows": rows} for reason, rows in sorted(counts.by_reason.items())],
    }


NOTHING = counted(Counts())  # of a file none of whose rows is there
_UNCOUNTED = {"rows_left_out": None}  # in what a run announced before such rows were counted


class Ledger:
    """ops.files as this run sees it."""

    def __init__(self, tables: RunTables, key: PseudonymKey, now: datetime) -> None:
        self.release, self.key, self.now = tables, key, now
        found = [_aware(row.asDict(recursive=True)) for row in tables.read(FILES).collect()] if tables.exists(FILES) else []
        self.announcements = Announcements(tables)
        self.begun: list[Entry] = []
        self.entries: dict[Key, Entry] = {}
        self._contents: dict[tuple[str, str], Entry] = {}
        self._remember(found)
        others = {entry["key_id"] for entry in found if entry["status"] == DONE} - {key.id}
        if others:
            raise UserError(
                "this warehouse's pseudonyms were made with another key; with this one the same user would get a second id",
                [f"key id: want {', '.join(sorted(others))}, have {key.id}"],
                "Give that key by BASKETGRAPH_KEY, or start a fresh warehouse.",
            )

    def complete(self) -> int:
        """After a crash: announced entries whose batch is in the table's history are done; the others are `begun`, and will be read again.

        errors: UserError where a commit added more or fewer rows than were announced.
        """
        announced = self.announcements.read()
        tables = {entry["table_name"] for entry in announced}
        committed = {(table, batch): commit for table in tables for batch, commit in self.release.committed_batches(table).items()}
        added: dict[tuple[str, str], int] = {}
        for entry in announced:
            place = (entry["table_name"], entry["batch_id"])
            added[place] = added.get(place, 0) + entry["rows_accepted"] - entry["rows_superseded"]
        for place in sorted(added.keys() & committed.keys()):
            self._refuse_unless_as_announced(place[0], added[place], committed[place])
        # Of several runs that were killed over a file any may be the one that committed it.
        finished = {key_of(entry): entry for entry in announced if (entry["table_name"], entry["batch_id"]) in committed}
        self.write(list(finished.values()))
        latest = {key_of(entry): entry for entry in announced}.values()
        self.begun = [e for e in latest if not self._is_over(e) and (e["table_name"], e["batch_id"]) not in committed]
        return len(finished)

    def _refuse_unless_as_announced(self, table: str, want: int, commit: Committed) -> None:
        if commit.rows not in (None, want):
            raise UserError(
                f"{table}: a run that was cut off has committed other rows than it had judged; a landing file was replaced while it was read",
                [f"version {commit.version} of {self.release.path(table)}: want {want} rows added, have {commit.rows}"],
                f"In Spark SQL: RESTORE TABLE {self.release.identifier(table)} TO VERSION AS OF {commit.version - 1}; then clean again.",
            )

    def close(self, listed: Collection[tuple[str, str]]) -> None:
        """All that was begun is read by now, but for what is set aside, and content that was changed or taken away since: of those say so, and which
        rows are there. Then forget the announcements.
        """
        left: list[Entry] = []
        # Done as a copy of another file is over, too.
        unfinished = [entry for entry in self.begun if self.entries.get(key_of(entry), {}).get("status") != DONE]
        there = self.rejected_there(unfinished)
        for entry in unfinished:
            now, rows = self.entries.get(key_of(entry)), counted(there[key_of(entry)])
            if (entry["source_file"], entry["file_hash"]) not in listed:
                gone = "gone: a killed run had begun to read it, and this content is no longer there"
                left.append({**entry, **rows, "status": QUARANTINED, "problem": gone})
            else:  # it was not read: set aside itself, or taken for a copy of a file that was
                unread = {**entry, "status": QUARANTINED, "problem": "not read: a killed run had begun to, and the next one looks at it again"}
                left.append({**(now or unread), **rows})
        self.write(left)
        self.announcements.clear()

    def set_aside(self, table: str, file: LandingFile) -> Entry:
        """The entry of a file that has a problem, with the counts of what a killed run left of it in the tables."""
        entry, known = self.entry(table, file, QUARANTINED, Counts()), self.entries.get((table, file.path, file.file_hash))
        if known is None or known["status"] != QUARANTINED:  # a copy that was never opened left nothing
            return entry
        return {**entry, **{name: known[name] for name in NOTHING}}

    def rejected_there(self, entries: Collection[Entry]) -> dict[Key, Counts]:
        """Per key of the entries its rejected rows that are in the table, as the counts of a file that has no others: those that a killed run wrote,
        and nobody delivered again. One query, since a run may be killed over thousands of files that are gone before the next.
        """
        keys = sorted({key_of(entry) for entry in entries})
        by_reason: dict[Key, dict[str, int]] = {key: {} for key in keys}
        numbers = dict.fromkeys(keys, 0)
        if keys and self.release.exists(REJECTED):
            files = self.release.spark.createDataFrame(keys, ", ".join(f"{name} string" for name in KEY_COLUMNS))
            rejected = self.release.read(REJECTED).where(F.col("table_name").isin(sorted({key[0] for key in keys})))
            rows = rejected.join(F.broadcast(files), on=list(KEY_COLUMNS), how="left_semi")
            for row in rows.groupBy(*KEY_COLUMNS, "reasons").count().collect():
                key, number = (row["table_name"], row["source_file"], row["file_hash"]), row["count"]
                numbers[key] += number
                for reason in row["reasons"]:
                    by_reason[key][reason] = by_reason[key].get(reason, 0) + number
        return {key: Counts(read=numbers[key], rejected=numbers[key], by_reason=by_reason[key]) for key in keys}

    def left_behind(self, table: str, files: Collection[LandingFile], *, named: bool = False) -> list[Entry]:
        """What a killed run had begun and was gone or set aside after it, so that rejected rows of it are there: of these files and, unless the
        mapping reads names (`named`), of their contents under other ones.
        """
        places, contents = {(file.path, file.file_hash) for file in files}, {file.file_hash for file in files}
        return [
            entry
            for (of_table, path, content), entry in self.entries.items()
            if of_table == table and _leaves_rows(entry) and ((path, content) in places if named else content in contents)
        ]

    def taken_over(self, table: str, files: Collection[LandingFile], batch_id: str, *, named: bool) -> list[Entry]:
        """The entries of what was left behind under other names, without counts: once this batch is in, its rows count for these files."""
        places = {(table, file.path, file.file_hash) for file in files}
        others = [entry for entry in self.left_behind(table, files, named=named) if key_of(entry) not in places]
        return [{**entry, **NOTHING, "batch_id": batch_id, "run_id": self.release.run_id, "seen_at": self.now} for entry in others]

    def has_rows_left(self, table: str, file: LandingFile) -> bool:
        """Whether a killed run may have left rejected rows of this very file, so that it has to be read: as a copy it would count none."""
        key = (table, file.path, file.file_hash)
        return _leaves_rows(self.entries.get(key)) or any(key_of(entry) == key for entry in self.begun)

    def with_hash(self, table: str, file_hash: str) -> Entry | None:
        """The entry of content that this table already has, wherever it lay."""
        return self._contents.get((table, file_hash))

    def copies(self, table: str, entries: Iterable[Entry]) -> list[Entry]:
        """The entries of copies of these files, with the counts that follow from theirs."""
        originals = {entry["file_hash"]: entry for entry in entries}
        return [
            {**entry, **counted(as_copy(originals[content]))}
            for (of_table, _, content), entry in self.entries.items()
            if of_table == table
            and entry["status"] == DONE
            and _is_copy(entry)
            and content in originals
            and key_of(originals[content]) != key_of(entry)
        ]

    def known_hashes(self) -> dict[tuple[str, int, datetime], str]:
        """Content hashes by path, size and modification time, so that files seen before are not read to tell that they are the same."""
        return {(e["source_file"], e["size_bytes"], e["modified_at"]): e["file_hash"] for e in self.entries.values() if e["status"] == DONE}

    def is_done(self, table: str, file: LandingFile, *, read: bool = False) -> bool:
        """read: whether a file that was only known to be a copy, and never opened, does not count."""
        entry = self.entries.get((table, file.path, file.file_hash))
        return entry is not None and entry["status"] == DONE and not (read and _is_copy(entry))

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
            **counted(counts),
            "key_id": self.key.id,
            "run_id": self.release.run_id,
            "seen_at": self.now,
        }

    def write(self, entries: Sequence[Entry]) -> None:
        """Add or replace entries, as one commit; nothing is written where nothing would change."""
        changed = [entry for entry in entries if _compared(self.entries.get(key_of(entry))) != _compared(entry)]
        if not changed:
            return
        frame = self.release.rows_of(FILES, changed)
        if any(key_of(entry) in self.entries for entry in changed):
            self.release.merge(frame, FILES)
        else:  # the run holds the warehouse's lock, so nobody else has added them meanwhile
            self.release.append(frame, FILES)
        self._remember(changed)
        # What this run completed is nobody's leftover any more: the same row in a later batch is a duplicate.
        self.begun = [entry for entry in self.begun if not self._is_over(entry)]

    def _is_over(self, begun: Entry) -> bool:
        entry = self.entries.get(key_of(begun), {})
        return entry.get("status") == DONE and not _is_copy(entry)

    def _remember(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self.entries[key_of(entry)] = entry
            if entry["status"] == DONE:
                self._contents.setdefault((entry["table_name"], entry["file_hash"]), entry)


class Announcements:
    """What a run is about to commit, as small files beside the tables, written whole before the first commit of a batch.

    A batch is several commits (rejected rows, each table, ops.files). A run that dies between them leaves its announcement, from which the next
    one knows which files were under way and which counts belong to a commit that it finds in a table's history.
    """

    def __init__(self, tables: RunTables, name: str = "_announced") -> None:
        self.release = tables
        self.folder = f"{tables.root}/ops/{name}"

    def write(self, batch_id: str, entries: Sequence[Entry]) -> None:
        name = batch_id.replace("/", "-")
        system, place = self.release.hadoop_path(f"{self.folder}/{name}.json")
        _, hidden = self.release.hadoop_path(f"{self.folder}/.{name}")
        stream = system.create(hidden, True)
        stream.write(json.dumps(list(entries), default=_isoformat).encode())
        stream.close()
        if not system.rename(hidden, place):  # appears whole
            raise OSError(f"{place} could not be written")

    def read(self) -> list[Entry]:
        """All announced entries, the oldest first; of one table, file and content there is one of each run that was killed over it."""
        system, folder = self.release.hadoop_path(self.folder)
        if not system.exists(folder):
            return []
        found: list[Entry] = []
        for status in sorted(system.listStatus(folder), key=lambda status: str(status.getPath().getName())):
            if str(status.getPath().getName()).endswith(".json"):
                stream = system.open(status.getPath())
                entries = json.loads(bytes(stream.readAllBytes()))
                stream.close()
                for entry in entries:
                    moments = {name: datetime.fromisoformat(entry[name]) for name in ("modified_at", "seen_at")}
                    found.append({**_UNCOUNTED, **entry, **moments})
        return sorted(found, key=lambda entry: entry["seen_at"])  # run ids need not sort by time

    def clear(self) -> None:
        system, folder = self.release.hadoop_path(self.folder)
        system.delete(folder, True)


def attempt(run_id: str, now: datetime) -> str:
    """What batches are named by: a step that is tried again under its run id must not take its first try's batches for its own. Sorts by time."""
    return f"{run_id}/{now.astimezone(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def _aware(entry: Entry) -> Entry:
    return {name: aware(value) if isinstance(value, datetime) else value for name, value in entry.items()}


def _isoformat(moment: datetime) -> str:
    return moment.isoformat()


def _is_copy(entry: Entry) -> bool:
    return entry["batch_id"] is None and entry["rows_read"] > 0 and entry["rows_accepted"] + entry["rows_rejected"] == 0


def _leaves_rows(entry: Entry | None) -> bool:
    return entry is not None and entry["status"] == QUARANTINED and entry["rows_rejected"] > 0


def left_out(entry: Entry) -> int:
    """Rows that the mapping left out; entries of before that column counted none, and did not take them for read."""
    return int(entry.get("rows_left_out") or 0)


def as_copy(original: Entry) -> Counts:
    """The counts of a file of the same content: all rows that are about the table are duplicates."""
    read, left = original["rows_read"], left_out(original)
    return Counts(read=read, duplicate=read - left, left_out=left)


def key_of(entry: Entry) -> Key:
    return (entry["table_name"], entry["source_file"], entry["file_hash"])


def _compared(entry: Entry | None) -> Entry | None:
    return None if entry is None else {k: v for k, v in entry.items() if k not in ("run_id", "seen_at", "modified_at")}
