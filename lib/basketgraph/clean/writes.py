"""What a batch commits: the rows that it refuses, and the rows of each table, counted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import reduce
from typing import Any

from basketgraph.clean.batch import Prepared
from basketgraph.clean.counts import summed
from basketgraph.clean.transform import REJECTED
from basketgraph.foundation.tables.warehouse import RunTables

log = logging.getLogger("basketgraph")


def write_rejected(tables: RunTables, prepared: Sequence[Prepared]) -> bool:
    """Write the rejected rows of all tables of a batch; returns whether there were any."""
    frames = [one.rejected for one in prepared if one.rejected is not None]
    if frames:
        rows = reduce(lambda a, b: a.unionByName(b), frames).coalesce(2)  # few files
        tables.append(rows, REJECTED, batch_id=f"{prepared[0].batch_id}/{REJECTED}")
    return bool(frames)


def write_rows(tables: RunTables, one: Prepared, merging: threading.Lock) -> bool:
    """Write a table's rows, and count them; returns whether there were any. merging: held over a MERGE, which takes its note from the session.

    errors: RuntimeError where more or fewer rows went in than were judged, as where a file was replaced meanwhile; the commit is then taken back.
    """
    before = tables.read(one.table).count() if tables.exists(one.table) else 0
    note = f"{one.batch_id}/{one.table}"
    if one.rows is not None and one.first_load:
        tables.append(one.rows, one.table, batch_id=note)
    elif one.rows is not None:
        pruned: dict[str, Any] = {"prune_by": one.prune_by, "prune_also": one.moved_from}
        with merging:
            tables.merge(one.rows, one.table, batch_id=note, taken_out=one.taken_out, also_compared=("source_time",), **pruned)
    after = tables.read(one.table).count() if tables.exists(one.table) else 0
    if after - before != one.rows_added:
        what = "they are taken out again" if _taken_back(tables, one.table, note) else "somebody else has written since"
        raise RuntimeError(f"{one.table}: {one.rows_added} rows should have been added, but {after - before} were; {what}")
    total = summed(one.counts.values())
    counted = (total.read, total.accepted, total.rejected, total.duplicate, total.left_out)
    log.info("%s: %d read, %d accepted, %d rejected, %d duplicates, %d left out", one.table, *counted)
    return one.rows is not None


def _taken_back(tables: RunTables, table: str, note: str) -> bool:
    """Undo the batch's commit, where it is the table's newest."""
    newest = next(iter(tables.history(table, 1)), None)
    if newest is None or newest["batch_id"] != note:
        return False
    tables.restore(table, newest["version"] - 1)
    return True
