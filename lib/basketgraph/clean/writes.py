"""What a batch commits: the rows that it refuses, and the rows of each table, counted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

from basketgraph.clean.batch import Prepared
from basketgraph.clean.counts import summed
from basketgraph.clean.transform import REJECTED
from basketgraph.foundation.tables.warehouse import RunTables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = logging.getLogger("basketgraph")


def write_rejected(tables: RunTables, prepared: Sequence[Prepared], *, may_be_there: bool) -> bool:
    """Write the refused rows of all tables of a batch; returns whether there were any. may_be_there: a killed run may have written some of them."""
    rows = together([one.rejected for one in prepared])
    gone = together([one.no_longer_rejected for one in prepared])
    if rows is None and (gone is None or gone.isEmpty()):
        return False
    if may_be_there or gone is not None:
        tables.merge(tables.newest(REJECTED).limit(0) if rows is None else rows, REJECTED, replace=True, taken_out=gone)
    elif rows is not None:
        tables.append(rows, REJECTED)
    return True


def write_rows(tables: RunTables, one: Prepared, merging: threading.Lock) -> bool:
    """Write a table's rows, and count them; returns whether there were any. merging: held over a MERGE, which takes its note from the session.

    errors: RuntimeError where more or fewer rows went in than were judged, as where a file was replaced meanwhile; the commit is then taken back.
    """
    before = tables.read(one.table).count() if tables.exists(one.table) else 0
    if one.rows is not None and one.first_load:
        tables.append(one.rows, one.table, batch_id=one.batch_id)
    elif one.rows is not None:
        with merging:
            tables.merge(
                one.rows,
                one.table,
                batch_id=one.batch_id,
                prune_by=one.prune_by,
                prune_also=one.moved_from,
                also_compared=("source_time",),
            )
    total = summed(one.counts.values())
    after = tables.read(one.table).count() if tables.exists(one.table) else 0
    if after - before != total.accepted - total.superseded:
        what = "they are taken out again" if _taken_back(tables, one) else "somebody else has written since"
        raise RuntimeError(f"{one.table}: {total.accepted - total.superseded} rows should have been added, but {after - before} were; {what}")
    counted = (total.read, total.accepted, total.rejected, total.duplicate, total.left_out)
    log.info("%s: %d read, %d accepted, %d rejected, %d duplicates, %d left out", one.table, *counted)
    return one.rows is not None


def _taken_back(tables: RunTables, one: Prepared) -> bool:
    """Undo the batch's commit, where it is the table's newest: the next run would find it in the history, and believe what was announced."""
    newest = next(iter(tables.history(one.table, 1)), None)
    if newest is None or newest["batch_id"] != one.batch_id:
        return False
    tables.restore(one.table, newest["version"] - 1)
    return True


def together(frames: Sequence[DataFrame | None]) -> DataFrame | None:
    """The frames that are there as one, in few files; None where there is none."""
    there = [frame for frame in frames if frame is not None]
    return reduce(lambda a, b: a.unionByName(b), there).coalesce(2) if there else None
