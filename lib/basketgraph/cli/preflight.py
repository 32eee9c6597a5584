"""What is checked before a run's first step: the settings of all its steps, so that a number out of bounds is not met after hours of cleaning."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from basketgraph.foundation.config import Config, Settings, UserError
from basketgraph.foundation.runs.steps import Pipelines

MODELS = {  # section -> the stage's own model; imported when a step takes it
    "clean": "basketgraph.clean.cleaning.CleanSettings",
    "replay": "basketgraph.clean.replay.settings.ReplaySettings",
    "quality": "basketgraph.foundation.quality.suites.QualitySettings",
    "alerts": "basketgraph.foundation.runs.alerts.AlertSettings",
    "interactions": "basketgraph.interactions.interactions.InteractionsSettings",
    "maintain": "basketgraph.foundation.tables.maintenance.MaintainSettings",
    "profiles": "basketgraph.profiles.user_profiles.ProfilesSettings",
    "recall": "basketgraph.recall.settings.RecallSettings",
    "rank": "basketgraph.rank.settings.RankSettings",
    "evaluate": "basketgraph.evaluate.settings.EvaluateSettings",
    "gate": "basketgraph.evaluate.settings.GateSettings",
    "shards": "basketgraph.shards.writer.ShardSettings",
    "graph": "basketgraph.graph.settings.GraphSettings",
}
ALWAYS = ("quality", "alerts")  # of every run, whatever its steps


def model_of(section: str) -> type[Settings]:
    module, _, name = MODELS[section].rpartition(".")
    model: type[Settings] = getattr(import_module(module), name)
    return model


def check_settings(conf: Config, known: Pipelines, steps: Iterable[str]) -> None:
    """Raises UserError for the first section of the steps that cannot be used, with all its faults, or for sizes that do not fit each other."""
    taken = {*ALWAYS, *(section for name in steps for section in known.steps[name].settings)}
    parsed = {section: conf.section(section, model_of(section)) for section in MODELS if section in taken}
    faults = []
    if {"shards", "graph", "recall"} <= parsed.keys():
        shards, dim, factors = parsed["shards"].shards, parsed["graph"].dim, parsed["recall"].als_rank  # type: ignore[attr-defined]
        if conf.environment.ranks > shards:
            faults.append(f"ranks: want at most {shards} (shards.shards), have {conf.environment.ranks}")
        if factors > dim:
            faults.append(f"recall.als_rank: want at most {dim} (graph.dim, which starts from these factors), have {factors}")
    if faults:
        raise UserError(
            "settings do not fit each other", faults, "Change one of the two: in conf/settings.yaml, in the mapping, or by --set KEY=VALUE."
        )
