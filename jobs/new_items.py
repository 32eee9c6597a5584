"""gold.new_item_candidates: items that few people have yet, for the people whom they may interest, at each of the run's cuts."""

from __future__ import annotations

import logging
from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.content.new_item_candidates import (
    described_items,
    known_items,
    learned_new_items,
    new_item_candidates,
    new_items,
    sampled_edges,
    user_lines,
)
from basketgraph.content.settings import ContentSettings
from basketgraph.content.text_vectors import item_texts
from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.point_in_time import items_or_sold, kept_before, known_before
from basketgraph.foundation.progress import each
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings = conf.section("content", ContentSettings)
    persons, kept = GoalEvents(tables, conf.source), tables.read("gold.kept_purchases")
    items = items_or_sold(tables.read("silver.items"), persons.events, conf.source)
    vectors = tables.read("gold.item_text_vectors").where(F.col("model") == F.lit(settings.model_id()))  # none where texts are not encoded
    for cut in each(run_cuts(conf, ds, tables).days, "cuts done"):
        edges, refused = (tables.read(table).where(F.col("as_of") == F.lit(cut)) for table in ("gold.interactions", "gold.refused_items"))
        bought = kept_before(persons.at(cut), kept, as_of=cut)
        limits = {"days": settings.new_item_days, "buyers": settings.new_item_buyers, "most": settings.max_new_items}
        new = new_items(items, bought, as_of=cut, **limits).localCheckpoint()
        known = known_items(edges, new, settings.max_known_items).localCheckpoint()
        described = described_items(known, new, item_texts(known_before(items, cut), settings.text), vectors).toArrow()
        people = sampled_edges(edges, known, users=settings.new_item_users, seed=settings.seed).toArrow()
        item_side = learned_new_items(described, people, seed=settings.seed)
        log.info("new items %s: %d, of which %d can be compared", cut, new.count(), 0 if item_side is None else len(item_side.new))
        if item_side is None:
            tables.clear_day("gold.new_item_candidates", cut)
            continue
        users = user_lines(edges, refused).repartition(2 * spark.sparkContext.defaultParallelism, "user_id")  # work for Python
        tables.overwrite_day(new_item_candidates(users, item_side).withColumn("as_of", F.lit(cut)), "gold.new_item_candidates", cut)
    tables.check("gold.new_item_candidates")
    return StepReport(rows_in=tables.read("gold.interactions").count(), rows_out=tables.read("gold.new_item_candidates").count())


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
