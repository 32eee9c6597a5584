"""conf/settings.yaml against the stages' own models: what can be set, and what is refused."""

from __future__ import annotations

import pytest

from basketgraph.cli.preflight import MODELS, check_settings, model_of
from basketgraph.foundation.config import UserError, data_yaml, load
from basketgraph.foundation.quality.suites import QualitySettings
from basketgraph.foundation.recommenders import NAMES
from basketgraph.foundation.runs.steps import pipelines
from basketgraph.graph.settings import GraphSettings
from basketgraph.rank.settings import RankerSettings, RankSettings
from basketgraph.recall.settings import RecallSettings


def test_every_field_of_a_stage_can_be_set_and_every_key_is_a_field() -> None:
    given = data_yaml("conf/settings.yaml")
    models = {section: model_of(section) for section in MODELS}
    fields = {section: set(model.model_fields) for section, model in models.items()}
    fields["quality"].remove("time_zone")  # the mapping's
    assert {section: set(keys) for section, keys in given.items()} == fields
    for setting in ("rebuy", "discovery"):
        assert set(given["rank"][setting]) == set(RankerSettings.model_fields)
    for section, model in models.items():
        load("local", "complete_journey").section(section, model)


def test_what_the_documentation_names_can_be_set() -> None:
    told = load("local", "complete_journey", {"graph.device": "cpu", "graph.kernel": "torch", "graph.steps_per_epoch": "16"})
    graph = told.section("graph", GraphSettings)
    assert (graph.device, graph.kernel, graph.steps_per_epoch) == ("cpu", "torch", 16)


@pytest.mark.parametrize("text", ["[", "a: b: c", "2026-02-30", "\t"])
def test_a_value_that_is_no_yaml_is_a_mistake_and_no_crash(text: str) -> None:
    with pytest.raises(UserError) as caught:
        load("local", "complete_journey", {"graph.epochs": text, "recall.seed": "{"})
    assert [fault.partition(":")[0] for fault in caught.value.faults] == ["graph.epochs", "recall.seed"]


def test_recommenders_that_nobody_knows_are_told_before_anything_runs() -> None:
    told = load("local", "complete_journey", {"recall.rebuy": "{ease: 5, guesses: 7}", "recall.discovery": "{hunches: 5}"})
    with pytest.raises(UserError) as caught:
        told.section("recall", RecallSettings)
    first, second = caught.value.faults
    assert "settings.recall.rebuy" in first
    assert f"want recommenders of {', '.join(NAMES)}, have guesses" in first
    assert "have hunches" in second
    trees = dict(data_yaml("conf/settings.yaml")["rank"]["rebuy"], prior=["hunches"], objective="guess")
    with pytest.raises(UserError, match=r"(?s)rebuy.objective.*lambdarank.*rebuy.prior.*hunches"):
        load("local", "complete_journey", {"rank.rebuy": str(trees)}).section("rank", RankSettings)


def checked(steps: list[str], **sets: str) -> None:
    check_settings(load("local", "complete_journey", {name.replace("__", "."): value for name, value in sets.items()}), pipelines(), steps)


def test_numbers_beyond_what_a_library_takes_are_told_before_the_first_step() -> None:
    every = list(pipelines().pipelines["all"].steps)
    at_most = "{popularity: 9000, ease: 1000}"
    checked(every, recall__rebuy=at_most, ranks="8", recall__als_rank="64")
    with pytest.raises(UserError, match=r"(?s)settings.recall.rebuy: .* at most 10,000.*settings.recall.discovery"):
        checked(every, recall__rebuy="{popularity: 9000, ease: 1001}", recall__discovery="{als: -1}")
    with pytest.raises(UserError, match=r"(?s)ranks: want at most 8 .*, have 9.*recall.als_rank: want at most 64 .*, have 65"):
        checked(every, ranks="9", recall__als_rank="65")
    with pytest.raises(UserError, match=r"(?s)settings.offers.outcome_days.*settings.offers.least_holdout"):
        checked(["campaign_outcomes"], offers__outcome_days="-1", offers__least_holdout="1")
    checked(["clean", "publish"], ranks="9", recall__rebuy="{popularity: 12000}")
    with pytest.raises(UserError, match=r"settings.alerts"):
        checked(["clean"], alerts__timeout_seconds="soon")


def test_closed_days_are_dates_as_yaml_has_them_or_days_of_every_year() -> None:
    told = load("local", "complete_journey", {"quality.closed_days": "[2026-05-01, '2026-05-02', 12-25]"})
    assert told.section("quality", QualitySettings).closed_days == ("2026-05-01", "2026-05-02", "12-25")
    with pytest.raises(UserError, match=r"closed_days.0"):
        load("local", "complete_journey", {"quality.closed_days": "[25.12.]"}).section("quality", QualitySettings)
