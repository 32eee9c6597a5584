"""gold.user_profiles: what was known of each user before each of the run's cuts."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame, SparkSession

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.persons import Persons, of_persons
from basketgraph.foundation.point_in_time import items_or_sold, require_purchases
from basketgraph.foundation.progress import each
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables, newest_release
from basketgraph.profiles.moods import known_moods
from basketgraph.profiles.user_days import net_days, read_activity, records_behaviours
from basketgraph.profiles.user_profiles import ProfilesSettings, user_profiles
from basketgraph.recall.open_carts import open_carts


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, cuts = conf.section("profiles", ProfilesSettings), run_cuts(conf, ds, tables)
    days, users = tables.read("gold.user_days"), tables.read("silver.users")
    persons, kept = Persons(tables, conf.source), tables.read("gold.kept_purchases")
    of_goal = GoalEvents(tables, conf.source)
    require_purchases(of_goal.events, conf.source_name, what="profiles and lists", before=cuts.test, goal=of_goal.goal)
    activity, has_carts = read_activity(tables, conf.source).rows, records_behaviours(persons.events)
    items = items_or_sold(tables.read("silver.items"), of_goal.events, conf.source)
    moods = live_moods(tables)
    for cut in each(cuts.days, "cuts done"):
        links = persons.links(cut)
        links = None if links is None else links.localCheckpoint()  # each reading of the days below asks for them several times
        net = net_days(days, activity, kept, links, as_of=cut, time_zone=conf.source["time_zone"])
        of_person = persons.events if links is None else of_persons(persons.events, links)
        carts = open_carts(of_person, as_of=cut, days=settings.open_cart_days) if has_carts else None
        of_cut = None if moods is None else known_moods(moods, links, as_of=cut)
        profiles = user_profiles(net, items, users, carts, of_cut, as_of=cut, settings=settings)
        tables.overwrite_day(profiles, "gold.user_profiles", cut)
    tables.check("gold.user_profiles")
    return StepReport(days.count(), tables.read("gold.user_profiles").count())


def live_moods(tables: RunTables) -> DataFrame | None:
    """Those that are live, since the pipeline `content` need not run every day; None where there are none."""
    version = ((newest_release(tables) or {}).get("versions") or {}).get("gold.user_moods")
    return None if version is None else tables.read_version("gold.user_moods", version)


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
