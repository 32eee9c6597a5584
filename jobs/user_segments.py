"""gold.user_segments: who is in which segment as of the test cut, by the rules of conf/segments.yaml and by what is alike."""

from __future__ import annotations

import logging
from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables, released_rows
from basketgraph.profiles.learned_segments import SegmentSettings, learned_segments
from basketgraph.profiles.rule_segments import applied_rules, otherwise_in_words, rule_segments
from basketgraph.profiles.segment_rules import read_rules
from basketgraph.profiles.user_segments import newest_before, segment_summary, summary_rows, user_segments

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
    released, _ = released_rows(tables, "gold.user_segments")
    earlier, earlier_day = newest_before(released, cut)
    found = {
        "as_of": cut.isoformat(),
        "compared_with": earlier_day and earlier_day.isoformat(),
        "currency": conf.source["currency"],
        "without_column": without,
        "silhouettes": {str(k): value for k, value in clusters.silhouettes.items()} if clusters else {},
        "segments": summary_rows(segment_summary(written, earlier, profiles)),
    }
    return StepReport(profiles.count(), written.count(), detail={"metrics": {"segments": found}})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
