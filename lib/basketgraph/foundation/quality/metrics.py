"""The figures behind the custom expectations: key duplicates, daily values, shifts of distributions and of medians. A Spark job each."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

USUAL, DISTRIBUTION, MEDIANS, LOOKED_UP = (
    "expect_metric_to_be_usual",
    "expect_distribution_to_be_steady",
    "expect_medians_to_be_steady",
    "expect_looked_up_values_to_meet",
)
NO_DAY = "all"  # where a metric is taken of the whole table
MOST_BUCKETS = 1000  # a distribution of more says little, and all of them come to the driver
WEEKDAYS = 7


def key_duplicates(frame: DataFrame, column_list: Sequence[str]) -> tuple[int, int]:
    """(rows, those of them whose key an earlier row has)."""
    copies = frame.groupBy(F.xxhash64(*column_list)).agg(F.count("*").alias("copies"))
    (counted,) = copies.agg(F.coalesce(F.sum("copies"), F.lit(0)), F.coalesce(F.sum(F.col("copies") - 1), F.lit(0))).collect()
    return int(counted[0]), int(counted[1])


def daily_values(frame: DataFrame, day: str | None, together: str) -> dict[str, dict[str, float | None]]:
    """Each metric on each day: {name: {YYYY-MM-DD: value}}; under `all` where there is no day column. together: JSON of name -> SQL aggregate."""
    metrics = json.loads(together)
    values = [F.expr(sql).cast("double").alias(f"metric_{number}") for number, sql in enumerate(metrics.values())]
    grouped = frame.groupBy(F.lit(NO_DAY).alias("day") if day is None else F.col(day).alias("day"))
    rows = grouped.agg(*values).where("day IS NOT NULL").collect()
    return {name: {str(row["day"]): row[f"metric_{number}"] for row in rows} for number, name in enumerate(metrics)}


def stability(before: Sequence[int], now: Sequence[int]) -> float:
    """Population stability index of two lists of counts, bucket by bucket, less what chance alone gives samples of these sizes.

    0 same shares; above 0.1 a shift, above 0.25 another distribution (Siddiqi 2006). Half a row is added to each bucket, so that none is empty.
    """
    used = [(b, n) for b, n in zip(before, now, strict=True) if b + n > 0]
    rows_before, rows_now = sum(b for b, _ in used), sum(n for _, n in used)
    if not rows_before or not rows_now:
        return 0.0
    shares = [((b + 0.5) / (rows_before + len(used) / 2), (n + 0.5) / (rows_now + len(used) / 2)) for b, n in used]
    chance = (len(used) - 1) * (1 / rows_before + 1 / rows_now)
    return max(0.0, sum((n - b) * math.log(n / b) for b, n in shares) - chance)


def shifts(frame: DataFrame, day: str, first_day: str, together: str) -> dict[str, tuple[float, int, int]]:
    """How far each distribution of the days from `first_day` on is from that of the same weekdays before.

    together: JSON of name -> SQL.
    returns:  name -> (index, rows of the new days, rows before).
    errors:   ValueError where a distribution has more than MOST_BUCKETS values.
    """
    buckets = json.loads(together)
    is_new = F.col(day) >= F.lit(first_day).cast("date")
    values = [F.struct(F.lit(name).alias("name"), F.expr(sql).cast("string").alias("bucket")) for name, sql in buckets.items()]
    rows = frame.select(is_new.alias("is_new"), F.weekday(day).alias("weekday"), F.inline(F.array(*values)))
    counted = rows.where("bucket IS NOT NULL").groupBy("name", "bucket", "weekday").agg(F.count_if("is_new"), F.count_if(~F.col("is_new")))
    counts: Any = counted.toDF("name", "bucket", "weekday", "now", "before").limit(WEEKDAYS * MOST_BUCKETS * len(buckets) + 1).toPandas()
    sizes = counts.groupby("name")["bucket"].nunique()
    if many := list(sizes.index[sizes > MOST_BUCKETS]):
        raise ValueError(f"{', '.join(many)}: want at most {MOST_BUCKETS} buckets, have more")
    compared = counts[counts["weekday"].isin(counts["weekday"][counts["now"] > 0])]
    shifted = {}
    for name in buckets:
        sums = compared[compared["name"] == name].groupby("bucket")[["before", "now"]].sum()
        before, now = sums["before"].tolist(), sums["now"].tolist()
        shifted[name] = (stability(before, now), sum(now), sum(before))
    return shifted


def median_shifts(frame: DataFrame, *, by: str, measure: str, day: str, first_day: str, least: int, factor: float) -> tuple[int, int]:
    """(groups with at least `least` rows before `first_day` and one since, those of them whose median moved by more than `factor` either way)."""
    is_new = F.col(day) >= F.lit(first_day).cast("date")
    measured = frame.select(F.col(by), is_new.alias("is_new"), F.expr(measure).cast("double").alias("measure")).where("measure > 0")
    # Measures are mostly prices, so the same ones over and over: medians are taken of values with their numbers.
    counted = measured.groupBy(by, "measure").agg(F.count_if("is_new").alias("rows_now"), F.count_if(~F.col("is_new")).alias("rows_before"))
    medians = counted.groupBy(by).agg(
        F.percentile("measure", 0.5, F.col("rows_now")).alias("now"),
        F.percentile("measure", 0.5, F.col("rows_before")).alias("before"),
        F.sum("rows_before").alias("rows_before"),
    )
    compared = medians.where(F.col("now").isNotNull() & (F.col("rows_before") >= least))
    moved = (F.col("now") > factor * F.col("before")) | (F.col("before") > factor * F.col("now"))
    (found,) = compared.agg(F.count("*"), F.count_if(moved)).collect()
    return int(found[0]), int(found[1])
