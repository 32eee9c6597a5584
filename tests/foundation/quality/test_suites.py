"""Which tables have a suite, who holds them against it, and what is refused of a suite before a row is read."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession

from basketgraph.foundation.code_hash import installed_code
from basketgraph.foundation.config import CONF_VARIABLE, UserError, data_files, data_yaml
from basketgraph.foundation.quality.build import refuse_unusable
from basketgraph.foundation.quality.check import QualityStop, check_all
from basketgraph.foundation.quality.suites import CHECKS, KNOWN_VALUES, Expectation, Meta, QualitySettings, Suite, filled, suite, suite_file, suites
from basketgraph.foundation.runs.steps import pipelines
from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows

DAY = date(2026, 3, 1)
SETTINGS = QualitySettings.model_validate(data_yaml("conf/settings.yaml")["quality"])


def test_every_silver_table_and_what_is_published_has_a_suite() -> None:
    silver = {f"silver.{stem}" for stem, _ in data_files("schemas/silver")}
    assert silver | {"gold.user_profiles", "gold.interactions", "gold.recommendations"} <= set(suites())


def test_every_suite_is_held_against_its_table_by_the_job_that_writes_it() -> None:
    checked = set(pipelines().steps["clean"].writes)  # jobs/clean.py checks all of them
    for _, job in data_files("jobs", ".py"):
        for call in re.findall(r"tables\.check\(([^)]*)\)", job.read_text()):
            checked |= set(re.findall(r'"([\w.]+)"', call))
    assert set(suites()) == checked


def one(kind: str, **kwargs: Any) -> Expectation:
    return Expectation(type=kind, kwargs=kwargs, severity="critical", notes="why")


WRONG = {
    "silver.items": Suite("silver.items", {"a": one("expect_miracles"), "b": one("expect_looked_up_values_to_meet", column_list=["item_id"])}),
    "silver.coupons": Suite("silver.coupons", {"c": one("expect_medians_to_be_steady", by="item_id", measure="1", day="x", factor=2, least=1)}),
}


def test_great_expectations_takes_every_suite() -> None:
    refuse_unusable(list(suites().values()), SETTINGS)
    with pytest.raises(UserError) as refused:  # nor would it take anything: among all of them those that are wrong are told, and no other
        refuse_unusable([*suites().values(), *WRONG.values()], SETTINGS)
    assert {fault.split(" cannot be used: ")[1].split(":")[0] for fault in refused.value.faults} == {"a", "b", "c"}


def test_a_change_of_the_code_that_checks_makes_another_suite() -> None:
    """Else a table that did not change would keep a verdict that the code of today would not give."""
    parts = ("suites", "examine", "custom_expectations", "metrics", "anomaly", "incremental")
    assert {f"basketgraph.foundation.quality.{part}" for part in parts} <= installed_code().closure(f"import {CHECKS}")


def write_suite(folder: Path, table: str, *expectations: dict[str, Any]) -> None:
    """A suite in a folder for --conf-dir."""
    place = folder / suite_file(table)
    place.parent.mkdir(parents=True, exist_ok=True)
    told = [{"severity": "critical", "notes": "why", **expectation} for expectation in expectations]
    place.write_text(yaml.safe_dump({"name": table, "expectations": told}))


@pytest.mark.slow
def test_what_is_wrong_with_any_suite_is_told_before_a_row_is_looked_at(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would arise in the middle, and hide that another table broke a critical promise."""
    write_suite(tmp_path, "silver.items", {"type": "expect_miracles", "kwargs": {}})
    write_suite(tmp_path, "silver.coupons", {"type": "expect_medians_to_be_steady", "kwargs": {"by": "item_id", "day": "item_id"}})
    monkeypatch.setenv(CONF_VARIABLE, str(tmp_path))
    release, tables = RunTables(spark, str(tmp_path), "run-1"), ["silver.users", "silver.items", "silver.coupons"]
    release.append(rows(spark, "silver.users", [{"user_id": "no pseudonym, which is critical"}]), "silver.users")
    with pytest.raises(UserError, match=r"silver\.items, silver\.coupons: not checked"):
        check_all(release, tables, DAY, SETTINGS)
    for table in tables[1:]:
        release.append(rows(spark, table, [{}]), table)
    with pytest.raises(UserError) as refused:
        check_all(release, tables, DAY, SETTINGS)
    told = "\n".join(refused.value.faults)
    assert "items.yaml cannot be used: miracles: want an expectation of Great Expectations" in told
    assert "coupons.yaml cannot be used: medians_to_be_steady:item_id,item_id: " in told
    assert not release.exists("ops.quality_results")


