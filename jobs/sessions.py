"""gold.sessions, gold.impossible_visitors: visits and who is no person, of shops that record more than purchases; only changed days are written."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame, SparkSession

from basketgraph.foundation.code_hash import step_code
from basketgraph.foundation.config import Config
from basketgraph.foundation.persons import by_actor
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.profiles.impossible_visitors import IMPOSSIBLE, impossible_visitors, outdated
from basketgraph.profiles.sessions import SESSIONS, sessions
from basketgraph.profiles.user_days import Outdated, outdated_days, recipe_of, records_behaviours
from basketgraph.profiles.user_profiles import ProfilesSettings


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, code = conf.section("profiles", ProfilesSettings), step_code("sessions")
    events, days = tables.read("silver.events"), tables.read("gold.user_days")
    if not records_behaviours(events):
        tables.create(SESSIONS)
        tables.create(IMPOSSIBLE)
        return StepReport(0, tables.read(SESSIONS).count())
    minutes, limits = settings.session_minutes, {"minute_looks": settings.impossible_minute_looks, "day_items": settings.impossible_day_items}

    def visits_of(changed: Outdated, recipe: str) -> DataFrame:
        return sessions(of_days(events, changed), inactivity_minutes=minutes, recipe=recipe)

    def impossible_of(changed: Outdated, recipe: str) -> DataFrame:
        return impossible_visitors(by_actor(of_days(events, changed)), of_days(days, changed), recipe=recipe, **limits)

    recipe = recipe_of(code, minutes)
    changed = outdated_days(tables, SESSIONS, recipe=recipe, rewrite_days=settings.rewrite_days)
    write(tables, SESSIONS, visits_of(changed, recipe), changed, recipe)
    recipe = recipe_of(code, sorted(limits.items()))
    also_changed = outdated(tables, recipe=recipe, rewrite_days=settings.rewrite_days)
    write(tables, IMPOSSIBLE, impossible_of(also_changed, recipe), also_changed, recipe)
    tables.check(SESSIONS, IMPOSSIBLE)
    detail = {"days": len(changed.days), "impossible": tables.read(IMPOSSIBLE).select("user_id").distinct().count()}
    return StepReport(events.count(), tables.read(SESSIONS).count(), detail)


def of_days(rows: DataFrame, changed: Outdated) -> DataFrame:
    return rows if changed.whole else rows.where(rows.event_date.isin(changed.days))


def write(tables: RunTables, table: str, rows: DataFrame, changed: Outdated, recipe: str) -> None:
    """Replace the table's rows of the outdated days, or all of them."""
    built_from = {"events": tables.version("silver.events"), "recipe": recipe}
    if changed.whole:
        tables.overwrite(rows, table, built_from=built_from)
    elif changed.days:
        tables.overwrite_days(rows, table, changed.days, column="event_date", built_from=built_from)


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
