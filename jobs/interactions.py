"""gold.interactions: weighted user-item edges before each of the run's cuts, held against the leak check; gold.refused_items beside them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import Cuts, run_cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.persons import Persons
from basketgraph.foundation.point_in_time import items_or_sold, require_purchases
from basketgraph.foundation.progress import at, each
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.interactions.interactions import (
    InteractionsSettings,
    done_before,
    edges_to_learn_from,
    fixed_weights,
    interactions,
    recorded_behaviours,
)
from basketgraph.interactions.leaks import check_cut
from basketgraph.interactions.refused_items import refusals, refused_items
from basketgraph.recall.edge_weights import learned_weights
from basketgraph.recall.settings import RecallSettings

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, cuts = conf.section("interactions", InteractionsSettings), run_cuts(conf, ds, tables)
    persons, kept, reviews = GoalEvents(tables, conf.source), tables.read("gold.kept_purchases"), tables.read("silver.reviews")
    plain = Persons(tables, conf.source)  # what was refused and bought is so whatever the goal
    items = items_or_sold(tables.read("silver.items"), persons.events, conf.source)
    require_purchases(persons.events, conf.source_name, items=2, goal=persons.goal)
    behaviours = recorded_behaviours(persons.events, before=cuts.test)
    detail = behaviour_weights(persons, kept, items, cuts, behaviours, settings, seed=conf.section("recall", RecallSettings).seed)
    weights = {name: one["weight"] for name, one in detail.items()}
    for cut in each(cuts.days, "cuts done"):
        events, as_they_are = persons.at(cut), plain.at(cut)
        refused = refusals(as_they_are, kept, persons.of(reviews, cut), as_of=cut, kinds=settings.refusals, days=settings.refusal_days)
        if not refused.isEmpty():
            refused = refused_items(refused, as_they_are, kept, as_of=cut)
        tables.overwrite_day(refused.withColumn("as_of", F.lit(cut)), "gold.refused_items", cut)
        refused = tables.read("gold.refused_items").where(F.col("as_of") == F.lit(cut))
        done = done_before(events, kept, as_of=cut, behaviours=behaviours)
        edges = interactions(done, items, as_of=cut, half_life_days=settings.half_life_days, weights=weights)
        edges = edges.join(refused.select("user_id", "item_id"), ["user_id", "item_id"], how="left_anti")
        tables.overwrite_day(edges, "gold.interactions", cut)
        written = tables.read("gold.interactions").where(F.col("as_of") == F.lit(cut))
        check_cut(events, kept, written, cut=cut, time_zone=conf.source["time_zone"])
    tables.check("gold.interactions", "gold.refused_items")
    return StepReport(persons.events.count(), tables.read("gold.interactions").count(), detail={"behaviour_weights": detail} if detail else {})


def behaviour_weights(
    persons: GoalEvents, kept: DataFrame, items: DataFrame, cuts: Cuts, behaviours: Sequence[str], settings: InteractionsSettings, *, seed: int
) -> dict[str, dict[str, Any]]:
    """behaviour -> weight, low, high, and how it came about: fixed, learned or unlearned."""
    if not behaviours or settings.behaviour_weights != "learn":
        return fixed_weights(behaviours, settings)
    at("learning what each behaviour counts")
    begin = cuts.validation - timedelta(days=cuts.window_days)
    edges, bought = edges_to_learn_from(persons.at(begin), kept, items, behaviours, settings, begin=begin, end=cuts.validation)
    learned = learned_weights(edges, bought, behaviours, seed=seed)
    if learned is None:
        log.warning("interactions: too few purchases before %s to learn what other behaviours count: the weights of conf hold", cuts.validation)
        return fixed_weights(behaviours, settings)
    for name, weight in learned.items():
        log.info("interactions: %s counts %g [%g, %g] of a purchase", name, weight["weight"], weight["low"], weight["high"])
    return learned


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
