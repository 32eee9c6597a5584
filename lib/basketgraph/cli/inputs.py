"""What a command is given, looked at before Spark is started: the steps, the mapping's form and names, and whether there are files to read."""

from __future__ import annotations

from basketgraph.clean.landing import want_files
from basketgraph.clean.mapping import Source, read_source, refuse
from basketgraph.clean.replay.settings import ReplaySettings
from basketgraph.foundation.config import Config, data_text
from basketgraph.foundation.runs.steps import chosen_steps, pipelines, want_events

READ_MAPPING = {"clean", "replay", "kept_purchases"}  # steps
READ_FILES = {"clean", "replay"}


def check_run(conf: Config, pipeline: str, *, start: str | None = None, files: bool = True) -> None:
    """Raises UserError for an unknown pipeline or step, for a mapping that the steps would refuse, and where there is no file for them to read.

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
    check_places(conf, shared="seal_shards" in steps)  # last, since it makes the warehouse's folder


def check_places(conf: Config, *, shared: bool = False) -> None:
    """Raises UserError where the warehouse cannot be written to, or there are no properties for Spark. shared: whether ranks need a folder, too."""
    conf.want_warehouse()
    data_text(conf.environment.spark_conf)
    if shared:
        conf.shared_folder()


def checked_names(conf: Config) -> Source:
    """The shop's mapping. Raises UserError with every fault of its form and names; its SQL is Spark's to look at (clean.expressions)."""
    where = f"conf/sources/{conf.source_name}.yaml"
    source, faults = read_source(conf.source, where)
    refuse(where, faults)
    assert source is not None  # a source without a model has faults
    return source
