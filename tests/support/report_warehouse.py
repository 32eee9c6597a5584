"""A warehouse with the records of any number of daily runs, built from the contracts: one append a table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows

LAST_DAY = date(2026, 1, 3)  # a Saturday
LEAST_HISTORY = 28  # runs before a usual range is told
Row = dict[str, Any]

KEPT = ("quantity is at least 1", "user id is a pseudonym", "currency is a three-letter code", "no two rows share the same event id")
NOTE = "A limit without its reason cannot be argued about, and one that nobody argues about is not looked at."


def warehouse_of(spark: SparkSession, root: Path, runs: int) -> RunTables:
    """The records after `runs` daily runs, seen by the last one. On its last day something is broken, mended, accepted, unusual and set aside."""
    days = [LAST_DAY - timedelta(days=ago) for ago in range(runs - 1, -1, -1)]
    written: dict[str, list[Row]] = {
        "ops.runs": [row for day in days for row in _steps(day)],
        "ops.quality_results": [row for number, day in enumerate(days) for row in _results(number, day)],
        "ops.files": [row for day in days for row in _files(day)],
        "ops.releases": [_release(number, day) for number, day in enumerate(days, 1)],
        "silver.events": [row for number, day in enumerate(days) for row in _events(number, day)],
        "silver.rejected_rows": [
            {
                "table_name": "silver.events",
                "reasons": [reason],
                "payload": '{"InvoiceNo": "536414", "Description": null, "Quantity": "56", "UnitPrice": "0"}',
            }
            for reason in ("missing:user_id", "price_not_positive")
        ],
        "ops.evaluations": list(_evaluations()),
        "gold.recommendations": [
            {
                "as_of": LAST_DAY,
                "setting": "rebuy",
                "user_id": user,
                "rank": place,
                "item_id": f"item-{place}",
                "reason": "bought 3 times, last on 2 January",
            }
            for user in ("u1", "u2", "u3")
            for place in (1, 2, 3, 4, 5)
        ],
        "gold.interactions": [
            {"as_of": LAST_DAY, "user_id": user, "item_id": f"item-{item}", "purchases": 2, "last_date": LAST_DAY}
            for user in ("u1", "u2", "u3")
            for item in (1, 2, 3)
        ],
        "silver.items": [{"item_id": f"item-{n}", "valid_from": date(2025, 1, 1), "name": f"SET OF {n} RED RETROSPOT TINS"} for n in range(1, 6)],
    }
    release = RunTables(spark, str(root), _run(LAST_DAY))
    for table, given in written.items():
        release.append(rows(spark, table, given).coalesce(1), table)
    return release


def _run(day: date) -> str:
    return f"{day:%Y%m%d}T040000-abcdef"


def at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=timezone.utc)


def wave(day: date) -> float:
    """Between -1 and 1, by weekday and a little by day: what a shop's weeks look like."""
    return (day.weekday() - 3) / 4 + (day.toordinal() * 7919 % 13 - 6) / 30


def _steps(day: date) -> Iterator[Row]:
    for hour, step in ((4, "clean"), (5, "publish"), (6, "report")):
        if (day, step) != (LAST_DAY, "report"):  # that one is being made
            moment = at(day, hour)
            told = {"rows_in": 1400, "rows_out": 1300, "seconds": 61.2}
            yield {"run_id": _run(day), "step": step, "status": "done", "started_at": moment, "finished_at": moment, **told}


