"""Until when a row of a history holds: up to the next one of the same item or user. Rows in, rows out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def with_valid_to(rows: DataFrame, keys: Sequence[str]) -> DataFrame:
    """`valid_to` of each row: the next `valid_from` of the same entity, null for the last."""
    entity = [key for key in keys if key != "valid_from"]
    following = Window.partitionBy(*entity).orderBy("valid_from")
    return rows.withColumn("valid_to", F.lead("valid_from").over(following))


def with_neighbours(rows: DataFrame, there: DataFrame, taken_out: DataFrame, keys: Sequence[str]) -> DataFrame:
    """A history's rows with `valid_to`, and the table's rows beside them whose `valid_to` changes.

    rows: what is written. there: the table. taken_out: keys whose rows leave the table.
    """
    entity = [key for key in keys if key != "valid_from"]
    written = rows.select(*keys).unionByName(taken_out.select(*keys))
    others = there.join(written.select(*entity).distinct(), on=entity, how="left_semi").join(written, on=list(keys), how="left_anti")
    mine = rows.withColumns({"__was": F.lit(None).cast("date"), "__mine": F.lit(True)})
    whole = mine.unionByName(others.withColumns({"__was": F.col("valid_to"), "__mine": F.lit(False)}))
    found = with_valid_to(whole, keys)
    return found.where(F.col("__mine") | ~F.col("valid_to").eqNullSafe(F.col("__was"))).select(*rows.columns)
