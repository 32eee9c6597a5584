"""From a row back to its landing file and run, through its versions, and on to the days and releases that it went into. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.clean.file_validation import JAVA_ERRORS
from basketgraph.clean.ledger import DONE, FILES
from basketgraph.clean.transform import REJECTED
from basketgraph.foundation.config import UserError
from basketgraph.foundation.contracts import Contract, contract
from basketgraph.foundation.tables.warehouse import Warehouse, releases

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

EVENTS, DAYS, RUNS = "silver.events", "gold.user_days", "ops.runs"
RELEASES_SHOWN = 30  # newest first; older ones may have lost their files
Rows = list[dict[str, Any]]


def trace(warehouse: Warehouse, given: str, table: str = EVENTS) -> dict[str, Any]:
    """Everything the warehouse knows of one row.

    given:   the row's key; of several key columns, their values with a slash between them. A rejected_id is found whatever `table` says.
    returns: table, key, row (None where it was taken out), file, run, commits, versions, user_days, releases, and retracted_by: of a row that was
             taken out since a newer version of it was refused, that version's rejected_id, reasons, source_file, source_time and run_id.
    errors:  UserError where no row of this key is, or was as far back as versions are kept.
    """
    found = _found(warehouse, given, table) if _has_key(contract(table), given) else None
    refused = _refused(warehouse, given, table) if found is None and table != REJECTED else None
    if found is None and table != REJECTED and (rejected := _found(warehouse, given, REJECTED)):
        table, found = REJECTED, rejected
    matches = _matches(contract(table), given)
    versions = _versions(warehouse, table, matches) if warehouse.exists(table) else []
    if found is None and not versions and refused is not None:  # no version of it was ever in the table, or none is told
        return trace(warehouse, refused["rejected_id"], REJECTED)
    if found is None and not versions:
        want = f"want a key ({', '.join(contract(table).keys)}) of {table}, or a rejected_id of {REJECTED}"
        cure = "Name the right table with --table, or the right warehouse."
        raise UserError(f"trace: no such row in {warehouse.root}", [f"{want}, have {given}"], cure)
    row = found or versions[-1]["row"]
    terms = contract(table)
    return {
        "table": table,
        "key": {name: row[name] for name in terms.keys},
        "row": found,
        "file": _file(warehouse, row.get("table_name", table), row),
        "run": _run(warehouse, row.get("run_id")),
        "commits": [one for one in warehouse.history(table) if str(one["batch_id"]).startswith(f"{row.get('run_id')}/")],
        "versions": [{name: value for name, value in one.items() if name != "row"} for one in versions],
        "retracted_by": refused if found is None else None,
        "user_days": _user_days(warehouse, found) if found and table == EVENTS else [],
        "releases": _releases(warehouse, terms, given, row),
    }


def _has_key(terms: Contract, given: str) -> bool:
    """Whether it has as many parts as the table's key has columns."""
    return given.count("/") >= len(terms.keys) - 1


def _matches(terms: Contract, given: str) -> Column:
    parts = given.split("/", maxsplit=len(terms.keys) - 1)
    if not _has_key(terms, given):
        raise UserError(f"trace: {terms.name} has rows by {', '.join(terms.keys)}", [f"want {'/'.join(terms.keys)}, have {given}"])
    condition = F.lit(True)
    for name, part in zip(terms.keys, parts, strict=True):
        condition &= F.col(name).cast("string") == part
    return condition


def _found(warehouse: Warehouse, given: str, table: str) -> dict[str, Any] | None:
    rows = warehouse.newest(table).where(_matches(contract(table), given)).limit(1).collect()
    return rows[0].asDict(recursive=True) if rows else None


def _refused(warehouse: Warehouse, given: str, table: str) -> dict[str, Any] | None:
    """The newest refused version of a row, which takes older ones out of the table."""
    key = F.array(*[F.lit(part) for part in given.split("/", maxsplit=len(contract(table).keys) - 1)])
    rows = warehouse.newest(REJECTED).where((F.col("table_name") == table) & (F.col("refused_key") == key)).orderBy(F.desc("source_time"))
    shown = rows.select("rejected_id", "reasons", "source_file", "source_time", "run_id").limit(1).collect()
    return shown[0].asDict(recursive=True) if shown else None


