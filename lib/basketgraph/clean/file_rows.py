"""The rows of landing files under one table's rules: which are accepted and which rejected, and the counts of each file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pyspark import StorageLevel
from pyspark.sql import functions as F

from basketgraph.clean.deduplication import CHANGED, DUPLICATE, NEW, REFRESHED, RETRACTED, SUPERSEDED, key_hash
from basketgraph.clean.duplicate_keys import tally
from basketgraph.clean.landing_files import LandingFile
from basketgraph.clean.ledger import Counts
from basketgraph.clean.lineage import FileId
from basketgraph.clean.mapping import Source
from basketgraph.clean.raw_rows import FILE_NUMBER, not_text, without_text
from basketgraph.clean.transform import REFUSED, UNPARSABLE, TableRules, accepted_rows, mapped_rows, rejected_rows, silver_columns, with_line_numbers

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ByFile = dict[FileId, dict[str, int]]


class FileRows:
    """Rows of files, mapped and counted; frames that are read several times are in memory until `release_memory`. Writes nothing."""

    def __init__(
        self, rules: TableRules, source: Source, files: Sequence[LandingFile], raw: DataFrame, *, run_id: str, now: datetime, is_large: bool = False
    ) -> None:
        """raw: all rows of the files, as from `raw_rows.raw_rows`. is_large: whether repeated keys are searched for while rows are counted."""
        self.kept: list[DataFrame] = []
        self.rules, self.source, self.files, self.raw, self.run_id, self.now = rules, source, files, raw, run_id, now
        self.ids: list[FileId] = [(file.path, file.file_hash) for file in files]
        self.mapped = mapped_rows(raw, rules)
        self.tallied = self._tallied() if is_large else None
        self.about, self.bad, broken = self._counted()
        if broken:
            self.mapped = mapped_rows(without_text(raw, rules.files), rules)
            self.tallied = self._tallied() if is_large else None
            self.about, self.bad, _ = self._counted()
        self.left_out = self._left_out(raw)

    def keep(self, frame: DataFrame) -> DataFrame:
        self.kept.append(frame.persist(StorageLevel.MEMORY_AND_DISK))
        return frame

    def release_memory(self) -> None:
        for frame in self.kept:
            frame.unpersist()

    @property
    def good(self) -> dict[FileId, int]:
        """Rows without a reason to refuse them."""
        return {file: rows - self.bad[file] for file, rows in self.about.items()}

    def accepted_rows(self) -> DataFrame:
        return accepted_rows(self.mapped, self.rules, run_id=self.run_id, now=self.now)

    def rejected_rows(self) -> tuple[DataFrame | None, ByFile]:
        """(the rejected rows, None where there is none; their reasons by file)."""
        if not any(self.bad.values()):
            return None, {}
        rows = self.keep(rejected_rows(self.mapped, self.rules, run_id=self.run_id, now=self.now))
        reasons = counts_by_file(rows.select("source_file", "file_hash", F.explode("reasons").alias("reason")), "reason")
        torn = [file for id, file in zip(self.ids, self.files, strict=True) if UNPARSABLE in reasons.get(id, {})]
        return (self.keep(with_line_numbers(rows, self.rules, self.source, torn)) if torn else rows), reasons

    def counts_of(self, statuses: Mapping[FileId, Mapping[str, int]], reasons: Mapping[FileId, Mapping[str, int]]) -> dict[FileId, Counts]:
        """Each file's counts, from what became of its accepted rows. Raises RuntimeError where rows got lost in joins and windows, or doubled."""
        return {file: self._counts(file, statuses.get(file, {}), reasons.get(file, {})) for file in self.ids}

    def _counts(self, file: FileId, of_file: Mapping[str, int], reasons: Mapping[str, int]) -> Counts:
        good, bad, left_out = self.about[file] - self.bad[file], self.bad[file], self.left_out[file]
        if sum(of_file.values()) != good:
            cure = "if the table has a key twice, mend that first: docs/quality.md, When a run stopped"
            raise RuntimeError(f"{self.rules.table.name} from {file[0]}: {good} good rows, but {dict(of_file)}; {cure}")
        replaced, older, retracted = of_file.get(CHANGED, 0), of_file.get(SUPERSEDED, 0), of_file.get(RETRACTED, 0)
        return Counts(
            read=good + bad + left_out,
            accepted=of_file.get(NEW, 0) + replaced + older + retracted,
            rejected=bad,
            duplicate=of_file.get(DUPLICATE, 0) + of_file.get(REFRESHED, 0),
            superseded=replaced + older,
            by_reason=reasons,
            left_out=left_out,
            retracted=retracted,
        )

    def _broken(self) -> Column:
        return not_text(self.rules.files) if self.rules.files.format == "parquet" else F.lit(False)

    def _tallied(self) -> DataFrame:
        columns = silver_columns(self.rules, run_id=self.run_id, now=self.now)
        key = key_hash([columns[name] for name in self.rules.table.keys])
        return self.keep(tally(self.mapped, refused=F.col(REFUSED), broken=self._broken(), key=key))

    def _counted(self) -> tuple[dict[FileId, int], dict[FileId, int], bool]:
        """Rows about the table and refused ones by file, and whether rows of Parquet hold what is no text."""
        if self.tallied is not None:
            sums = [F.sum("rows").alias("read"), F.sum("refused").alias("bad"), F.sum("broken").alias("broken")]
            counted = self.tallied.where(F.col("file").isNotNull()).groupBy("file").agg(*sums)
        else:
            counts = [F.count("*").alias("read"), F.count_if(REFUSED).alias("bad"), F.count_if(self._broken()).alias("broken")]
            counted = self.mapped.groupBy(F.coalesce(FILE_NUMBER, F.lit(-1)).alias("file")).agg(*counts)
        found = {row["file"]: row for row in counted.collect()}
        if -1 in found:
            raise RuntimeError(f"{self.rules.table.name}: {found[-1]['read']} rows of files that were not in the listing")
        about = {file: found[number]["read"] if number in found else 0 for number, file in enumerate(self.ids)}
        bad = {file: found[number]["bad"] if number in found else 0 for number, file in enumerate(self.ids)}
        return about, bad, any(row["broken"] for row in found.values())

    def _left_out(self, raw: DataFrame) -> dict[FileId, int]:
        """Rows that are not about the table, by file. Of all rows nothing but their files is read; none is mapped for it."""
        if self.rules.mapped.where is None:
            return dict.fromkeys(self.about, 0)
        read = {row[FILE_NUMBER]: row["count"] for row in raw.groupBy(FILE_NUMBER).count().collect()}
        return {file: read.get(number, 0) - rows for number, (file, rows) in enumerate(self.about.items())}


def counts_by_file(rows: DataFrame, column: str) -> ByFile:
    """File -> value of a column -> rows."""
    found: ByFile = {}
    for row in rows.groupBy("source_file", "file_hash", column).count().collect():
        found.setdefault((row["source_file"], row["file_hash"]), {})[row[column]] = row["count"]
    return found
