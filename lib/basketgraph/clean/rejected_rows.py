"""Where in its file a refused line stands: told for those alone that are no rows, whose payload is not kept. Rows in, rows out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.clean.landing_files import LandingFile
from basketgraph.clean.lines import LINE
from basketgraph.clean.mapping import Source
from basketgraph.clean.raw_rows import HASH, unparsable_rows
from basketgraph.clean.transform import TableRules, mapped_rows, rejected_id

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def with_line_numbers(rejected: DataFrame, rules: TableRules, source: Source, landed: Sequence[LandingFile]) -> DataFrame:
    """Rejected rows, unparsable ones with the number of their line, the first of equal ones; null where lines cannot be told apart.

    landed: the files of unparsable rows. They are read once more, line by line; files without such rows are not.
    """
    lines = unparsable_rows(rejected.sparkSession, source, rules.files, landed)
    if lines is None:
        return rejected
    place = {"source_file": F.col("file_name"), "file_hash": F.col(HASH)}
    mapped = mapped_rows(lines, rules).select(rejected_id(rules).alias("rejected_id"), *[c.alias(name) for name, c in place.items()], LINE)
    keys = ["rejected_id", *place]
    numbers = mapped.groupBy(*keys).agg(F.min(LINE).alias("line_number"))
    return rejected.drop("line_number").join(numbers, on=keys, how="left").select(*rejected.columns)  # at most one row a key; they may be millions
