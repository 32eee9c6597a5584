"""The door to Great Expectations: holding a table version against its suite, and what happens when a promise is broken."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.config import Mistake, data_yaml, parsed
from basketgraph.contracts import contract
from basketgraph.suites import Expectation, QualitySettings, Suite, filled, suite, unknown_values
from basketgraph.wording import found_in_words, number_in_words, promise_in_words

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from basketgraph.tables import Release

RESULTS = "ops.quality_results"
# Counts only: with room for 0 failing values GX asks Spark for none (an empty relation, no job), so no personal value ever leaves a table.
COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}

log = logging.getLogger("basketgraph")


class QualityStop(Exception):
    """A critical promise is broken: what was promised, what was found, where to read on. Exit code 3."""

    exit_code = 3


@dataclass(frozen=True)
class Finding:
    """What one expectation found. Counts are rows; `observed` and `expected` are sentences without any value of a text column."""

    check: str
    severity: str
    success: bool
    observed: str
    expected: str
    notes: str
    element_count: int | None
    unexpected_count: int | None


def check(release: Release, table: str, ds: date, settings: QualitySettings | None = None) -> None:
    """Hold the newest version of `table` against expectations/<layer>/<table>.yaml and append what was found to ops.quality_results.

    errors: QualityStop when a critical expectation fails, after the results are written; Mistake for a suite that cannot be used.
    """
    settings = settings or parsed(QualitySettings, data_yaml("conf/settings.yaml").get("quality", {}), "settings.quality")
    version = release.version(table)
    if version is None:
        raise Mistake(f"{table}: not checked", [f"want a table at {release.path(table)}, have none"], "Run the step that writes it first.")
    started = time.monotonic()
    terms = suite(table)
    values = {**settings.model_dump(), "ds": ds, "previous_rows": _previous_rows(release).get(table)}
    findings = examine(release.read_version(table, version), terms, values)
    seconds = time.monotonic() - started
    _keep(release, table, ds, version, findings, seconds)
    broken = [finding for finding in findings if not finding.success]
    log.info("%s version %d: %d promises, %d broken, %.1f s", table, version, len(findings), len(broken), seconds)
    critical = [finding for finding in broken if finding.severity == "critical"]
    if critical:
        counted = number_in_words(len(critical), "critical promise")
        lines = [f"{table} version {version}: stopped, {counted} broken. The live release stays as it is."]
        lines += [f"  {finding.check}: want {finding.expected}, have {finding.observed}" for finding in critical]
        lines += [f"The reasons are in {terms.file}, all results in {RESULTS} (run {release.run_id}); what to do: docs/quality.md."]
        raise QualityStop("\n".join(lines))


@lru_cache(maxsize=1)
def _previous_rows(release: Release) -> dict[str, int]:
    """Rows of each table when an earlier run last checked it. Read once a run."""
    if not release.exists(RESULTS):
        return {}
    earlier = release.newest(RESULTS).where(F.col("run_id") != release.run_id).where("element_count IS NOT NULL")
    newest = earlier.groupBy("table_name").agg(F.max_by("element_count", "checked_at").alias("rows"))
    return {row.table_name: row.rows for row in newest.collect()}


def _keep(release: Release, table: str, ds: date, version: int, findings: Sequence[Finding], seconds: float) -> None:
    now = datetime.now(timezone.utc)
    rows = [
        {
            **{key: value for key, value in vars(finding).items() if key != "check"},
            "run_id": release.run_id,
            "table_name": table,
            "check_name": finding.check,
            "ds": ds,
            "table_version": version,
            "seconds": seconds,
            "checked_at": now,
        }
        for finding in findings
    ]
    release.append(release.spark.createDataFrame(rows, contract(RESULTS).struct).coalesce(1), RESULTS)


def examine(frame: DataFrame, terms: Suite, values: Mapping[str, Any]) -> list[Finding]:
    """What Great Expectations finds in `frame`, in the suite's order. An expectation that needs a value the run lacks is passed over, and says so.

    errors: Mistake for expectations that GX does not know, refuses, or cannot compute; all of them at once.
    """
    runnable = {name: filled(e, values) for name, e in terms.expectations.items() if not unknown_values(e, values)}
    built, faults = _built(runnable)
    if faults:
        raise Mistake(f"{terms.file} cannot be used", faults, f"Expectations known here: {', '.join(_engine().known())}.")
    by_name = _engine().validate(frame, terms.table, list(built.values()))
    crashed = [f"{name}: {error}" for name, result in by_name.items() if (error := _error(result))]
    if crashed:
        raise Mistake(f"{terms.file}: Great Expectations could not compute {len(crashed)} expectations", crashed)
    rows = next((r.result["element_count"] for r in by_name.values() if r.result.get("element_count") is not None), None)
    findings = []
    for name, expectation in terms.expectations.items():
        if name in by_name:
            findings.append(_finding(name, runnable[name], by_name[name], rows, contract(terms.table).personal))
        else:
            told = filled(expectation.model_copy(update={"kwargs": {}}), values)
            lacking = ", ".join(sorted(set(unknown_values(expectation, values)))).replace("_", " ")
            findings.append(
                Finding(name, expectation.severity, True, f"not compared yet: no {lacking}", promise_in_words(told), expectation.notes, rows, None)
            )
    return findings


def _built(expectations: Mapping[str, Expectation]) -> tuple[dict[str, Any], list[str]]:
    """GX's own objects by name, and what it refuses."""
    built, faults = {}, []
    for name, expectation in expectations.items():
        try:
            built[name] = _engine().build(name, expectation)
        except KeyError:
            faults.append(f"{name}: want an expectation of Great Expectations, have {expectation.type}")
        except ValueError as error:
            faults += [f"{name}: {line}" for line in str(error).splitlines()[1:] or [str(error)]]
    return built, faults


