"""ops.evaluations: every model and the published lists against what users bought in the window after the test cut."""

from __future__ import annotations

import logging
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.config import Config
from basketgraph.cuts import not_judged_in_words, run_cuts
from basketgraph.evaluate import EvaluateSettings, as_json, by_model, evaluation_rows, judged, published_lists, recommender_lists, relevant_items
from basketgraph.evaluate.settings import GAIN_METRIC, JUDGED_AT, PUBLISHED
from basketgraph.foundation.recommenders import LIST_SETTINGS, NAMES
from basketgraph.history import items_or_sold, kept_before
from basketgraph.progress import at
from basketgraph.runs import StepReport, job_main
from basketgraph.tables import Release

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, release: Release) -> StepReport:
    settings, cuts = conf.section("evaluate", EvaluateSettings), run_cuts(conf, ds, release)
    candidates, recommendations, edges = (
        release.read(table).where(F.col("as_of") == F.lit(cuts.test)) for table in ("gold.candidates", "gold.recommendations", "gold.interactions")
    )
    events = release.read("silver.events")
    relevant = relevant_items(
        kept_before(events, release.read("gold.kept_purchases"), as_of=cuts.end(cuts.test)),
        items_or_sold(release.read("silver.items"), events, conf.source),
        edges,
        as_of=cuts.test,
        window_days=cuts.window_days,
        max_users=settings.max_users,
        seed=settings.seed,
    )
    lists = recommender_lists(candidates, JUDGED_AT).unionByName(published_lists(recommendations, JUDGED_AT))
    if cuts.judged_from is not None:
        relevant = relevant.limit(0)  # nothing is judged yet
    at(f"judging every model's lists of up to {settings.max_users:,} users")
    found = judged(lists, relevant, [*NAMES, PUBLISHED], JUDGED_AT).toArrow()
    present = {(row.setting, row.model) for row in lists.select("setting", "model").distinct().collect()} | {(s, PUBLISHED) for s in LIST_SETTINGS}
    rows = evaluation_rows(by_model(found, JUDGED_AT, present), cuts.test, settings)
    if not rows:
        why = f"nobody with a purchase before {cuts.test} bought in the {cuts.window_days} days from it on"
        log.warning("evaluations: nothing is judged: %s", why if cuts.judged_from is None else not_judged_in_words(cuts.judged_from))
    release.overwrite_day(release.rows_of("ops.evaluations", rows), "ops.evaluations", cuts.test)
    return StepReport(rows_in=found.num_rows, rows_out=len(rows), detail=as_json(rows, GAIN_METRIC))


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
