"""The only door to Great Expectations: its expectations are built from ours and computed in as few Spark jobs as it allows."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from basketgraph.foundation.failures import at_the_end
from basketgraph.foundation.quality.suites import Expectation

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Counts only: with room for 0 failing values GX asks Spark for none (an empty relation, no job), so no personal value ever leaves a table.
COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}
LONGEST_ERROR = 200


@cache
def engine() -> Engine:
    return Engine()


class Engine:
    """Great Expectations, imported on first use (its import takes seconds), with nothing sent anywhere and nothing written."""

    def __init__(self) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        import great_expectations as gx

        import basketgraph.foundation.quality.custom_expectations  # noqa: F401 - its classes become known

        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        self._gx = gx

    @cached_property
    def _source(self) -> Any:
        """GX asks for a Spark session here: whoever only builds expectations needs none."""
        from great_expectations.data_context.types.base import ProgressBarsConfig

        self._context = context = self._gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        # persist would copy every checked table into memory, for one scan.
        return context.data_sources.add_spark(name="basketgraph", persist=False)

    def known(self) -> list[str]:
        from great_expectations.expectations.registry import list_registered_expectation_implementations

        return sorted(list_registered_expectation_implementations())

    def build(self, name: str, expectation: Expectation) -> Any:
        """GX's object, which carries `name` to its result. Raises KeyError for a type it does not know, ValueError for arguments it refuses."""
        from great_expectations.exceptions import ExpectationNotFoundError
        from great_expectations.expectations.registry import get_expectation_impl

        try:
            implementation = get_expectation_impl(expectation.type)
        except ExpectationNotFoundError:
            raise KeyError(expectation.type) from None
        meta = {"name": name, "promise": expectation.meta.promise}
        return implementation(**expectation.kwargs, severity=expectation.severity, notes=expectation.notes, meta=meta)

    def validate(self, frame: DataFrame, table: str, expectations: list[Any], counted: DataFrame | None = None) -> dict[str, Any]:
        """GX's results by name, of one pass over `frame` for all row-wise expectations.

        counted: has as many rows as `frame`, and is cheaper to count: without what was joined to it, Delta's log knows.
        """
        if not expectations:
            return {}
        name = f"{table}@{time.monotonic_ns()}"
        asset = self._source.add_dataframe_asset(name=name)
        with at_the_end("checks: their data asset is left", lambda: self._source.delete_asset(name)):
            computing = self._source.get_execution_engine()
            computing.resolve_metrics = _aggregates_last(computing, frame if counted is None else counted)
            batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
            results = batch.validate(self._gx.ExpectationSuite(name=name, expectations=expectations), result_format=COUNTS_ONLY).results
        return {result.expectation_config.meta["name"]: result for result in results}


def _aggregates_last(computing: Any, counted: DataFrame) -> Any:
    """GX's `resolve_metrics` in another order: first what costs no job, then all aggregates in one scan. Rows are counted in `counted`.

    GX itself computes aggregates as soon as they are ready, each round a scan: the row count, then largest values, then conditions.
    """
    resolve = type(computing).resolve_metrics

    def resolve_metrics(metrics_to_resolve: Iterable[Any], metrics: Any = None, runtime_configuration: Any = None) -> Any:
        ready = set(metrics_to_resolve)
        counts = {metric for metric in ready if metric.metric_name == "table.row_count"}
        if counts:
            return dict.fromkeys((metric.id for metric in counts), counted.count())
        first = {metric for metric in ready if not _is_aggregate(metric, computing)}
        return resolve(computing, first or ready, metrics, runtime_configuration)

    return resolve_metrics


def _is_aggregate(metric: Any, computing: Any) -> bool:
    """Whether GX would bundle it: it has a partial function, and none of its own."""
    from great_expectations.expectations.registry import get_metric_provider

    _, function = get_metric_provider(metric_name=metric.metric_name, execution_engine=computing)
    return function is None


def errors_in(results: Mapping[str, Any]) -> dict[str, str]:
    """What GX could not compute: name -> the first line of the error."""
    return {name: error for name, result in results.items() if (error := _error(result))}


def first_line(error: str) -> str:
    return (error.strip() or "failed without a word").splitlines()[0][:LONGEST_ERROR]


def _error(result: Any) -> str:
    """The error of the computation; '' where there is none."""
    info = result.exception_info or {}
    details = [info] if "raised_exception" in info else list(info.values())
    return "; ".join(dict.fromkeys(first_line(str(detail["exception_message"])) for detail in details if detail.get("raised_exception")))
