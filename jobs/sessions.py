"""gold.sessions: visits, of shops that record more than purchases; only the days whose events changed are written anew."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession

from basketgraph.foundation.code_hash import step_code
from basketgraph.foundation.config import Config
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.profiles.changed_days import recipe_of, write_changed_days
from basketgraph.profiles.sessions import SESSIONS, sessions
from basketgraph.profiles.user_days import EVENTS, records_behaviours
from basketgraph.profiles.user_profiles import ProfilesSettings


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, events = conf.section("profiles", ProfilesSettings), tables.read(EVENTS)
    if not records_behaviours(events):
        tables.create(SESSIONS)
        return StepReport(0, tables.read(SESSIONS).count())
    recipe = recipe_of(step_code("sessions"), settings.session_minutes)
    days = write_changed_days(
        tables,
        SESSIONS,
        lambda rows: sessions(rows, inactivity_minutes=settings.session_minutes, recipe=recipe),
        activity=events,
        sources=[EVENTS],
        recipe=recipe,
        rewrite_days=settings.rewrite_days,
    )
    return StepReport(events.count(), tables.read(SESSIONS).count(), {"days": days})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
