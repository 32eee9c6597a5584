"""gold.recommendations: the learned ranker, taught by the validation window, orders the candidates of the test cut; and why each item is there."""

from __future__ import annotations

import logging
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph import progress, rank
from basketgraph.config import Config
from basketgraph.cuts import run_cuts
from basketgraph.history import items_or_sold, kept_before, known_before
from basketgraph.recall import RecallSettings
from basketgraph.runs import StepReport, job_main
from basketgraph.tables import Release

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, release: Release) -> StepReport:
    settings, cuts = conf.section("rank", rank.RankSettings), run_cuts(conf, ds, release)
    events, kept = release.read("silver.events"), release.read("gold.kept_purchases")
    items = items_or_sold(release.read("silver.items"), events, conf.source)

    def at(table: str, cut: date) -> DataFrame:
        return release.read(table).where(F.col("as_of") == F.lit(cut))

    def featured(candidates: DataFrame, cut: date) -> DataFrame:
        purchases = rank.purchases_before(kept_before(events, kept, as_of=cut), items, as_of=cut)
        own = rank.own_history(purchases, half_life_days=settings.half_life_days)
        # Six frames are made of it: it is made once, and spread so that none of them, and no join with them, moves a row again.
        own = own.repartition(int(str(spark.conf.get("spark.sql.shuffle.partitions"))), "user_id").localCheckpoint()
        return rank.features(candidates, purchases, own)

    progress.at("features to learn from")
    bought = kept_before(events, kept, as_of=cuts.end(cuts.validation))  # what was sent back within the window is no success
    learnt = rank.labelled(at("gold.candidates", cuts.validation), bought, as_of=cuts.validation, window_days=cuts.window_days, settings=settings)
    training = featured(learnt, cuts.validation).toArrow()
    progress.at(f"rankers learn from {training.num_rows:,} candidates")
    rankers = rank.train_rankers(training, settings)
    unlearnt = [name for name, ranker in rankers.items() if ranker.ladder]
    if unlearnt:
        log.warning("recommendations: too little to learn from for %s: ordered by own frequency, then popularity", " and ".join(unlearnt))
    progress.at("ranking every user's candidates")
    lists = rank.ranked_lists(featured(at("gold.candidates", cuts.test), cuts.test), rankers, settings.k).localCheckpoint()  # read twice below
    listed = lists.select("item_id").distinct()
    related = at("gold.related_items", cuts.test).join(F.broadcast(listed), F.col("related_item_id") == listed["item_id"], how="left_semi")
    item_side = rank.evidence(
        known_before(items, cuts.test).select("item_id", "name").orderBy("item_id").toArrow(),
        at("gold.candidates", cuts.test).groupBy("item_id").agg(F.max("popularity_score").cast("bigint").alias("buyers")).fillna(0).toArrow(),
        related.select("item_id", "related_item_id", "score", "users").toArrow(),
        at("gold.item_embeddings", cuts.test).select("item_id", "embedding", "message").toArrow(),
        popularity_days=conf.section("recall", RecallSettings).popularity_days,
        parts=settings.evidence_items,
    )
    progress.at("writing every user's lists, with reasons")
    users = rank.listed_users(lists, at("gold.interactions", cuts.test), at("gold.user_embeddings", cuts.test))
    version = F.create_map(*(F.lit(part) for name, ranker in rankers.items() for part in (name, ranker.version)))
    no_propensity = F.lit(None).cast("double").alias("propensity")
    published = rank.reasons(users, item_side).select("*", no_propensity, version[F.col("setting")].alias("model_version"))
    release.overwrite_day(published.withColumn("as_of", F.lit(cuts.test)), "gold.recommendations", cuts.test)
    release.check("gold.recommendations")
    return StepReport(training.num_rows, at("gold.recommendations", cuts.test).count(), detail={"ordered_by_ladder": unlearnt})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
