"""How old the live data and lists are, and the alert where that is more than conf allows (`basketgraph status --check`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from basketgraph.foundation.config import Config
from basketgraph.foundation.goals import EVENTS, REVIEWS
from basketgraph.foundation.runs.alerts import KILLED, LATE, STOPPED, AlertSettings, alert
from basketgraph.foundation.tables.deltalake_reader import Reader

LISTS = "gold.recommendations"


def ages(reader: Reader, conf: Config, live: Mapping[str, Any] | None, now: datetime) -> dict[str, dict[str, Any]]:
    """The age of the live data and lists in days of the shop.

    live:    the newest row of ops.releases. now: an instant with a zone.
    returns: {data, lists}: {day, age_days, limit_days, is_late} each. day: of the newest live event (review, where there are no events), and that the
             live lists are for; None where none is live, which is late where there is a limit.
    """
    versions, limits = dict(live["versions"]) if live else {}, conf.section("alerts", AlertSettings)
    newest = next(filter(None, (_newest(reader, table, versions) for table in (EVENTS, REVIEWS))), None)
    as_of = live["as_of"] if live and LISTS in versions else None
    today = now.astimezone(ZoneInfo(conf.source["time_zone"])).date()
    return {"data": _age(newest, today, limits.data_days), "lists": _age(as_of, today, limits.lists_days)}


def _newest(reader: Reader, table: str, versions: Mapping[str, int]) -> date | None:
    """The newest day of a live table; None where it has no row."""
    if table not in versions:
        return None
    day: date | None = reader.rows(table, "SELECT MAX(event_date) AS day FROM {rows}", versions[table])[0]["day"]
    return day


def _age(day: date | None, today: date, limit_days: int | None) -> dict[str, Any]:
    age_days = None if day is None else (today - day).days
    is_late = limit_days is not None and (age_days is None or age_days > limit_days)
    return {"day": day and day.isoformat(), "age_days": age_days, "limit_days": limit_days, "is_late": is_late}


def age_in_words(what: str, age: Mapping[str, Any]) -> str:
    """`the data are of 2026-03-01, 5 days old; at most 3 are allowed`. what: data or lists."""
    limit = "" if age["limit_days"] is None else f"; at most {age['limit_days']} are allowed"
    return f"the {what} are of {age['day']}, {age['age_days']:,} days old{limit}" if age["day"] else f"no {what} are live"


def check_alert(conf: Config, state: Mapping[str, Any]) -> dict[str, Any] | None:
    """What `status --check` objects to, as the alert of it; None where all is well. state: what `status` says."""
    late = [age_in_words(what, age) for what, age in state["ages"].items() if age["is_late"]]
    held = state["holder"]
    killed = [f"run {held['run_id']} was killed, and no run went on since"] if held and held["state"] == KILLED else []
    if not late and not killed:
        return None
    run_id = held["run_id"] if killed else None
    return alert(conf, LATE if late else KILLED, "; ".join([*late, *killed]), exit_code=STOPPED, run_id=run_id, failures=[*late, *killed])