def _results(number: int, day: date) -> Iterator[Row]:
    last, place = day == LAST_DAY, {"run_id": _run(day), "ds": day, "checked_at": at(day, 4), "table_version": number, "notes": NOTE}
    known = number >= LEAST_HISTORY
    lines = 610.0 if last else round(1400 + 150 * wave(day))
    rejected = 0.02 + 0.005 * wave(day)

    def result(table: str, name: str, **changed: Any) -> Row:
        told = {"severity": "critical", "success": True, "observed": "true of all 34,323 rows", "expected": name, "unexpected_count": 0, "value": 0.0}
        told |= {"outcome": "kept" if changed.get("success", True) else "broken"}
        return {"table_name": table, "check_name": name, "element_count": 34323, "scope_kind": "table", **place, **told, **changed}

    for name in KEPT:
        for table in ("silver.events", "silver.items", "silver.users"):
            yield result(table, name)
    counted = {"severity": "warning", "unexpected_count": None, "observed": f"it is {lines:,.0f}", "value": float(lines)}
    usual = {"usual_low": 1200.0, "usual_high": 1600.0, "anomaly_score": (lines - 1400) / 60, "judged_day": day} if known else {}
    yield result("silver.events", "the number of purchase lines is at least 500", **counted, **usual)
    broken = int(34323 * rejected)
    shared = {"severity": "warning", "unexpected_count": broken, "value": rejected, "observed": f"not true of {broken} rows of 34,323"}
    usual = {"usual_low": 0.01, "usual_high": 0.03, "anomaly_score": 0.4, "judged_day": day} if known else {}
    yield result("silver.events", "quantity is at most 1,000 (in at least 98 % of rows)", **shared, **usual)
    trouble = {"observed": "not true of 12 rows of 34,323 (under 0.1 %)", "unexpected_count": 12, "value": 12 / 34323, "success": not last}
    yield result("silver.items", "nobody pays more than the shelf price", **trouble, severity="warning")
    yield result(
        "silver.users", "the country is known", **trouble, accepted_because="two new markets, see the list of 2 January (B. Tester)" if last else None
    )
    yield result(
        "silver.events",
        "the newest event is at most 7 days old",
        severity="warning",
        success=last or (number % 10 > 0 and (LAST_DAY - day).days > 2),
        value=None,
        observed=f"it is {day}",
    )


def _files(day: date) -> Iterator[Row]:
    last, seen = day == LAST_DAY, {"run_id": _run(day), "seen_at": at(day, 4), "source_file": f"{day}.csv", "file_hash": f"hash-{day}"}
    read = round(1400 + 150 * wave(day))
    rejected = round(read * (0.2 + 0.04 * wave(day)))
    reasons = [("missing:user_id", rejected - 3), ("quantity_not_positive", 3)] + ([("price_not_positive", 3)] if last else [])
    counts = {"rows_read": read, "rows_rejected": rejected, "rows_accepted": read - rejected - 5, "rows_duplicate": 5, "rejected_by_reason": reasons}
    yield {"table_name": "silver.events", "status": "done", **seen, **counts}
    yield {"table_name": "silver.items", "status": "done", **seen, **counts, "rows_rejected": 0, "rows_accepted": read - 5, "rejected_by_reason": []}
    if last:
        none = {"rows_read": 0, "rows_rejected": 0, "rows_accepted": 0, "rows_duplicate": 0, "rejected_by_reason": []}
        aside = {"status": "quarantined", "problem": "missing column InvoiceNo; missing column StockCode", "source_file": "late/march sales.csv"}
        for table in ("silver.events", "silver.items"):
            yield {"table_name": table, **seen, **none, **aside, "file_hash": "hash-aside"}


def _release(number: int, day: date) -> Row:
    versions = {"silver.events": number, "silver.items": number}
    counts = {"silver.events": 33000 + number, "silver.items": 4000 + number // 7}
    return {"release": number, "run_id": _run(day), "published_at": at(day, 5), "as_of": day, "versions": versions, "rows": counts, "kind": "publish"}


def _events(number: int, day: date) -> Iterator[Row]:
    for line in range(round(4 + 2 * wave(day)) if day.weekday() != 5 else 0):  # closed on Saturdays
        yield {"event_type": "purchase", "event_id": f"{number}-{line}", "event_date": day, "user_id": f"u{line}"}


def _evaluations() -> Iterator[Row]:
    for setting in ("rebuy", "discovery"):
        for place, model in enumerate(("published", "personal_frequency", "ease", "graph", "als", "item_cosine", "popularity")):
            value = 0.35 - 0.03 * place
            told = {"as_of": LAST_DAY, "setting": setting, "model": model, "users": 2002}
            for metric, share in (("ndcg@20", 1.0), ("recall@20", 0.4)):
                yield {**told, "metric": metric, "versus": "", "value": value * share, "low": (value - 0.01) * share, "high": (value + 0.01) * share}
            if model != "published":
                gain = {"value": 0.35 - value, "low": 0.03 * place - 0.02, "high": 0.03 * place + 0.02}
                yield {**told, "model": "published", "metric": "ndcg@20", "versus": model, **gain}
