"""Expectations of our own, made the way Great Expectations documents, where its vocabulary has none, or where its own would cost a job each.

Great Expectations knows a class of these from the moment that it is made: whoever needs them imports this module.

expect_column_values_to_meet:           `condition`, in SQL over all columns of the row, is true wherever `column` is not null; shares the one pass.
expect_looked_up_values_to_meet:        the same, with `found` in it: what `take` (an SQL aggregate) gives of the rows of `table` that agree in `keys`
                                        with the row's `column_list`, null where there are none. The look-up is joined before GX sees the rows.
expect_key_to_be_unique:                no two rows agree in all of `column_list`; by 64-bit hash, so that a false alarm at a million rows has odds of
                                        1 in a million million.
expect_metric_to_be_usual:              `metric` (an SQL aggregate), taken for each `day`, is as it usually is on such a weekday (quality.anomaly).
expect_distribution_to_be_steady:       the shares of the values of `bucket` (SQL) on the new days are as on the same weekdays of the days before.
expect_medians_to_be_steady:            the median of `measure` (SQL) of each `by` on the new days is within `factor` of its median of the days
                                        before.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation, ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import ColumnMapMetricProvider, column_condition_partial
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from pyspark.sql import functions as F

from basketgraph.foundation.quality.metrics import NO_DAY, daily_values, judge_metric, median_shifts, shifts

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


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
    """`together`, `history`, `days`, `looked_at`, `limits` and `place` are filled in by the run: metrics of one table are computed together."""

    metric: str
    day: str | None = None
    missing: float | None = None
    weekly: bool = True
    least: float = 0.0
    together: str
    history: str
    days: list[str]
    looked_at: list[str]  # days with rows now or before: those without a value have none any more
    limits: str
    place: str
    metric_dependencies = ("table.daily_values",)
    success_keys = ("day", "together")
    domain_keys = ("batch_id",)

    def _validate(self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None) -> dict[str, Any]:
        daily = metrics["table.daily_values"][self.place]
        is_of_today = self.day is None  # of the table as it is
        daily = {day: daily.get(NO_DAY) for day in self.days} if is_of_today else {**dict.fromkeys(self.looked_at), **daily}
        told = judge_metric({**json.loads(self.history), **daily}, self.days, json.loads(self.limits), self.missing)
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
