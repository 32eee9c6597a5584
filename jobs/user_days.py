"""gold.user_days: what each user bought on each day; only the days whose events changed are written anew."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from basketgraph.config import Config
from basketgraph.profiles import ProfilesSettings, recipe_of, stale_days, user_days
from basketgraph.runs import StepReport, code_version, job_main
from basketgraph.tables import Release

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(spark: SparkSession, conf: Config, ds: date, release: Release) -> StepReport:
    settings = conf.section("profiles", ProfilesSettings)
    zone = conf.source["time_zone"]
    recipe = recipe_of(code_version(), zone)
    events = release.read("silver.events")
    stale = [row.event_date for row in stale_days(events, release.read("gold.user_days"), recipe=recipe).collect()]
    if len(stale) > settings.rewrite_days or not release.exists("gold.user_days"):
        release.overwrite(user_days(events, time_zone=zone, recipe=recipe), "gold.user_days")
    else:
        for day in sorted(stale):
            days = user_days(events.where(events.event_date == day), time_zone=zone, recipe=recipe)
            release.overwrite_day(days, "gold.user_days", day, column="event_date")
    release.check("gold.user_days")
    return StepReport(events.count(), release.read("gold.user_days").count(), {"stale_days": len(stale)})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
