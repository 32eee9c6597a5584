"""What is checked before Spark starts: steps, mapping, landing files, folders, and the settings of all steps, which would else fail hours later."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable

from basketgraph.clean.landing import want_files
from basketgraph.clean.mapping import Source, read_source, refuse
from basketgraph.clean.replay.settings import ReplaySettings
from basketgraph.foundation.config import Config, Settings, UserError, data_text
from basketgraph.foundation.recommenders import RECOMMENDERS
from basketgraph.foundation.runs.steps import Pipelines, chosen_steps, pipelines, want_events
from basketgraph.profiles.segment_rules import read_rules

MODELS = {  # section -> the stage's own model; imported when a step takes it
    "clean": "basketgraph.clean.cleaning.CleanSettings",
    "replay": "basketgraph.clean.replay.settings.ReplaySettings",
    "quality": "basketgraph.foundation.quality.suites.QualitySettings",
    "alerts": "basketgraph.foundation.runs.alerts.AlertSettings",
    "interactions": "basketgraph.interactions.interactions.InteractionsSettings",
    "maintain": "basketgraph.foundation.tables.settings.MaintainSettings",
    "profiles": "basketgraph.profiles.user_profiles.ProfilesSettings",
    "segments": "basketgraph.profiles.learned_segments.SegmentSettings",
    "recall": "basketgraph.recall.settings.RecallSettings",
    "price_bands": "basketgraph.offers.price_bands.PriceBandSettings",
    "price_sensitivity": "basketgraph.offers.price_sensitivity.PriceSensitivitySettings",
    "offers": "basketgraph.offers.settings.OfferSettings",
    "content": "basketgraph.content.settings.ContentSettings",
    "contacts": "basketgraph.offers.contact_settings.ContactSettings",
    "guide": "basketgraph.offers.guide_settings.GuideSettings",
    "rank": "basketgraph.rank.settings.RankSettings",
    "evaluate": "basketgraph.evaluate.settings.EvaluateSettings",
    "gate": "basketgraph.evaluate.settings.GateSettings",
    "shards": "basketgraph.shards.writer.ShardSettings",
    "graph": "basketgraph.graph.settings.GraphSettings",
} | {recommender.settings: recommender.model for recommender in RECOMMENDERS if recommender.model}
ALWAYS = ("quality", "alerts")  # of every run, whatever its steps
READ_MAPPING = {"clean", "replay", "kept_purchases"}  # steps
READ_FILES = {"clean", "replay"}
ENCODE = {"text_vectors", "similar_items", "new_items", "search_index", "moods"}


def model_of(section: str) -> type[Settings]:
    model: type[Settings] = pkgutil.resolve_name(MODELS[section])
    return model


def check_settings(conf: Config, defined: Pipelines, steps: Iterable[str]) -> None:
    """Raises UserError for the first section of the steps that cannot be used, with all its faults, or for sizes that do not fit each other."""
    taken = {*ALWAYS, *(section for name in steps for section in defined.steps[name].sections)}
    parsed = {section: conf.section(section, model_of(section)) for section in MODELS if section in taken}
    if {"shards", "graph", "recall"} <= parsed.keys():
        faults = []
        shards, dim, factors = parsed["shards"].shards, parsed["graph"].dim, parsed["recall"].als_rank  # type: ignore[attr-defined]
        if conf.environment.ranks > shards:
            faults.append(f"ranks: want at most {shards} (shards.shards), have {conf.environment.ranks}")
        if factors > dim:
            faults.append(f"recall.als_rank: want at most {dim} (graph.dim, which starts from these factors), have {factors}")
        if faults:
            cure = "Change one of the two: in conf/settings.yaml, in the mapping, or by --set KEY=VALUE."
            raise UserError("settings do not fit each other", faults, cure)


def check_run(conf: Config, pipeline: str, *, start: str | None = None, files: bool = True) -> None:
    """Raises UserError for an unknown pipeline or step, for a mapping that the steps would refuse, and where they would find no landing file.

    files: whether the steps are going to read the landing folder.
    """
    steps = set(chosen_steps(pipelines(), pipeline, start))
    want_events(conf, sorted(steps))
    if steps & READ_MAPPING:
        source = checked_names(conf)
        if "replay" in steps:
            conf.section("replay", ReplaySettings).check(list(source.tables))
        # On a cluster a path without a scheme may be another system's than this machine's.
        if files and steps & READ_FILES and conf.environment.launcher != "spark":
            want_files(source, conf.source_name)
    if "user_segments" in steps:
        read_rules()
    if steps & ENCODE:
        check_encoder(conf)
    check_places(conf, shared="seal_shards" in steps)  # last, since it makes the warehouse's folder


def check_encoder(conf: Config) -> None:
    """Raises UserError where texts are to be encoded and the encoder is not there."""
    from basketgraph.content.settings import ContentSettings  # numpy and pyarrow, which other pipelines do without here

    conf.section("content", ContentSettings).model_id()


def check_places(conf: Config, *, shared: bool = False) -> None:
    """Raises UserError where the warehouse cannot be written to, or Spark's properties are missing. shared: whether ranks need a folder, too."""
    conf.want_warehouse()
    data_text(conf.environment.spark_conf)
    if shared:
        conf.shared_folder()


def checked_names(conf: Config) -> Source:
    """The shop's mapping. Raises UserError with every fault of its form and names; its SQL is checked by Spark (clean.sql_checks)."""
    where = f"conf/sources/{conf.source_name}.yaml"
    source, faults = read_source(conf.source, where)
    refuse(where, faults)
    assert source is not None  # a source without a model has faults
    return source
