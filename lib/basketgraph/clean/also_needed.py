"""Which files beside those that a replay has chosen bear on what it gives, so that they are read again with them."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.clean.deduplication import CONTENT, HAD, HAD_CONTENT, HAD_TIME, STATUS, WRITTEN, content_hash
from basketgraph.clean.lineage import files_of
from basketgraph.clean.transform import REFUSED, accepted_rows, mapped_rows, rejected_id, silver_rows
from basketgraph.foundation.config import UserError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from basketgraph.clean.again import TableAgain, View
    from basketgraph.clean.lineage import FileId

log = logging.getLogger("basketgraph")
TIME_NOW, CONTENT_NOW = "__time_now", "__content_now"  # of what the chosen files say of a key now; null where they say nothing of it any more


def also_needed(again: TableAgain, view: View, judged: DataFrame, chosen: frozenset[FileId]) -> frozenset[FileId]:
    """Files beside the chosen ones whose rows bear on the result.

    judged:  the chosen files' rows, as from `judged_again`.
    returns: all others where keys are made in another way than before. Else those with a row that wins now, since what the chosen files gave goes,
             has become older, or is as old and another one; and those with a row among the rejected ones that the chosen files accept.
             The former are looked for in all files that may share a key with the chosen ones, of which there are none where no row came twice.
             A mended expression makes all rows as old and other ones, so it has those files looked through; only they are read once more for it.
    errors:  UserError where all files are needed and one of those that the table has rows of is gone.
    """
    others = set(again.entries) - chosen
    if not others:
        return frozenset()
    gone = again.keep(view.owned.select(*again.keys).join(judged.select(*again.keys), on=again.keys, how="left_anti"))
    if _made_otherwise(again, view, gone):
        _refuse_unless_present(again, view, others)
        return frozenset(others & set(again.present))
    needed: set[FileId] = set()
    sharing = _may_share(again, chosen)
    if sharing:
        needed |= _with_winners(again, again.keep(_weakened(again, gone, judged)), sharing)
    if not view.kept_rejected.isEmpty():
        ids = view.mapped.where(~F.col(REFUSED)).select(rejected_id(again.rules).alias("rejected_id"))
        needed |= files_of(view.kept_rejected.join(ids, on="rejected_id", how="left_semi")) & set(again.present)
    return frozenset(needed - chosen)


def _made_otherwise(again: TableAgain, view: View, gone: DataFrame) -> bool:
    """Whether the table has keys of files that none of their lines has under the present mapping, be it refused or left out by `where`.

    Where the table has no row of the chosen files, another one that it has rows of is asked, the smallest.
    """
    if not gone.isEmpty():
        return not _keys_of_no_line(again, gone, view.raw).isEmpty()
    if not view.owned.isEmpty():
        return False
    owners = files_of(view.kept)  # not files that gave rows once: what a file gave may be another one's by now
    there = owners & set(again.present)
    if not there:
        if owners:
            log.warning(
                "%s: all files that it has rows of are gone; whether keys are made in another way than before cannot be told", again.table.name
            )
        return False
    file = frozenset([min(there, key=lambda one: (again.entries[one]["size_bytes"], one))])
    theirs = view.kept.join(again.ids(file), on=["source_file", "file_hash"], how="left_semi")  # one row a file on the right
    return not _keys_of_no_line(again, theirs.select(*again.keys), again.raw(file)).isEmpty()


def _keys_of_no_line(again: TableAgain, keys: DataFrame, raw: DataFrame) -> DataFrame:
    anyway = replace(again.rules, mapped=again.rules.mapped.model_copy(update={"where": None}))
    lines = silver_rows(mapped_rows(raw, anyway), anyway, run_id=again.release.run_id, now=again.now)
    return keys.join(lines.select(*again.keys), on=again.keys, how="left_anti")


def _refuse_unless_present(again: TableAgain, view: View, others: set[FileId]) -> None:
    missing = sorted({path for path, _ in files_of(view.kept) - set(again.present)})
    if missing:
        have = [f"{path}: gone, or no longer readable" for path in missing]
        want = f"{again.table.name}: keys ({', '.join(again.keys)}) are made in another way than before: want all files, so that no row gets two"
        raise UserError(want, have, "Deliver those files again, undo the change of the key (or of `where`), or start a fresh warehouse.")


def _may_share(again: TableAgain, chosen: frozenset[FileId]) -> set[FileId]:
    """Other files that may have delivered a key of the chosen ones: whichever of two was read later has duplicates or superseded rows."""

    def shares(file: FileId) -> bool:
        return bool(again.entries[file]["rows_duplicate"] + again.entries[file]["rows_superseded"])

    others = set(again.entries) - chosen
    return others if any(shares(file) for file in chosen) else {file for file in others if shares(file)}


def _weakened(again: TableAgain, gone: DataFrame, judged: DataFrame) -> DataFrame:
    """Keys of which the chosen files gave the table a row that is now gone, older, or as old and another one; with TIME_NOW and CONTENT_NOW."""
    older = F.col("source_time") < F.col(HAD_TIME)
    another = (F.col("source_time") == F.col(HAD_TIME)) & (F.col(CONTENT) != F.col(HAD_CONTENT))
    weaker = judged.where(F.col(HAD) & F.col(STATUS).isin(*WRITTEN) & (older | another))
    nothing = gone.withColumns({TIME_NOW: F.lit(None).cast("timestamp"), CONTENT_NOW: F.lit(None).cast("bigint")})
    return nothing.unionByName(weaker.select(*again.keys, F.col("source_time").alias(TIME_NOW), F.col(CONTENT).alias(CONTENT_NOW)))


def _with_winners(again: TableAgain, weakened: DataFrame, sharing: set[FileId]) -> set[FileId]:
    """Those of `sharing` with a row of such a key that is newer than what is left of it, or as new and wins the tie."""
    if weakened.isEmpty():
        return set()
    readable = sharing & set(again.present)
    if readable != sharing:
        log.warning("%s: %d files are gone; what they say about the rows that go cannot be looked up", again.table.name, len(sharing - readable))
    if not readable:
        return set()
    rules = again.rules
    theirs = accepted_rows(mapped_rows(again.raw(readable), rules), rules, run_id=again.release.run_id, now=again.now)
    theirs = theirs.withColumn(CONTENT, content_hash(rules.values)).join(weakened, on=again.keys, how="inner")  # one row a key on the right
    counts = F.lit(rules.mapped.version is not None) | (F.col(CONTENT) != F.col(CONTENT_NOW))  # of versions, a newer equal one counts, too
    later = (F.col("source_time") > F.col(TIME_NOW)) & counts
    tie = (F.col("source_time") == F.col(TIME_NOW)) & (F.col(CONTENT) > F.col(CONTENT_NOW))
    return files_of(theirs.where(F.col(TIME_NOW).isNull() | later | tie))
