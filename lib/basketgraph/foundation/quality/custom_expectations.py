"""Expectations of our own, made the way Great Expectations documents, where its vocabulary has none, or where its own would cost a job each.

Importing this module registers them.

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
from abc import abstractmethod
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation, ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import ColumnMapMetricProvider, column_condition_partial
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from pyspark.sql import functions as F

from basketgraph.foundation.quality.anomaly import Limits, detect_anomalies
from basketgraph.foundation.quality.metrics import NO_DAY, daily_values, key_duplicates, median_shifts, shifts

if TYPE_CHECKING:
    from pyspark.sql import Column

Result = dict[str, Any]  # success, and GX's `result`


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


class TableMetric(TableMetricProvider):  # type: ignore[misc]
    """A metric of all rows: `compute` takes the rows and the `value_keys`."""

    compute: Callable[..., Any]

    @metric_value(engine=SparkDFExecutionEngine)  # type: ignore[untyped-decorator]
    def _spark(cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any) -> Any:
        rows, *_others = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        return cls.compute(rows, **metric_value_kwargs)


def _table_metric(name: str, value_keys: tuple[str, ...], compute: Callable[..., Any]) -> Any:
    """Making the class registers the metric."""
    return type(name, (TableMetric,), {"metric_name": f"table.{name}", "value_keys": value_keys, "compute": staticmethod(compute)})


KeyDuplicates = _table_metric("key_duplicates", ("column_list",), key_duplicates)
DailyValues = _table_metric("daily_values", ("day", "together"), daily_values)
Shifts = _table_metric("shifts", ("day", "first_day", "together"), shifts)
MedianShifts = _table_metric("median_shifts", ("by", "measure", "day", "first_day", "least", "factor"), median_shifts)


class TableExpectation(BatchExpectation):  # type: ignore[misc]
    """An expectation about one TableMetric, whose value `judge` turns into the result."""

    def _validate(self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None) -> Result:
        return self.judge(metrics[self.metric_dependencies[0]])

    @abstractmethod
    def judge(self, value: Any) -> Result: ...


class ExpectKeyToBeUnique(TableExpectation):
    column_list: list[str]
    metric_dependencies = (KeyDuplicates.metric_name,)
    success_keys = KeyDuplicates.value_keys

    def judge(self, value: Any) -> Result:
        rows, duplicates = value
        return {"success": duplicates == 0, "result": {"element_count": rows, "unexpected_count": duplicates}}


class ExpectMetricToBeUsual(TableExpectation):
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
    metric_dependencies = (DailyValues.metric_name,)
    success_keys = DailyValues.value_keys

    def judge(self, value: Any) -> Result:
        daily = value[self.place]
        is_of_today = self.day is None  # of the table as it is
        daily = {day: daily.get(NO_DAY) for day in self.days} if is_of_today else {**dict.fromkeys(self.looked_at), **daily}
        values = {date.fromisoformat(day): number for day, number in {**json.loads(self.history), **daily}.items()}
        days = [date.fromisoformat(day) for day in self.days]
        scored, unusual = detect_anomalies(values, days, Limits(**json.loads(self.limits)), missing=self.missing)
        judgement = scored and {**vars(scored), "day": scored.day.isoformat(), "unusual": len(unusual)}
        return {"success": not unusual, "result": {"observed_value": scored and scored.value, "judgement": judgement, "daily": daily}}


class ExpectDistributionToBeSteady(TableExpectation):
    """`together`, `first_day` and `place` are filled in by the run."""

    bucket: str
    day: str
    max_index: float
    window_days: int
    together: str
    first_day: str
    place: str
    metric_dependencies = (Shifts.metric_name,)
    success_keys = Shifts.value_keys

    def judge(self, value: Any) -> Result:
        index, now, before = value[self.place]
        compared = bool(now and before)
        return {"success": not compared or index <= self.max_index, "result": {"observed_value": index if compared else None}}


class ExpectMediansToBeSteady(TableExpectation):
    """`first_day` is filled in by the run."""

    by: str
    measure: str
    day: str
    factor: float
    least: int
    window_days: int
    mostly: float = 1.0
    first_day: str
    metric_dependencies = (MedianShifts.metric_name,)
    success_keys = MedianShifts.value_keys

    def judge(self, value: Any) -> Result:
        compared, moved = value
        return {"success": moved <= (1 - self.mostly) * compared, "result": {"element_count": compared, "unexpected_count": moved}}
