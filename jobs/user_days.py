"""gold.user_days: what each user bought on each day; only the days whose events changed are written anew."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from basketgraph.config import Config
from basketgraph.foundation.code_hash import step_code
from basketgraph.history import want_purchases
from basketgraph.profiles import ProfilesSettings, recipe_of, stale_days, user_days
from basketgraph.runs import StepReport, job_main
from basketgraph.tables import Release

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(spark: SparkSession, conf: Config, ds: date, release: Release) -> StepReport:
    settings = conf.section("profiles", ProfilesSettings)
    zone = conf.source["time_zone"]
    recipe = recipe_of(step_code("user_days"), zone)
    events, version = release.read("silver.events"), release.version("silver.events")
    want_purchases(events, conf.source_name, what="profiles and lists")
    built = release.built_from("gold.user_days") or {}
    known = built.get("recipe") == recipe and built.get("events") is not None
    days = release.changed_days("silver.events", "event_date", built["events"]) if known else None
    if days is None:  # no change data feed from then on: the tables themselves are compared
        days = [row.event_date for row in stale_days(events, release.read("gold.user_days"), recipe=recipe).collect()]
    built_from = {"events": version, "recipe": recipe}
    if len(days) > settings.rewrite_days or not release.exists("gold.user_days"):
        release.overwrite(user_days(events, time_zone=zone, recipe=recipe), "gold.user_days", built_from=built_from)
    elif days:
        anew = user_days(events.where(events.event_date.isin(days)), time_zone=zone, recipe=recipe)
        release.overwrite_days(anew, "gold.user_days", days, column="event_date", built_from=built_from)
    release.check("gold.user_days")
    return StepReport(events.count(), release.read("gold.user_days").count(), {"days": len(days)})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
