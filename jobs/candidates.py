"""gold.candidates: the union of every recommender's best items for each user, in both settings, at each of the run's cuts."""

from __future__ import annotations

import logging
from datetime import date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.point_in_time import items_or_sold, kept_before
from basketgraph.foundation.progress import each
from basketgraph.foundation.recommenders import VECTORS
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.foundation.transitions import TransitionSettings
from basketgraph.recall.assortment import assortment
from basketgraph.recall.audiences import OPEN_CART
from basketgraph.recall.candidates import candidates, edges_for_ease, user_rows
from basketgraph.recall.catalogue import COUNTS, catalogue
from basketgraph.recall.item_transitions import last_visit_items, visits_before
from basketgraph.recall.settings import RecallSettings

NEIGHBOURS = {"item_cosine": "gold.related_items", "session": "gold.item_transitions", "words": "gold.similar_items"}  # recommender -> table
log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings = conf.section("recall", RecallSettings)
    persons, kept = GoalEvents(tables, conf.source), tables.read("gold.kept_purchases")
    sessions = tables.read("gold.sessions")
    items = items_or_sold(tables.read("silver.items"), persons.events, conf.source)
    for cut in each(run_cuts(conf, ds, tables).days, "cuts done"):

        def at_cut(table: str, cut: date = cut) -> DataFrame:
            return tables.read(table).where(F.col("as_of") == F.lit(cut))

        lately = {} if sessions.isEmpty() else recent_items(at_cut("gold.audiences"), sessions, persons, cut=cut, settings=settings)
        bought = kept_before(persons.at(cut), kept, as_of=cut)
        listed = assortment(bought, items, as_of=cut, sold_days=settings.sold_days, popularity_days=settings.popularity_days)
        item_side = catalogue(
            listed.toArrow(),
            edges_for_ease(at_cut("gold.interactions"), settings).toArrow(),
            {name: at_cut(table).select("item_id", "related_item_id", "score").toArrow() for name, table in NEIGHBOURS.items()},
            {name: at_cut(of.items).select("item_id", F.col(of.column).alias("vector")).toArrow() for name, of in VECTORS.items()},
            settings,
            counts=(*COUNTS, "open_cart") if lately else COUNTS,
        )
        if item_side.absent:
            log.info("candidates %s: without %s", cut, ", ".join(item_side.absent))
        vectors = {name: at_cut(of.users).select("user_id", F.col(of.column).alias("vector")) for name, of in VECTORS.items()}
        users = user_rows(at_cut("gold.interactions"), vectors, lately, at_cut("gold.refused_items"))
        users = users.repartition(2 * spark.sparkContext.defaultParallelism, "user_id")  # work for Python, which Spark takes for small
        tables.overwrite_day(candidates(users, item_side, settings).withColumn("as_of", F.lit(cut)), "gold.candidates", cut)
    tables.check("gold.candidates")
    return StepReport(rows_in=tables.read("gold.interactions").count(), rows_out=tables.read("gold.candidates").count())


def recent_items(audiences: DataFrame, sessions: DataFrame, persons: GoalEvents, *, cut: date, settings: RecallSettings) -> dict[str, DataFrame]:
    """What the recommenders of open carts and of the last visit score by: user_id, item_id, weight."""
    carts = audiences.where(F.col("audience") == OPEN_CART).select("user_id", "item_id", (F.lit(1.0) / F.col("rank")).alias("weight"))
    visits = persons.of(visits_before(sessions, as_of=cut, days=settings.audience_days), cut)
    return {"open_cart": carts, "session": last_visit_items(visits, decay=TransitionSettings().decay)}


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
