"""Refuses (exit code 4) lists that are not good enough to be shown; the live release then stays."""

from __future__ import annotations

import logging
from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.evaluate import gate
from basketgraph.evaluate.judge import judged, relevant_items
from basketgraph.evaluate.settings import GAIN_METRIC, JUDGED_AT, PUBLISHED, EvaluateSettings, GateSettings
from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import not_judged_in_words, run_cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.point_in_time import items_or_sold, kept_before
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import LiveRelease, RunTables
from basketgraph.rank.recommendations import LADDER_VERSION

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, release: RunTables) -> StepReport:
    settings, evaluate, cuts = conf.section("gate", GateSettings), conf.section("evaluate", EvaluateSettings), run_cuts(conf, ds, release)
    events, kept = GoalEvents(release, conf.source).at(cuts.test), release.read("gold.kept_purchases")
    items = items_or_sold(release.read("silver.items"), events, conf.source)
    tables = ("gold.recommendations", "gold.interactions", "gold.candidates", "ops.evaluations")
    recommendations, edges, candidates, evaluations = (release.read(table).where(F.col("as_of") == F.lit(cuts.test)) for table in tables)

    forbidden, bought = gate.forbidden_items(recommendations, items, as_of=cuts.test), kept_before(events, kept, as_of=cuts.test)
    counts = gate.list_counts(recommendations, edges, candidates, forbidden, bought, settings).collect()[0].asDict()
    unlearnt = {row.setting for row in gate.unlearnt_settings(recommendations, LADDER_VERSION).collect()}
    window_days = conf.settings["interactions"]["window_days"]
    gains = [row.asDict() for row in gate.comparable_evaluations(evaluations, cuts, unlearnt, window_days=window_days).collect()]
    faults = gate.list_faults(counts, settings) + gate.baseline_faults(gains, GAIN_METRIC, settings, may_tie=unlearnt)

    live = gate.live_lists(LiveRelease(spark, conf.warehouse), cuts.test)
    if live is not None:
        relevant = relevant_items(events, kept, items, edges, cuts, evaluate)
        per_user = judged(gate.lists_beside_live(recommendations, live), relevant, [PUBLISHED, gate.LIVE], JUDGED_AT).toArrow()
        faults += gate.live_faults(per_user, settings, evaluate)[0]
    if faults:
        raise gate.GateRefusal(faults)
    if cuts.judged_from is not None:
        log.warning("gate: only the lists' lengths and items were looked at; %s", not_judged_in_words(cuts.judged_from))
    detail = {"lists": counts, "judged_from": None if cuts.judged_from is None else cuts.judged_from.isoformat()}
    return StepReport(rows_in=recommendations.count(), rows_out=0, detail=detail)


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
