"""The leak check: no row that a model is trained on may be at or after its cut."""

from collections.abc import Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DateType, TimestampType

from basketgraph.foundation.point_in_time import known_before


class LeakError(Exception):
    """Training rows are at or after the cut. The pipeline stops, and the last release stays live."""

    exit_code = 3


def check_no_leak(
    frame: DataFrame,
    *,
    cut: date,
    columns: Sequence[str] = ("last_date",),
    what: str,
    time_zone: str | None = None,
) -> None:
    """Raise LeakError unless every row is before the cut in every named column; one Spark job.

    frame:   rows that a model is trained on, such as edges.
    cut:     a day of the shop, from its local midnight on.
    columns: date columns (shop-local days), or timestamp columns (UTC instants), which need the shop's `time_zone`.
             A null is a leak: when the row became known cannot be told.
    what:    the table's name, for the message.
    """
    late = {column: _is_late(frame, column, cut, time_zone) for column in columns}
    rows = frame.agg(*(F.count_if(is_late).alias(column) for column, is_late in late.items())).collect()[0]
    faults = [
        f"  {column}: want every row before {cut}, have {rows[column]} rows at or after it or without a time" for column in columns if rows[column]
    ]
    if faults:
        raise LeakError("\n".join([f"{what}: rows from the future of the cut {cut}", *faults]))


def check_cut(events: DataFrame, kept: DataFrame, edges: DataFrame, *, cut: date, time_zone: str) -> None:
    """Raise LeakError unless the edges of a cut, and the rows that they are made of, are before it.

    events: silver.events rows of any day.   kept: gold.kept_purchases rows.   edges: gold.interactions rows of the cut, as written.
    """
    # Instants are checked, too: days of another time zone would let the first hours after the cut in.
    past = events.where(F.col("event_date") < F.lit(cut))
    check_no_leak(past, cut=cut, columns=["event_date", "event_time"], what="silver.events", time_zone=time_zone)
    known = known_before(kept, cut)
    check_no_leak(known, cut=cut, columns=["valid_from", "cancelled_at"], what="gold.kept_purchases", time_zone=time_zone)
    check_no_leak(edges, cut=cut, columns=["first_date", "last_date"], what="gold.interactions")


def _is_late(frame: DataFrame, column: str, cut: date, time_zone: str | None) -> Column:
    """True where the row is at or after the cut, or its time is null."""
    kind = frame.schema[column].dataType
    if isinstance(kind, DateType):
        return ~F.coalesce(F.col(column) < F.lit(cut), F.lit(False))
    if isinstance(kind, TimestampType) and time_zone is not None:
        midnight = datetime.combine(cut, time(), ZoneInfo(time_zone))
        return ~F.coalesce(
            F.unix_micros(column) < F.lit(int(midnight.timestamp()) * 1_000_000),
            F.lit(False),
        )
    raise TypeError(f"{column}: want a date, or a timestamp and the shop's time_zone, have {kind.simpleString()} and {time_zone}")
