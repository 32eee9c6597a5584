"""gold.sessions, gold.impossible_visitors: visits and who is no person, of shops that record more than purchases; only changed days are written."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame, SparkSession

from basketgraph.foundation.code_hash import step_code
from basketgraph.foundation.config import Config
from basketgraph.foundation.persons import by_actor
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.profiles.changed_days import recipe_of, write_changed_days, write_days
from basketgraph.profiles.impossible_visitors import IMPOSSIBLE, impossible_visitors, outdated
from basketgraph.profiles.sessions import SESSIONS, sessions
from basketgraph.profiles.user_days import EVENTS, USER_DAYS, records_behaviours
from basketgraph.profiles.user_profiles import ProfilesSettings


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, code, events = conf.section("profiles", ProfilesSettings), step_code("sessions"), tables.read(EVENTS)
    if not records_behaviours(events):
        tables.empty(SESSIONS)
        tables.empty(IMPOSSIBLE)
        return StepReport(0, 0)
    minutes, recipe = settings.session_minutes, recipe_of(code, settings.session_minutes)
    days = write_changed_days(
        tables,
        SESSIONS,
        lambda rows: sessions(rows, inactivity_minutes=minutes, recipe=recipe),
        activity=events,
        sources=[EVENTS],
        recipe=recipe,
        rewrite_days=settings.rewrite_days,
    )
    limits = {"minute_looks": settings.impossible_minute_looks, "day_items": settings.impossible_day_items}
    of_limits = recipe_of(code, sorted(limits.items()))

    def impossible_of(rows: DataFrame) -> DataFrame:
        return impossible_visitors(by_actor(rows), tables.read(USER_DAYS), recipe=of_limits, **limits)

    changed = outdated(tables, recipe=of_limits, rewrite_days=settings.rewrite_days)
    write_days(tables, IMPOSSIBLE, impossible_of, events, changed, {EVENTS: tables.version(EVENTS), "recipe": of_limits})
    tables.check("gold.sessions", "gold.impossible_visitors")
    detail = {"days": days, "impossible": tables.read(IMPOSSIBLE).select("user_id").distinct().count()}
    return StepReport(events.count(), tables.read(SESSIONS).count(), detail)


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
