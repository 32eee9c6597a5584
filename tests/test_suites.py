"""Which tables have a suite, who holds them against it, and what is refused of a suite before a row is read."""

from __future__ import annotations

import importlib
import re
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from pyspark.sql import SparkSession

from basketgraph.config import CONF_VARIABLE, Mistake, data_files, data_yaml
from basketgraph.quality import Finding, Look, QualityStop
from basketgraph.quality.build import refuse_unusable
from basketgraph.steps import pipelines
from basketgraph.suites import KNOWN_VALUES, Expectation, Meta, QualitySettings, Suite, filled, suite, suites
from basketgraph.tables import Release
from support.contract_rows import rows

checking = importlib.import_module("basketgraph.quality.check")  # the package's `check` is a function of it
SETTINGS = QualitySettings.model_validate(data_yaml("conf/settings.yaml")["quality"])


def test_every_silver_table_and_what_is_published_has_a_suite() -> None:
    silver = {f"silver.{stem}" for stem, _ in data_files("schemas/silver")}
    assert silver | {"gold.user_profiles", "gold.interactions", "gold.recommendations"} <= set(suites())


def test_every_suite_is_held_against_its_table_by_the_job_that_writes_it() -> None:
    checked = set(pipelines().steps["clean"].writes)  # jobs/clean.py checks all of them
    for _, job in data_files("jobs", ".py"):
        for call in re.findall(r"release\.check\(([^)]*)\)", job.read_text()):
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
    with pytest.raises(Mistake) as refused:  # nor would it take anything: among all of them those that are wrong are told, and no other
        refuse_unusable([*suites().values(), *WRONG.values()], SETTINGS)
    assert {fault.split(" cannot be used: ")[1].split(":")[0] for fault in refused.value.faults} == {"a", "b", "c"}


def test_what_is_wrong_with_any_suite_is_told_before_a_table_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would arise in the middle, and hide that another table broke a critical promise."""
    tables, looked_at = ["silver.users", *WRONG], []
    good = Suite("silver.users", {"d": one("expect_column_values_to_not_be_null", column="user_id")})
    monkeypatch.setattr(checking, "suites_of", lambda names: {name: {**WRONG, "silver.users": good}[name] for name in names})
    monkeypatch.setattr(checking, "look_at", lambda *_: Look(cast(Any, None), cast(Any, None)))
    monkeypatch.setattr(checking, "spark_jobs", lambda _: 0)
    monkeypatch.setattr(checking, "examine", lambda *_: looked_at.append(1))
    release = SimpleNamespace(versions=lambda names: dict.fromkeys(names, 1), exists=lambda _: False)
    with pytest.raises(Mistake) as refused:
        checking.check_all(cast(Release, release), tables, date(2026, 3, 1), SETTINGS)
    assert looked_at == []
    told = "\n".join(refused.value.faults)
    for place in ("items.yaml cannot be used: a: want an expectation of Great", "items.yaml cannot be used: b: ", "coupons.yaml cannot be used: c: "):
        assert place in told
    none = SimpleNamespace(versions=lambda names: {"silver.users": 1}, path=lambda name: name)
    with pytest.raises(Mistake, match=r"silver\.coupons, silver\.items: not checked"):
        checking.check_all(cast(Release, none), ["silver.coupons", "silver.users", "silver.items"], date(2026, 3, 1), SETTINGS)


def test_a_suite_that_cannot_be_computed_hides_no_stop_of_another_table(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []

    def examine(_: Any, terms: Suite, *more: Any) -> list[Finding]:
        if terms.table == "silver.items":
            raise Mistake("expectations/silver/items.yaml: could not compute")
        return [Finding("d", "critical", terms.table != "silver.users", "", "", "why", 1, 1)]

    def check(*tables: str) -> None:
        checking.check_all(cast(Release, release), tables, date(2026, 3, 1), SETTINGS)

    monkeypatch.setattr(checking, "look_at", lambda *_: Look(cast(Any, None), cast(Any, None)))
    monkeypatch.setattr(checking, "spark_jobs", lambda _: 0)
    monkeypatch.setattr(checking, "examine", examine)
    monkeypatch.setattr(checking, "_keep", lambda _, found, *more: kept.extend(checked.table for checked in found))
    release = SimpleNamespace(versions=lambda names: dict.fromkeys(names, 1), exists=lambda _: False, run_id="run-1", checked={})
    with pytest.raises(QualityStop, match=r"silver\.users version 1: stopped"):
        check("silver.items", "silver.users")
    with pytest.raises(Mistake, match="could not compute"):
        check("silver.items", "silver.coupons")
    assert kept == ["silver.users", "silver.coupons"]


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
    release, day = Release(spark, str(tmp_path), "run-1"), date(2026, 1, 1)
    release.append(rows(spark, "silver.coupons", [{}]), "silver.coupons")
    release.append(rows(spark, "silver.promotions", [{"valid_from": day, "valid_to": day}]), "silver.promotions")
    ends = {"ends": one("expect_column_values_to_meet", column="valid_to", condition="valid_to > valid_from")}
    wrong = {name: one(kind, **kwargs) for name, (kind, kwargs) in WRONG_SQL.items()}
    terms = {table: Suite(table, given) for table, given in (("silver.coupons", wrong), ("silver.promotions", ends))}
    monkeypatch.setattr(checking, "suites_of", lambda _: terms)
    with pytest.raises(QualityStop, match=r"silver\.promotions version \d: stopped"):
        checking.check_all(release, list(terms), day, SETTINGS)
    assert [row.table_name for row in release.read("ops.quality_results").collect()] == ["silver.promotions"]
    (told,) = [record.args for record in caplog.records if "not checked" in record.msg]
    assert isinstance(told, tuple)
    assert isinstance(told[1], Mistake)
    assert told[1].what == "expectations/silver/coupons.yaml: 5 expectations could not be computed"
    faults = dict(fault.split(": ", 1) for fault in told[1].faults)
    assert {name: "name `nope`" in fault for name, fault in faults.items()} == {name: name != "no_sql" for name in WRONG_SQL}
    assert "Syntax error" in faults["no_sql"]
    assert told[1].cure.startswith("Mend the SQL there. Columns of silver.coupons: coupon_id, campaign_id, item_id, ")


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
    row = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": limit}, "severity": "critical", "notes": "why"}
    place = tmp_path / "expectations" / "silver" / "items.yaml"
    place.parent.mkdir(parents=True)
    place.write_text(yaml.safe_dump({"name": "silver.items", "expectations": [{**row, "meta": {"promise": promise}}]}))
    monkeypatch.setenv(CONF_VARIABLE, str(tmp_path))
    if not fault:
        assert suite("silver.items").expectations
        return
    with pytest.raises(Mistake) as refused:
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