def _file(warehouse: Warehouse, table: str, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The landing file as ops.files has it, and other files of the same content. None for rows that came from no file."""
    if "source_file" not in row or not warehouse.exists(FILES):
        return None
    entries = [e.asDict() for e in warehouse.newest(FILES).where((F.col("table_name") == table) & (F.col("status") == DONE)).collect()]
    of_path = [entry for entry in entries if entry["source_file"] == row["source_file"]]
    if not of_path:
        return {"path": row["source_file"], "status": "not in ops.files"}
    entry = max(of_path, key=lambda e: (e["file_hash"] == row["file_hash"], e["seen_at"]))
    same = sorted(e["source_file"] for e in entries if e["file_hash"] == entry["file_hash"] and e["source_file"] != entry["source_file"])
    return {
        "path": entry["source_file"],
        "sha256": entry["file_hash"],
        "size_bytes": entry["size_bytes"],
        "modified_at": entry["modified_at"],
        "status": entry["status"],
        "picked_up_at": entry["seen_at"],
        "picked_up_by": entry["run_id"],
        "rows": {name: entry[f"rows_{name}"] for name in ("read", "accepted", "rejected", "duplicate", "left_out", "superseded", "retracted")},
        "same_content": same,
    }


def _run(warehouse: Warehouse, run_id: str | None) -> dict[str, Any] | None:
    if run_id is None:
        return None
    rows = warehouse.newest(RUNS).where(F.col("run_id") == run_id).orderBy("started_at").collect()
    columns = ("step", "pipeline", "status", "started_at", "finished_at", "fingerprint")
    return {"run_id": run_id, "steps": [{name: row[name] for name in columns} for row in rows]}


def _versions(warehouse: Warehouse, table: str, matches: Column) -> Rows:
    """What happened to the row, oldest first: [{version, at, what: inserted | updated | deleted, changed: {column: [was, is]}, row}].

    From the change data feed, as far back as its files are kept; empty for tables without one.
    """
    if not contract(table).custom.changeDataFeed:
        return []
    for since in warehouse.feed_starts(table):
        try:
            changes = [row.asDict(recursive=True) for row in warehouse.changes(table, since).where(matches).collect()]
        except JAVA_ERRORS:  # files of so old a version are vacuumed
            continue
        return _told(changes, contract(table))
    return []


def _told(changes: Sequence[Mapping[str, Any]], terms: Contract) -> Rows:
    words = {"insert": "inserted", "update_postimage": "updated", "delete": "deleted"}
    before: dict[int, Mapping[str, Any]] = {row["_commit_version"]: row for row in changes if row["_change_type"] == "update_preimage"}
    told = []
    for row in sorted(changes, key=lambda row: (row["_commit_version"], row["_change_type"])):
        if row["_change_type"] in words:
            was = before.get(row["_commit_version"], row) if row["_change_type"] == "update_postimage" else row
            told.append(
                {
                    "version": row["_commit_version"],
                    "at": row["_commit_timestamp"],
                    "what": words[row["_change_type"]],
                    "run_id": row.get("run_id"),
                    "source_file": row.get("source_file"),
                    "changed": {name: [was.get(name), row.get(name)] for name in terms.compared_columns if was.get(name) != row.get(name)},
                    "row": {name: row.get(name) for name in terms.columns},
                }
            )
    return told


def _user_days(warehouse: Warehouse, row: Mapping[str, Any]) -> Rows:
    """The rows of gold.user_days that this event is counted in; a cancellation is in none."""
    if row["event_type"] != "purchase" or not warehouse.exists(DAYS):
        return []
    days = warehouse.newest(DAYS).where(
        (F.col("user_id") == (row["user_id"] or row.get("visitor_id"))) & (F.col("event_date") == F.lit(row["event_date"]))
    )
    return [day.asDict() for day in days.select("user_id", "event_date", "orders", "lines", "amount_minor").collect()]


def _releases(warehouse: Warehouse, terms: Contract, given: str, row: Mapping[str, Any]) -> Rows:
    """The newest releases, and whether the row is in the version that each names."""
    rows = releases(warehouse)[:RELEASES_SHOWN]
    matches = _matches(terms, given)
    day = terms.day_column
    layout = {} if day is None or row.get(day) is None else {day: row[day]}
    shows: dict[int, bool | None] = {}
    told = []
    for number, release in enumerate(rows):
        version = release["versions"].get(terms.name)
        if version is not None and version not in shows:
            shows[version] = _is_there(warehouse, terms.name, version, matches, layout)
        has = shows.get(version, False) if version is not None else False
        told.append({"release": release["release"], "published_at": release["published_at"], "version": version, "live": number == 0, "shows": has})
    return told


def _is_there(warehouse: Warehouse, table: str, version: int, matches: Column, layout: Mapping[str, Any]) -> bool | None:
    """None where the version's files are gone. layout: values of the columns that the table lies by, which skip most files."""
    try:
        rows: DataFrame = warehouse.read_version(table, version).where(matches)
        near = rows
        for name, value in layout.items():
            near = near.where(F.col(name) == F.lit(value))
        return not near.isEmpty() or (bool(layout) and not rows.isEmpty())  # a corrected row may have lain elsewhere
    except JAVA_ERRORS:
        return None
