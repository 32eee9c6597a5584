"""gold.user_days: what each user bought on each day; only the days whose events changed are written anew."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession

from basketgraph.foundation.code_hash import step_code
from basketgraph.foundation.config import Config
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.persons import Persons
from basketgraph.foundation.point_in_time import require_purchases
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.profiles.user_days import outdated_days, recipe_of, user_days
from basketgraph.profiles.user_profiles import ProfilesSettings


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, zone = conf.section("profiles", ProfilesSettings), conf.source["time_zone"]
    recipe = recipe_of(step_code("user_days"), zone)
    events = Persons(tables, conf.source).events
    of_goal = GoalEvents(tables, conf.source)
    require_purchases(of_goal.events, conf.source_name, what="profiles and lists", goal=of_goal.goal)
    built_from = {"events": tables.version("silver.events"), "recipe": recipe}
    outdated = outdated_days(tables, recipe=recipe, rewrite_days=settings.rewrite_days)
    if outdated.whole:
        tables.overwrite(user_days(events, time_zone=zone, recipe=recipe), "gold.user_days", built_from=built_from)
    elif outdated.days:
        changed = user_days(events.where(events.event_date.isin(outdated.days)), time_zone=zone, recipe=recipe)
        tables.overwrite_days(changed, "gold.user_days", outdated.days, column="event_date", built_from=built_from)
    tables.check("gold.user_days")
    return StepReport(events.count(), tables.read("gold.user_days").count(), {"days": len(outdated.days)})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
