"""gold.user_segments: who is in which segment as of the test cut, by the rules of conf/segments.yaml and by what is alike."""

from __future__ import annotations

import logging
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables, newest_release
from basketgraph.profiles.learned_segments import SegmentSettings, learned_segments
from basketgraph.profiles.rule_segments import applied_rules, otherwise_in_words, rule_segments
from basketgraph.profiles.segment_rules import read_rules
from basketgraph.profiles.user_segments import segment_summary, summary_rows, user_segments

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, cut = conf.section("segments", SegmentSettings), run_cuts(conf, ds, tables).test
    profiles = tables.read("gold.user_profiles").where(F.col("as_of") == F.lit(cut))
    rules = applied_rules(read_rules(), profiles)
    without = [otherwise_in_words(rule) for rule in rules if rule.lacking]
    for sentence in without:
        log.warning("segments: %s", sentence)
    at("learning segments")
    learned, clusters = learned_segments(profiles, settings)
    members = user_segments(rule_segments(profiles, rules), learned).withColumn("as_of", F.lit(cut))
    tables.overwrite_day(members, "gold.user_segments", cut)
    tables.check("gold.user_segments")

    written = tables.read("gold.user_segments").where(F.col("as_of") == F.lit(cut))
    earlier, earlier_day = released_before(tables, cut)
    rows = summary_rows(segment_summary(written, earlier, profiles))
    found: dict[str, Any] = {
        "as_of": cut.isoformat(),
        "compared_with": earlier_day and earlier_day.isoformat(),
        "currency": conf.source["currency"],
        "without_column": without,
        "silhouettes": {str(k): value for k, value in clusters.silhouettes.items()} if clusters else {},
        "segments": rows,
    }
    return StepReport(profiles.count(), written.count(), detail={"metrics": {"segments": found}})


def released_before(tables: RunTables, cut: date) -> tuple[DataFrame, date | None]:
    """The rows of the newest day before the cut that the live release has, and that day; no row and None where it has none."""
    live = (newest_release(tables) or {}).get("versions", {}).get("gold.user_segments")
    if live is None:
        return tables.read("gold.user_segments").limit(0), None
    released = tables.read_version("gold.user_segments", live)
    day: date | None = released.where(F.col("as_of") < F.lit(cut)).agg(F.max("as_of")).collect()[0][0]
    return released.where(F.col("as_of") == F.lit(day)), day


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