WRONG_SQL: dict[str, tuple[str, dict[str, Any]]] = {
    "condition": ("expect_column_values_to_meet", {"column": "coupon_id", "condition": "nope = 1"}),
    "row_condition": ("expect_column_values_to_not_be_null", {"column": "coupon_id", "row_condition": "nope = 1", "condition_parser": "spark"}),
    "no_sql": ("expect_column_values_to_not_be_null", {"column": "coupon_id", "row_condition": "coupon_id =", "condition_parser": "spark"}),
    **{
        argument: (
            "expect_looked_up_values_to_meet",
            {"table": "silver.coupons", "column_list": ["item_id"], "keys": ["item_id"], "condition": "found > 0", "take": "count(*)", argument: sql},
        )
        for argument, sql in (("where", "nope = 1"), ("take", "max(nope)"))
    },
}


@pytest.mark.slow
def test_sql_that_names_no_column_is_told_with_its_place_wherever_it_stands_and_hides_no_stop_of_another_table(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    coupons, promotions = "silver.coupons", "silver.promotions"
    wrong = [{"type": kind, "kwargs": kwargs, "meta": {"name": name}} for name, (kind, kwargs) in WRONG_SQL.items()]
    write_suite(tmp_path, coupons, *wrong)
    write_suite(
        tmp_path, promotions, {"type": "expect_column_values_to_meet", "kwargs": {"column": "valid_to", "condition": "valid_to > valid_from"}}
    )
    monkeypatch.setenv(CONF_VARIABLE, str(tmp_path))

    def check(run_id: str, valid_to: date) -> None:
        release = RunTables(spark, str(tmp_path), run_id)
        release.overwrite(rows(spark, promotions, [{"valid_from": DAY, "valid_to": valid_to}]), promotions)
        release.overwrite(rows(spark, coupons, [{}]), coupons)
        try:
            check_all(release, [coupons, promotions], DAY, SETTINGS)
        finally:
            kept = release.read("ops.quality_results").where(f"run_id = '{run_id}'").collect()
            seen.append([(row.table_name, row.success) for row in kept])

    seen: list[list[tuple[str, bool]]] = []
    with pytest.raises(QualityStop, match=r"silver\.promotions version \d: stopped"):
        check("run-1", DAY)
    with pytest.raises(UserError) as refused:
        check("run-2", DAY + timedelta(days=1))
    assert seen == [[(promotions, False)], [(promotions, True)]]
    assert "silver.coupons: not checked" in caplog.text
    assert refused.value.what == "expectations/silver/coupons.yaml: 5 expectations could not be computed"
    faults = {name.rpartition(":")[2]: why for name, why in (fault.split(": ", 1) for fault in refused.value.faults)}
    assert {name: "name `nope`" in fault for name, fault in faults.items()} == {name: name != "no_sql" for name in WRONG_SQL}
    assert "Syntax error" in faults["no_sql"]
    assert refused.value.cure.startswith("Mend the SQL there. Columns of silver.coupons: coupon_id, campaign_id, item_id, ")


def test_the_values_that_limits_may_name_are_those_that_a_run_has() -> None:
    assert set(KNOWN_VALUES) == {*SETTINGS.values, "ds", "previous_rows", "later_delivery"}


@pytest.mark.parametrize(
    ("limit", "promise", "fault"),
    [
        ("${ds - fresh_day}", "", "have fresh_day in ${ds - fresh_day}"),
        ("${previous_row * volume_share}", "", "have previous_row in ${previous_row * volume_share}"),
        (1, "at least ${volume_shar} times", "have volume_shar in ${volume_shar}"),
        (["${ds / 2}"], "", "want ${name}, or ${name * other} with one of - + *, have ${ds / 2}"),
        ("${ds", "", "have ${ds"),
        ("${ previous_rows*volume_share }", "${late_share} ${ds - 1} ${previous_rows * 0.5}", ""),
    ],
)
def test_a_misspelt_value_is_refused_with_its_place(limit: Any, promise: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the promise would be `not compared yet` for ever, and count as kept."""
    row = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": limit}, "meta": {"promise": promise}}
    write_suite(tmp_path, "silver.items", row)
    monkeypatch.setenv(CONF_VARIABLE, str(tmp_path))
    if not fault:
        assert suite("silver.items").expectations
        return
    with pytest.raises(UserError) as refused:
        suite("silver.items")
    (told,) = refused.value.faults
    assert told.startswith("expectations[0] expect_table_row_count_to_be_between: want")
    assert told.endswith(fault)
    assert refused.value.exit_code == 2


def test_a_promise_about_a_value_that_is_not_there_yet_can_be_told() -> None:
    told = filled(
        one("expect_table_row_count_to_be_between").model_copy(update={"meta": Meta(promise="at least ${previous_rows * 0.5} rows")}),
        {**SETTINGS.values, "ds": date(2026, 3, 1), "previous_rows": None},
    )
    assert told.meta.promise == "at least (not known yet) rows"
