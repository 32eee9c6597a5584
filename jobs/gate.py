"""Refuses (exit code 4) lists that are not good enough to be shown; the live release then stays."""

from __future__ import annotations

import logging
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.config import Config
from basketgraph.cuts import not_judged_in_words, run_cuts
from basketgraph.evaluate import EvaluateSettings, GateRefusal, GateSettings, judged, published_lists, relevant_items
from basketgraph.evaluate.gate import LIVE, baseline_faults, list_counts, list_faults, live_faults
from basketgraph.evaluate.settings import GAIN_METRIC, JUDGED_AT, PUBLISHED
from basketgraph.history import items_or_sold, kept_before, known_before
from basketgraph.rank import LADDER_VERSION
from basketgraph.runs import StepReport, job_main
from basketgraph.tables import LiveRelease, Release

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, release: Release) -> StepReport:
    settings, evaluate, cuts = conf.section("gate", GateSettings), conf.section("evaluate", EvaluateSettings), run_cuts(conf, ds, release)
    events, kept = release.read("silver.events"), release.read("gold.kept_purchases")
    items = items_or_sold(release.read("silver.items"), events, conf.source)

    def at_cut(frame: DataFrame) -> DataFrame:
        return frame.where(F.col("as_of") == F.lit(cuts.test))

    tables = ("gold.recommendations", "gold.interactions", "gold.candidates")
    recommendations, edges, candidates = (at_cut(release.read(table)) for table in tables)
    shown = known_before(items, cuts.test).where("recommendable").select("item_id")
    forbidden = recommendations.select("item_id").distinct().join(shown, "item_id", how="left_anti")
    bought = kept_before(events, kept, as_of=cuts.test)
    counts = list_counts(recommendations, edges, candidates, forbidden, bought, settings).collect()[0].asDict()
    young = cuts.judged_from is not None
    # Lists that are ordered by the ladder need no learning themselves: they need not be better than it, and while the shop's windows are still
    # shorter than they will be, nothing better can be had.
    unlearnt = {row.setting for row in recommendations.where(F.col("model_version") == LADDER_VERSION).select("setting").distinct().collect()}
    grows = cuts.window_days < conf.settings["interactions"]["window_days"]
    passed = unlearnt if grows else set()
    evaluations = [row.asDict() for row in at_cut(release.read("ops.evaluations")).collect() if not young and row.setting not in passed]
    faults = list_faults(counts, settings) + baseline_faults(evaluations, GAIN_METRIC, settings, may_tie=unlearnt)

    live = LiveRelease(spark, conf.warehouse)
    if not young and live.row is not None and "gold.recommendations" in live.row["versions"]:
        before = at_cut(live.read("gold.recommendations"))
        lists = published_lists(recommendations, JUDGED_AT).unionByName(published_lists(before, JUDGED_AT).withColumn("model", F.lit(LIVE)))
        bought = kept_before(events, kept, as_of=cuts.end(cuts.test))
        relevant = relevant_items(
            bought, items, edges, as_of=cuts.test, window_days=cuts.window_days, max_users=evaluate.max_users, seed=evaluate.seed
        )
        same_cut = before.limit(1).count() > 0
        found = judged(lists, relevant if same_cut else relevant.limit(0), [PUBLISHED, LIVE], JUDGED_AT).toArrow()
        worse, _ = live_faults(found, settings, evaluate)
        faults += worse
    if faults:
        raise GateRefusal(faults)
    detail = {"lists": counts, "judged_from": None if cuts.judged_from is None else cuts.judged_from.isoformat()}
    if cuts.judged_from is not None:
        log.warning("gate: only the lists' lengths and items were looked at; %s", not_judged_in_words(cuts.judged_from))
    return StepReport(rows_in=recommendations.count(), rows_out=0, detail=detail)


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
