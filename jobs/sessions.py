"""gold.sessions: visits, of shops that record more than purchases; only the days whose events changed are written anew."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession

from basketgraph.foundation.code_hash import step_code
from basketgraph.foundation.config import Config
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.profiles.sessions import SESSIONS, sessions
from basketgraph.profiles.user_days import outdated_days, recipe_of, records_behaviours
from basketgraph.profiles.user_profiles import ProfilesSettings


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings = conf.section("profiles", ProfilesSettings)
    minutes = settings.session_minutes
    recipe = recipe_of(step_code("sessions"), minutes)
    events = tables.read("silver.events")
    if not records_behaviours(events):
        tables.create("gold.sessions")
        return StepReport(0, tables.read("gold.sessions").count())
    built_from = {"events": tables.version("silver.events"), "recipe": recipe}
    outdated = outdated_days(tables, SESSIONS, recipe=recipe, rewrite_days=settings.rewrite_days)
    if outdated.whole:
        tables.overwrite(sessions(events, inactivity_minutes=minutes, recipe=recipe), "gold.sessions", built_from=built_from)
    elif outdated.days:
        changed = sessions(events.where(events.event_date.isin(outdated.days)), inactivity_minutes=minutes, recipe=recipe)
        tables.overwrite_days(changed, "gold.sessions", outdated.days, column="event_date", built_from=built_from)
    tables.check("gold.sessions")
    return StepReport(events.count(), tables.read("gold.sessions").count(), {"days": len(outdated.days)})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
