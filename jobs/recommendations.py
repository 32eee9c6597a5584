"""gold.recommendations: the learned ranker, taught by the validation window, orders the candidates of the test cut; and why each item is there."""

from __future__ import annotations

import logging
from datetime import date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation import progress
from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.item_names import product_name
from basketgraph.foundation.point_in_time import items_or_sold, known_before
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.rank.evidence import evidence
from basketgraph.rank.exposure_labels import clicked_items
from basketgraph.rank.features import features, labelled
from basketgraph.rank.histories import own_history, purchases_before
from basketgraph.rank.reasons import listed_users, reasons
from basketgraph.rank.recommendations import listed_neighbours, ordered_by_ladder, ranked_lists, recent_buyers, recommendations, train_rankers
from basketgraph.rank.settings import RankSettings
from basketgraph.recall.settings import RecallSettings

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, cuts = conf.section("rank", RankSettings), run_cuts(conf, ds, tables)
    persons, kept = GoalEvents(tables, conf.source), tables.read("gold.kept_purchases")
    items = items_or_sold(tables.read("silver.items"), persons.events, conf.source)

    def at(table: str, cut: date) -> DataFrame:
        return tables.read(table).where(F.col("as_of") == F.lit(cut))

    def featured(candidates: DataFrame, cut: date) -> DataFrame:
        purchases = purchases_before(persons.at(cut), kept, items, as_of=cut)
        own = own_history(purchases, half_life_days=settings.half_life_days).localCheckpoint()  # six frames are made of it
        return features(candidates, purchases, own)

    def clicked() -> DataFrame:
        exposures, lists, links = tables.read("silver.exposures"), tables.read("gold.recommendations"), persons.links(cuts.validation)
        return clicked_items(exposures, lists, links, as_of=cuts.validation, window_days=cuts.window_days)

    progress.at("features to learn from")
    known = persons.at(cuts.validation)
    learnt = labelled(
        at("gold.candidates", cuts.validation),
        known,
        kept,
        as_of=cuts.validation,
        window_days=cuts.window_days,
        settings=settings,
        clicked=clicked() if settings.click_labels else None,
    )
    training = featured(learnt, cuts.validation).toArrow()
    progress.at(f"rankers learn from {training.num_rows:,} candidates")
    rankers = train_rankers(training, settings)
    unlearnt = ordered_by_ladder(rankers)
    if unlearnt:
        log.warning("recommendations: too little to learn from for %s: ordered by own frequency, then popularity", " and ".join(unlearnt))
    progress.at("ranking every user's candidates")
    candidates = at("gold.candidates", cuts.test)
    lists = ranked_lists(featured(candidates, cuts.test), rankers, settings.k).localCheckpoint()  # read twice below
    item_side = evidence(
        known_before(items, cuts.test).select("item_id", product_name().alias("name")).orderBy("item_id").toArrow(),
        recent_buyers(candidates).toArrow(),
        listed_neighbours(at("gold.related_items", cuts.test), lists).toArrow(),
        listed_neighbours(at("gold.similar_items", cuts.test), lists).toArrow(),
        at("gold.item_embeddings", cuts.test).select("item_id", "embedding", "message").toArrow(),
        popularity_days=conf.section("recall", RecallSettings).popularity_days,
        parts=settings.evidence_items,
        words=persons.goal.words,
        mixed=not at("gold.interactions", cuts.test).where("size(behaviours) > 0").isEmpty(),
    )
    progress.at("writing every user's lists, with reasons")
    users = listed_users(lists, at("gold.interactions", cuts.test), at("gold.user_embeddings", cuts.test))
    users = users.repartition(2 * spark.sparkContext.defaultParallelism, "user_id")  # work for Python, which Spark takes for small
    published = recommendations(reasons(users, item_side), rankers, as_of=cuts.test)
    tables.overwrite_day(published, "gold.recommendations", cuts.test)
    tables.check("gold.recommendations")
    return StepReport(training.num_rows, at("gold.recommendations", cuts.test).count(), detail={"ordered_by_ladder": unlearnt})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
