"""gold.recommendations: the learned ranker, taught by the validation window, orders the candidates of the test cut; and why each item is there."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import date

from pyspark.sql import SparkSession

from basketgraph.foundation import progress
from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.rank.list_inputs import ListInputs
from basketgraph.rank.new_places import kept_places
from basketgraph.rank.reasons import listed_users, reasons
from basketgraph.rank.recommendations import ordered_by_ladder, ranked_lists, recommendations, train_rankers
from basketgraph.rank.settings import RankSettings
from basketgraph.recall.settings import RecallSettings

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, cuts = conf.section("rank", RankSettings), run_cuts(conf, ds, tables)
    inputs = ListInputs(conf, tables, cuts, settings)

    progress.at("features to learn from")
    training = inputs.featured(inputs.labelled(), cuts.validation).toArrow()
    progress.at(f"rankers learn from {training.num_rows:,} candidates")
    rankers = train_rankers(training, settings)
    unlearnt = ordered_by_ladder(rankers)
    if unlearnt:
        log.warning("recommendations: too little to learn from for %s: ordered by own frequency, then popularity", " and ".join(unlearnt))
    progress.at("places for new items")
    candidates, new, edges = (inputs.at(f"gold.{name}", cuts.validation) for name in ("candidates", "new_item_candidates", "interactions"))
    places = kept_places(candidates, new, edges, inputs.bought_in_window(), settings)
    log.info("places for new items: %s", ", ".join(f"{setting} {of.places} of {settings.k}" for setting, of in places.items()))
    progress.at("ranking every user's candidates")
    candidates, new, edges = (inputs.at(f"gold.{name}", cuts.test) for name in ("candidates", "new_item_candidates", "interactions"))
    lists = ranked_lists(inputs.featured(candidates, cuts.test), rankers, settings.k).localCheckpoint()  # read twice below
    item_side = inputs.evidence(lists, popularity_days=conf.section("recall", RecallSettings).popularity_days)
    progress.at("writing every user's lists, with reasons")
    users = listed_users(lists, edges, inputs.at("gold.user_embeddings", cuts.test), new)
    users = users.repartition(2 * spark.sparkContext.defaultParallelism, "user_id")  # work for Python, which Spark takes for small
    explained = reasons(users, item_side, k=settings.k, new_places={setting: of.places for setting, of in places.items()})
    tables.overwrite_day(recommendations(explained, rankers, as_of=cuts.test), "gold.recommendations", cuts.test)
    tables.check("gold.recommendations")
    metrics = {"new_places": {setting: {**asdict(of), "k": settings.k} for setting, of in places.items()}}
    rows = inputs.at("gold.recommendations", cuts.test).count()
    return StepReport(training.num_rows, rows, detail={"ordered_by_ladder": unlearnt, "metrics": metrics})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
