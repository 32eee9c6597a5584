"""The data of the page, read from the tables of ops: a fixed number of rows however many runs there were."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.foundation.contracts import contracts
from basketgraph.foundation.goals import PURCHASE, Goal
from basketgraph.foundation.runs.job import RunLog, last_tries
from basketgraph.foundation.tables.warehouse import RunTables, Warehouse, newest_release
from basketgraph.report import campaign_outcomes, new_places, segments
from basketgraph.report.changes import Changes, changes
from basketgraph.report.examples import Example, live_examples
from basketgraph.report.exposures import Exposures, shop_exposures, shop_responses
from basketgraph.report.known_users import Pseudonyms, hidden, known_user_hider, raw_texts
from basketgraph.report.lists import Lists, shown_lists
from basketgraph.report.live_metrics import live_metrics
from basketgraph.report.newest import newest_checks
from basketgraph.report.records import Rows, as_dicts, file_counts
from basketgraph.report.steps import REPORT, unfinished
from basketgraph.report.trends import broken_by_run, check_histories, deliveries, shop_days
from basketgraph.report.visits import Visits, shop_visits

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MOST_REASONS = 30


@dataclass(frozen=True)
class PageData:
    """Rows of the records as dicts; empty where a step has not run."""

    run_id: str
    ds: date
    release: dict[str, Any] | None  # the live one
    steps: Rows  # of this run, each with its last try, in order
    checks: Rows  # every table's newest results
    runs: Rows  # broken promises a run, oldest first
    files: Rows  # counts a table
    quarantined: Rows  # files that are set aside now
    deliveries: Rows  # counts a day of pick-up, oldest first
    days: Rows  # purchases a day, oldest first
    rejected: Rows  # counts and two rows a table and reason, most frequent first
    evaluations: Rows  # of the newest cut
    examples: list[Example]  # recommendations of a few users
    versions: dict[str, int] = field(default_factory=dict)
    evaluated: int | None = None  # the version of gold.recommendations that `evaluations` are about, where a run knows it
    histories: dict[tuple[str, str], Rows] = field(default_factory=dict)  # a check's value day by day
    changes: Changes = field(default_factory=Changes)  # since the page before
    unfinished: list[str] = field(default_factory=list)  # steps before the page that did not finish
    judged_from: str | None = None  # of a shop that is too young: the first day on which its lists can be judged
    lists: Lists | None = None  # those that customers see, or the newest
    window_days: int = 28  # so many days after lists were made their outcome is counted
    closed_days: tuple[str, ...] = ()  # on which the shop is closed: 2026-05-01, or 12-25 of every year
    goal: Goal = PURCHASE  # what lists are for and judged by
    visits: Visits | None = None  # of a shop that records more than purchases
    exposures: Exposures | None = None  # of a shop that records what it showed
    titles: dict[str, Any] | None = None  # what the last encoding of titles counted
    responses: Rows = field(default_factory=list)  # returns, dismissals and ratings of what was on lists
    segments: dict[str, Any] | None = None  # `metrics.segments` of the step that counted them, where its table is live
    new_places: dict[str, Any] | None = None  # `metrics.new_places` of the step that made the lists, where they are live
    outcomes: dict[str, Any] | None = None  # `metrics.outcomes`, of campaigns that have ended; likewise


def read_page_data(
    tables: RunTables,
    ds: date,
    history_days: int,
    pseudonyms: Pseudonyms,
    runs: RunLog | None = None,
    *,
    window_days: int = 28,
    closed_days: tuple[str, ...] = (),
    goal: Goal = PURCHASE,
) -> PageData:
    """Everything the page needs, from the newest versions, without the raw ids of known users; of lists those that customers see.

    pseudonyms:  of raw ids, with the key that this warehouse's users were made with; with another one no user is known.
    runs:        says which steps are up to date; without it no step is missed.
    window_days: so many days after lists were made their outcome is counted.
    closed_days: on which the shop is closed, as in `quality.closed_days`.
    goal:        of the shop's lists, from its mapping.
    """
    logged, results, files = (tables.newest(f"ops.{name}") for name in ("runs", "quality_results", "files"))
    done = files.where("status = 'done'")
    checks = newest_checks(tables)
    release = newest_release(tables)
    steps = as_dicts(last_tries(logged.where((F.col("run_id") == tables.run_id) & (F.col("step") != REPORT))))
    judged, gate, encoded = (runs.last.get(step) if runs else None for step in ("evaluations", "gate", "text_vectors"))
    lists, visits, exposures = shown_lists(tables, goal), shop_visits(tables, ds, history_days), shop_exposures(tables, ds)
    if lists is not None and lists.are_judged:
        window_days = lists.outcomes[0]["window_days"]  # shorter in a young shop
    data = PageData(
        run_id=tables.run_id,
        ds=ds,
        release=release,
        steps=steps,
        checks=checks,
        runs=broken_by_run(results, history_days),
        files=_files(done),
        quarantined=_quarantined(files),
        deliveries=deliveries(done, history_days),
        days=shop_days(tables.newest("silver.events"), ds, history_days),
        rejected=_rejected(done, tables.newest("silver.rejected_rows")),
        evaluations=_evaluations(tables.newest("ops.evaluations")),
        examples=live_examples(tables, pseudonyms, window_days=window_days, goal=goal),
        versions=tables.versions(list(contracts())),
        evaluated=judged["inputs"].get("gold.recommendations") if judged else None,
        histories=check_histories(results, tables.newest("ops.daily_values"), ds, history_days),
        changes=changes(tables, logged, files, checks),
        unfinished=[] if runs is None else unfinished(steps, runs, ds),
        judged_from=json.loads(gate["detail"] or "{}").get("judged_from") if gate else None,
        lists=lists,
        window_days=window_days,
        closed_days=closed_days,
        goal=goal,
        visits=visits,
        exposures=exposures,
        titles=json.loads(encoded["detail"])["metrics"]["text_vectors"] if encoded else None,
        responses=shop_responses(tables, ds) if visits or exposures else [],
        segments=live_metrics(runs, release, step=segments.STEP, table=segments.TABLE, name="segments"),
        outcomes=live_metrics(runs, release, step=campaign_outcomes.STEP, table=campaign_outcomes.TABLE, name="outcomes"),
        new_places=live_metrics(runs, release, step=new_places.STEP, table=new_places.TABLE, name="new_places"),
    )
    return without_known_users(data, tables, pseudonyms)


def without_known_users(data: PageData, warehouse: Warehouse, pseudonyms: Pseudonyms) -> PageData:
    """Hide every word whose pseudonym is a user of this warehouse, in raw rows, file names and names of products; examples have none."""
    changed, lists, visits, exposures = data.changes, data.lists, data.visits, data.exposures
    parts = [data.rejected, data.quarantined, changed.set_aside, changed.taken_up, lists.products if lists else []]
    parts += [visits.channels, visits.categories] if visits else []
    parts += [exposures.lists, exposures.places] if exposures else []
    hide = known_user_hider(raw_texts(row for part in parts for row in part), warehouse, pseudonyms)
    if hide is None:
        return data

    def shown(rows: Rows) -> Rows:
        return [hidden(row, hide) for row in rows]

    return replace(
        data,
        rejected=shown(data.rejected),
        quarantined=shown(data.quarantined),
        changes=replace(changed, set_aside=shown(changed.set_aside), taken_up=shown(changed.taken_up)),
        lists=lists and replace(lists, products=shown(lists.products)),
        visits=visits and replace(visits, channels=shown(visits.channels), categories=shown(visits.categories)),
        exposures=exposures and replace(exposures, lists=shown(exposures.lists), places=shown(exposures.places)),
    )


def _files(done: DataFrame) -> Rows:
    """As the summary counts them: files that were read to their end."""
    return as_dicts(done.groupBy("table_name").agg(F.countDistinct("source_file").alias("files"), *file_counts()).orderBy("table_name"))


def _quarantined(files: DataFrame) -> Rows:
    """One row for each file that is still set aside: {source_file, problem}."""
    newest = files.groupBy("table_name", "source_file").agg(F.max_by(F.struct("status", "problem"), "seen_at").alias("last"))
    aside = newest.where("last.status = 'quarantined'").groupBy("source_file").agg(F.max("last.problem").alias("problem"))
    return as_dicts(aside.orderBy("source_file"))


def _rejected(done: DataFrame, rejected_rows: DataFrame) -> Rows:
    """Rejected rows by table and reason as ops.files counts them, with two examples each from silver.rejected_rows."""
    counted = done.select("table_name", F.inline("rejected_by_reason")).groupBy("table_name", "reason").agg(F.sum("rows").alias("rows"))
    kept = rejected_rows.select("table_name", F.explode("reasons").alias("reason"), "payload")
    examples = kept.groupBy("table_name", "reason").agg(F.min("payload").alias("first"), F.max("payload").alias("last"))
    reasons = counted.join(examples, ["table_name", "reason"], how="left")  # one row of examples a reason at the most
    return as_dicts(reasons.orderBy(F.desc("rows"), "table_name", "reason").limit(MOST_REASONS))


def _evaluations(evaluations: DataFrame) -> Rows:
    newest = evaluations.agg(F.max("as_of").alias("as_of"))
    return as_dicts(evaluations.join(newest, "as_of", how="left_semi").orderBy("setting", "model", "metric", "versus"))
