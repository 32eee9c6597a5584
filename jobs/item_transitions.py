"""gold.item_transitions: what people go on to after an item within a visit, at each of the run's cuts; empty where a shop records purchases alone."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.point_in_time import items_or_sold, kept_before
from basketgraph.foundation.progress import each
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.foundation.transitions import TransitionSettings
from basketgraph.recall.assortment import assortment
from basketgraph.recall.item_transitions import item_transitions, visits_before
from basketgraph.recall.settings import RecallSettings


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, sessions = conf.section("recall", RecallSettings), tables.read("gold.sessions")
    if sessions.isEmpty():
        tables.empty("gold.item_transitions")
        return StepReport(0, 0)
    persons, kept = GoalEvents(tables, conf.source), tables.read("gold.kept_purchases")
    items = items_or_sold(tables.read("silver.items"), persons.events, conf.source)
    for cut in each(run_cuts(conf, ds, tables).days, "cuts done"):
        bought = kept_before(persons.at(cut), kept, as_of=cut)
        listed = assortment(bought, items, as_of=cut, sold_days=settings.sold_days, popularity_days=settings.popularity_days)
        visits = persons.of(visits_before(sessions, as_of=cut, days=settings.transition_days), cut)
        found = item_transitions(visits, listed, TransitionSettings(), neighbours=settings.related_neighbours)
        tables.overwrite_day(found.withColumn("as_of", F.lit(cut)), "gold.item_transitions", cut)
    tables.check("gold.item_transitions")
    return StepReport(rows_in=sessions.count(), rows_out=tables.read("gold.item_transitions").count())


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
