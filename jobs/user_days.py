"""gold.user_days: what each user did and bought on each day; only the days on which something changed are written anew."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession

from basketgraph.foundation.code_hash import step_code
from basketgraph.foundation.config import Config
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.point_in_time import require_purchases
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.profiles.changed_days import recipe_of, write_changed_days
from basketgraph.profiles.user_days import USER_DAYS, read_activity, user_days
from basketgraph.profiles.user_profiles import ProfilesSettings


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, zone = conf.section("profiles", ProfilesSettings), conf.source["time_zone"]
    recipe = recipe_of(step_code("user_days"), zone)
    activity, sources = read_activity(tables, conf.source)
    of_goal = GoalEvents(tables, conf.source)
    require_purchases(of_goal.events, conf.source_name, what="profiles and lists", goal=of_goal.goal)
    days = write_changed_days(
        tables,
        USER_DAYS,
        lambda rows: user_days(rows, time_zone=zone, recipe=recipe),
        activity=activity,
        sources=sources,
        recipe=recipe,
        rewrite_days=settings.rewrite_days,
    )
    tables.check("gold.user_days")
    return StepReport(activity.count(), tables.read(USER_DAYS).count(), {"days": days})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
