"""Expectations of our own, made the way Great Expectations documents, where its vocabulary has none, or where its own would cost a job each.

expect_column_values_to_meet:           `condition`, in SQL over all columns of the row, is true wherever `column` is not null; shares the one pass.
expect_looked_up_values_to_meet:        the same, with `found` in it: what `take` (an SQL aggregate) gives of the rows of `table` that agree in `keys`
                                        with the row's `column_list`, null where there are none. The look-up is joined before GX sees the rows.
expect_key_to_be_unique:                no two rows agree in all of `column_list`; by 64-bit hash, so that a false alarm at a million rows has odds of
                                        1 in a million million.
expect_metric_to_be_usual:              `metric` (an SQL aggregate), taken for each `day`, is as it usually is on such a weekday (basketgraph.usual).
expect_distribution_to_be_steady:       the shares of the values of `bucket` (SQL) on the new days are as on the same weekdays of the days before.
expect_medians_to_be_steady:            the median of `measure` (SQL) of each `by` on the new days is within `factor` of its median of the days
                                        before.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.usual import Judgement, Limits, worst

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

USUAL, DISTRIBUTION, MEDIANS, LOOKED_UP = (
    "expect_metric_to_be_usual",
    "expect_distribution_to_be_steady",
    "expect_medians_to_be_steady",
    "expect_looked_up_values_to_meet",
)
NO_DAY = "all"  # where a metric is taken of the whole table
MOST_BUCKETS = 1000


def daily_values(frame: DataFrame, day: str | None, metrics: Mapping[str, str]) -> dict[str, dict[str, float | None]]:
    """Each metric (name -> SQL aggregate) on each day: {name: {YYYY-MM-DD: value}}; under `all` where there is no day column. One Spark job."""
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


def shifts(frame: DataFrame, day: str, first_day: str, buckets: Mapping[str, str]) -> dict[str, tuple[float, int, int]]:
    """How far each distribution (name -> SQL) of the days from `first_day` on is from that of the same weekdays before: name -> (index, rows of
    the new days, rows before). One Spark job.
    """
    is_new = F.col(day) >= F.lit(first_day).cast("date")
    values = [F.struct(F.lit(name).alias("name"), F.expr(sql).cast("string").alias("bucket")) for name, sql in buckets.items()]
    rows = frame.select(is_new.alias("is_new"), F.weekday(day).alias("weekday"), F.inline(F.array(*values)))
    counted = rows.where("bucket IS NOT NULL").groupBy("name", "bucket", "weekday").agg(F.count_if("is_new"), F.count_if(~F.col("is_new")))
    found: dict[str, dict[str, list[int]]] = {name: {} for name in buckets}
    counts = counted.toDF("name", "bucket", "weekday", "now", "before").collect()
    weekdays = {row.weekday for row in counts if row.now}
    for row in counts:
        if row.weekday in weekdays:
            both = found[row["name"]].setdefault(row.bucket, [0, 0])
            both[0] += row.before
            both[1] += row.now
    told = {}
    for name, by_bucket in found.items():
        before, now = [b for b, _ in by_bucket.values()], [n for _, n in by_bucket.values()]
        told[name] = (stability(before, now), sum(now), sum(before))
    return told


def median_shifts(frame: DataFrame, *, by: str, measure: str, day: str, first_day: str, least: int, factor: float) -> tuple[int, int]:
    """(groups with at least `least` rows before `first_day` and one since, those of them whose median moved by more than `factor` either way)."""
    is_new = F.col(day) >= F.lit(first_day).cast("date")
    measured = frame.select(F.col(by), is_new.alias("is_new"), F.expr(measure).cast("double").alias("measure")).where("measure > 0")
    medians = measured.groupBy(by).agg(
        F.median(F.when(F.col("is_new"), F.col("measure"))).alias("now"),
        F.median(F.when(~F.col("is_new"), F.col("measure"))).alias("before"),
        F.count_if(~F.col("is_new")).alias("rows_before"),
    )
    compared = medians.where(F.col("now").isNotNull() & (F.col("rows_before") >= least))
    moved = (F.col("now") > factor * F.col("before")) | (F.col("before") > factor * F.col("now"))
    (counted,) = compared.agg(F.count("*"), F.count_if(moved)).collect()
    return int(counted[0]), int(counted[1])


def judged_metric(values: Mapping[str, float | None], days: Sequence[str], limits: Mapping[str, Any], missing: float | None) -> dict[str, Any]:
    """The result of expect_metric_to_be_usual: values by day, with history, judged on `days`."""
    known = {date.fromisoformat(day): value for day, value in values.items() if day != NO_DAY}
    terms = Limits(**limits)
    found, unusual = worst(known, [date.fromisoformat(day) for day in days], terms, missing=missing)
    return {"success": not unusual, "result": {"observed_value": None if found is None else found.value, "judgement": _plain(found, len(unusual))}}


def _plain(found: Judgement | None, unusual: int) -> dict[str, Any] | None:
    return None if found is None else {**vars(found), "day": found.day.isoformat(), "unusual": unusual}


def register_own_terms() -> None:
    from great_expectations.core.metric_domain_types import MetricDomainTypes
    from great_expectations.execution_engine import SparkDFExecutionEngine
    from great_expectations.expectations.expectation import BatchExpectation, ColumnMapExpectation
    from great_expectations.expectations.metrics.map_metric_provider import ColumnMapMetricProvider, column_condition_partial
    from great_expectations.expectations.metrics.metric_provider import metric_value
    from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

    def table_frame(execution_engine: Any, domain: Any) -> DataFrame:
        frame: DataFrame
        frame, _, _ = execution_engine.get_compute_domain(domain, domain_type=MetricDomainTypes.TABLE)
        return frame

    class ColumnValuesMeet(ColumnMapMetricProvider):  # type: ignore[misc]
        condition_metric_name = "column_values.meet"
        condition_value_keys = ("condition",)

        @column_condition_partial(engine=SparkDFExecutionEngine)  # type: ignore[untyped-decorator]
        def _spark(cls, column: Column, condition: str, **_: Any) -> Column:
            return F.coalesce(F.expr(condition), F.lit(False))

    class ExpectColumnValuesToMeet(ColumnMapExpectation):  # type: ignore[misc]
        condition: str
        map_metric = "column_values.meet"
        success_keys = ("condition", "mostly")

    class ExpectLookedUpValuesToMeet(ExpectColumnValuesToMeet):
        """`column` is the first of `column_list`; `condition` names what was joined."""

        column_list: list[str]
        table: str
        keys: list[str]
        take: str
        where: str | None = None

    class KeyDoubles(TableMetricProvider):  # type: ignore[misc]
        metric_name = "table.key_doubles"
        value_keys = ("column_list",)

        @metric_value(engine=SparkDFExecutionEngine)  # type: ignore[untyped-decorator]
        def _spark(cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any) -> list[int]:
            frame = table_frame(execution_engine, metric_domain_kwargs)
            copies = frame.groupBy(F.xxhash64(*metric_value_kwargs["column_list"]).alias("key")).agg(F.count("*").alias("copies"))
            (counted,) = copies.agg(F.coalesce(F.sum("copies"), F.lit(0)), F.coalesce(F.sum(F.col("copies") - 1), F.lit(0))).collect()
            return [int(count) for count in counted]

    class ExpectKeyToBeUnique(BatchExpectation):  # type: ignore[misc]
        column_list: list[str]
        metric_dependencies = ("table.key_doubles",)
        success_keys = ("column_list",)
        domain_keys = ("batch_id",)

        def _validate(self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None) -> dict[str, Any]:
            rows, doubles = metrics["table.key_doubles"]
            return {"success": doubles == 0, "result": {"element_count": rows, "unexpected_count": doubles}}

    class DailyValues(TableMetricProvider):  # type: ignore[misc]
        metric_name = "table.daily_values"
        value_keys = ("day", "together")

        @metric_value(engine=SparkDFExecutionEngine)  # type: ignore[untyped-decorator]
        def _spark(cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any) -> dict[str, dict[str, float | None]]:
            frame = table_frame(execution_engine, metric_domain_kwargs)
            return daily_values(frame, metric_value_kwargs["day"], json.loads(metric_value_kwargs["together"]))

    class ExpectMetricToBeUsual(BatchExpectation):  # type: ignore[misc]
        """`together`, `history`, `days`, `limits` and `place` are filled in by the run: metrics of one table are computed together."""

        metric: str
        day: str | None = None
        missing: float | None = None
        weekly: bool = True
        least: float = 0.0
        together: str
        history: str
        days: list[str]
        limits: str
        place: str
        metric_dependencies = ("table.daily_values",)
        success_keys = ("day", "together")
        domain_keys = ("batch_id",)

        def _validate(self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None) -> dict[str, Any]:
            daily = metrics["table.daily_values"][self.place]
            if self.day is None:  # the table as it is today
                daily = {day: daily.get(NO_DAY) for day in self.days}
            told = judged_metric({**json.loads(self.history), **daily}, self.days, json.loads(self.limits), self.missing)
            told["result"]["daily"] = daily
            return told

    class Shifts(TableMetricProvider):  # type: ignore[misc]
        metric_name = "table.shifts"
        value_keys = ("day", "first_day", "together")

        @metric_value(engine=SparkDFExecutionEngine)  # type: ignore[untyped-decorator]
        def _spark(cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any) -> dict[str, tuple[float, int, int]]:
            frame = table_frame(execution_engine, metric_domain_kwargs)
            return shifts(frame, metric_value_kwargs["day"], metric_value_kwargs["first_day"], json.loads(metric_value_kwargs["together"]))

    class ExpectDistributionToBeSteady(BatchExpectation):  # type: ignore[misc]
        """`together`, `first_day` and `place` are filled in by the run."""

        bucket: str
        day: str
        max_index: float
        window_days: int
        together: str
        first_day: str
        place: str
        metric_dependencies = ("table.shifts",)
        success_keys = ("day", "first_day", "together")
        domain_keys = ("batch_id",)

        def _validate(self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None) -> dict[str, Any]:
            index, now, before = metrics["table.shifts"][self.place]
            compared = bool(now and before)
            return {"success": not compared or index <= self.max_index, "result": {"observed_value": index if compared else None}}

    class MedianShifts(TableMetricProvider):  # type: ignore[misc]
        metric_name = "table.median_shifts"
        value_keys = ("by", "measure", "day", "first_day", "least", "factor")

        @metric_value(engine=SparkDFExecutionEngine)  # type: ignore[untyped-decorator]
        def _spark(cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any) -> tuple[int, int]:
            return median_shifts(table_frame(execution_engine, metric_domain_kwargs), **metric_value_kwargs)

    class ExpectMediansToBeSteady(BatchExpectation):  # type: ignore[misc]
        """`first_day` is filled in by the run."""

        by: str
        measure: str
        day: str
        factor: float
        least: int
        window_days: int
        mostly: float = 1.0
        first_day: str
        metric_dependencies = ("table.median_shifts",)
        success_keys = ("by", "measure", "day", "first_day", "least", "factor")
        domain_keys = ("batch_id",)

        def _validate(self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None) -> dict[str, Any]:
            compared, moved = metrics["table.median_shifts"]
            return {"success": moved <= (1 - self.mostly) * compared, "result": {"element_count": compared, "unexpected_count": moved}}