def _error(result: Any) -> str:
    """The first line of what went wrong while computing; '' where nothing did."""
    info = result.exception_info or {}
    details = [info] if "raised_exception" in info else list(info.values())
    raised = [str(detail["exception_message"]).splitlines()[0][:200] for detail in details if detail.get("raised_exception")]
    return "; ".join(raised)


def _finding(name: str, expectation: Expectation, result: Any, rows: int | None, personal: Sequence[str]) -> Finding:
    found = result.result
    about_people = any(column in personal for column in expectation.columns)
    observed = found_in_words(expectation, found, about_people=about_people)
    return Finding(
        name,
        expectation.severity,
        bool(result.success),
        observed,
        promise_in_words(expectation),
        expectation.notes,
        found.get("element_count", rows),
        found.get("unexpected_count"),
    )


@lru_cache(maxsize=1)
def _engine() -> _Engine:
    return _Engine()


class _Engine:
    """Great Expectations, imported on first use (its import takes seconds), with nothing sent anywhere and nothing written."""

    def __init__(self) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        self._gx = gx
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        # persist would copy every checked table into memory, for one scan.
        self._source = self._context.data_sources.add_spark(name="basketgraph", persist=False)
        _register_own_terms()

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
        return implementation(**expectation.kwargs, severity=expectation.severity, notes=expectation.notes, meta={"name": name})

    def validate(self, frame: DataFrame, table: str, expectations: list[Any]) -> dict[str, Any]:
        """GX's results by name: one pass over `frame` for all row-wise expectations together."""
        name = f"{table}@{time.monotonic_ns()}"
        asset = self._source.add_dataframe_asset(name=name)
        try:
            batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
            results = batch.validate(self._gx.ExpectationSuite(name=name, expectations=expectations), result_format=COUNTS_ONLY).results
        finally:
            self._source.delete_asset(name)
        return {result.expectation_config.meta["name"]: result for result in results}


def _register_own_terms() -> None:
    """Two expectations of our own, made the way GX documents, where its own would cost a Spark job (or a window sort) each.

    expect_column_values_to_meet: `condition`, in SQL over all columns of the row, is true wherever `column` is not null; shares GX's one pass.
    expect_key_to_be_unique:      no two rows agree in all of `column_list`; by 64-bit hash, so that a false alarm at a million rows has odds of 1 in
                                  a million million.
    """
    from great_expectations.core.metric_domain_types import MetricDomainTypes
    from great_expectations.execution_engine import SparkDFExecutionEngine
    from great_expectations.expectations.expectation import BatchExpectation, ColumnMapExpectation
    from great_expectations.expectations.metrics.map_metric_provider import ColumnMapMetricProvider, column_condition_partial
    from great_expectations.expectations.metrics.metric_provider import metric_value
    from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

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

    class KeyDoubles(TableMetricProvider):  # type: ignore[misc]
        metric_name = "table.key_doubles"
        value_keys = ("column_list",)

        @metric_value(engine=SparkDFExecutionEngine)  # type: ignore[untyped-decorator]
        def _spark(cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any) -> list[int]:
            frame, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
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
