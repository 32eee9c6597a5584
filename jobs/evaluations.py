"""ops.evaluations, ops.list_outcomes: every model and the published lists against what users bought in the window after the test cut."""

from __future__ import annotations

import logging
from datetime import date
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.evaluate.evaluations import as_json, by_model, evaluation_rows, models_present, why_nothing_is_judged
from basketgraph.evaluate.judge import judged, published_lists, recommender_lists, relevant_items
from basketgraph.evaluate.list_outcomes import customer_outcomes, outcome_rows, purchases_after
from basketgraph.evaluate.settings import GAIN_METRIC, JUDGED_AT, MODELS, EvaluateSettings
from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.point_in_time import items_or_sold
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, cuts = conf.section("evaluate", EvaluateSettings), run_cuts(conf, ds, tables)
    of_cut = ("gold.candidates", "gold.recommendations", "gold.interactions", "gold.user_profiles")
    candidates, recommendations, edges, profiles = (tables.read(table).where(F.col("as_of") == F.lit(cuts.test)) for table in of_cut)
    events, kept = GoalEvents(tables, conf.source).at(cuts.test), tables.read("gold.kept_purchases")
    items = items_or_sold(tables.read("silver.items"), events, conf.source)
    lists = recommender_lists(candidates, JUDGED_AT).unionByName(published_lists(recommendations, JUDGED_AT))
    at(f"judging every model's lists of up to {settings.max_users:,} users")
    per_user = judged(lists, relevant_items(events, kept, items, edges, cuts, settings), MODELS, JUDGED_AT).toArrow()
    rows = evaluation_rows(by_model(per_user, JUDGED_AT, models_present(lists.select("setting", "model").distinct().toArrow())), cuts.test, settings)
    if not rows:
        log.warning("evaluations: nothing is judged: %s", why_nothing_is_judged(cuts))
    tables.overwrite_day(tables.rows_of("ops.evaluations", rows), "ops.evaluations", cuts.test)
    at("counting what customers bought of their lists")
    outcomes: list[dict[str, Any]] = []
    if cuts.judged_from is None:
        outcomes = outcome_rows(customer_outcomes(lists, purchases_after(events, kept, cuts), profiles, settings).toArrow(), cuts, settings)
    tables.overwrite_day(tables.rows_of("ops.list_outcomes", outcomes), "ops.list_outcomes", cuts.test)
    tables.check("ops.list_outcomes")
    return StepReport(rows_in=per_user.num_rows, rows_out=len(rows), detail=as_json(rows, GAIN_METRIC))


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
