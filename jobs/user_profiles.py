"""gold.user_profiles: what was known of each user before each of the run's cuts."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.persons import Persons
from basketgraph.foundation.point_in_time import items_or_sold, require_purchases
from basketgraph.foundation.progress import each
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.profiles.user_days import net_days
from basketgraph.profiles.user_profiles import ProfilesSettings, user_profiles


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, cuts = conf.section("profiles", ProfilesSettings), run_cuts(conf, ds, tables)
    days, users = tables.read("gold.user_days"), tables.read("silver.users")
    persons, kept = Persons(tables, conf.source), tables.read("gold.kept_purchases")
    of_goal = GoalEvents(tables, conf.source)
    require_purchases(of_goal.events, conf.source_name, what="profiles and lists", before=cuts.test, goal=of_goal.goal)
    items = items_or_sold(tables.read("silver.items"), of_goal.events, conf.source)
    for cut in each(cuts.days, "cuts done"):
        net = net_days(days, persons.events, kept, persons.links(cut), as_of=cut, time_zone=conf.source["time_zone"])
        profiles = user_profiles(net, items, users, as_of=cut, settings=settings)
        tables.overwrite_day(profiles, "gold.user_profiles", cut)
    tables.check("gold.user_profiles")
    return StepReport(days.count(), tables.read("gold.user_profiles").count())


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
