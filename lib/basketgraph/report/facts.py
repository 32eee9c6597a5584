"""What the page tells, read from the warehouse's own records: a fixed number of rows however many runs there were."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pyspark.sql import Window
from pyspark.sql import functions as F

from basketgraph.contracts import contracts
from basketgraph.report.changes import Changes, changes
from basketgraph.report.examples import Example, live_examples
from basketgraph.report.known_users import Pseudonyms
from basketgraph.report.newest import newest_checks
from basketgraph.report.records import about, as_dicts, left_out, records
from basketgraph.report.steps import newest_steps, unfinished
from basketgraph.report.trends import broken_by_run, check_histories, deliveries, shop_days
from basketgraph.runs import RunLog
from basketgraph.tables import Release, newest_release

MOST_REASONS = 30


@dataclass(frozen=True)
class Facts:
    """Rows of the records as dicts; empty where a step has not run."""

    run_id: str
    ds: date
    release: dict[str, Any] | None  # the live one
    steps: list[dict[str, Any]]  # of this run, each with its last try, in order
    checks: list[dict[str, Any]]  # every table's newest results
    runs: list[dict[str, Any]]  # broken promises a run, oldest first
    files: list[dict[str, Any]]  # counts a table
    quarantined: list[dict[str, Any]]  # files that are set aside now
    deliveries: list[dict[str, Any]]  # counts a day of pick-up, oldest first
    days: list[dict[str, Any]]  # purchases a day, oldest first
    rejected: list[dict[str, Any]]  # counts and two rows a table and reason, most frequent first
    evaluations: list[dict[str, Any]]  # of the newest cut
    examples: list[Example]  # recommendations of a few users
    versions: dict[str, int] = field(default_factory=dict)
    evaluated: int | None = None  # the version of gold.recommendations that `evaluations` are about, where a run knows it
    histories: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)  # a check's value day by day
    changes: Changes = field(default_factory=Changes)  # since the page before
    unfinished: list[str] = field(default_factory=list)  # steps that should have run before the page and did not end
    judged_from: str | None = None  # of lists of a shop that is too young to be judged: the first day at which it can be


def facts(release: Release, ds: date, history_days: int, pseudonyms: Pseudonyms, runs: RunLog | None = None) -> Facts:
    """Everything the page needs, from the newest versions.

    pseudonyms: of raw ids, so that no known user's is in an example.
    runs:       says which steps are up to date; without it no step is missed.
    """
    checks, steps = newest_checks(release), newest_steps(release)
    judged = runs.last.get("evaluations") if runs is not None else None
    gate = runs.last.get("gate") if runs is not None else None
    return Facts(
        run_id=release.run_id,
        ds=ds,
        release=newest_release(release),
        steps=steps,
        checks=checks,
        runs=broken_by_run(release, history_days),
        files=_files(release),
        quarantined=_quarantined(release),
        deliveries=deliveries(release, history_days),
        days=shop_days(release, ds, history_days),
        rejected=_rejected(release),
        evaluations=_evaluations(release),
        examples=live_examples(release, pseudonyms),
        versions=release.versions(list(contracts())),
        evaluated=judged["inputs"].get("gold.recommendations") if judged else None,
        histories=check_histories(release, ds, history_days),
        changes=changes(release, checks),
        unfinished=[] if runs is None else unfinished(steps, runs, ds),
        judged_from=json.loads(gate["detail"] or "{}").get("judged_from") if gate else None,
    )


def _files(release: Release) -> list[dict[str, Any]]:
    """As the summary counts them: files that were read to their end."""
    sums = [F.sum(f"rows_{what}").alias(what) for what in ("read", "accepted", "rejected", "duplicate")]
    sums += [F.sum(about()).alias("about"), F.sum(left_out()).alias("left_out")]
    done = records(release, "ops.files").where("status = 'done'")
    return as_dicts(done.groupBy("table_name").agg(F.countDistinct("source_file").alias("files"), *sums).orderBy("table_name"))


def _quarantined(release: Release) -> list[dict[str, Any]]:
    """A row a file, whatever the number of tables that wait for it; one that was mended and read since is not set aside any more."""
    newest = records(release, "ops.files").groupBy("table_name", "source_file").agg(F.max_by(F.struct("status", "problem"), "seen_at").alias("last"))
    aside = newest.where("last.status = 'quarantined'").groupBy("source_file").agg(F.max("last.problem").alias("problem"))
    return as_dicts(aside.orderBy("source_file"))


def _rejected(release: Release) -> list[dict[str, Any]]:
    """Rows a table and reason from the ledger, where every delivery counts, each with two of the kept rows."""
    done = records(release, "ops.files").where("status = 'done'").select("table_name", F.inline("rejected_by_reason"))
    counted = done.groupBy("table_name", "reason").agg(F.sum("rows").alias("rows"))
    kept = records(release, "silver.rejected_rows").select("table_name", F.explode("reasons").alias("reason"), "payload")
    examples = kept.groupBy("table_name", "reason").agg(F.min("payload").alias("first"), F.max("payload").alias("last"))
    told = counted.join(examples, ["table_name", "reason"], "left")  # one row of examples a reason at the most
    return as_dicts(told.orderBy(F.desc("rows"), "table_name", "reason").limit(MOST_REASONS))


def _evaluations(release: Release) -> list[dict[str, Any]]:
    newest = F.max("as_of").over(Window.partitionBy(F.lit(1)))
    at_newest = records(release, "ops.evaluations").withColumn("newest", newest).where("as_of = newest").drop("newest")
    return as_dicts(at_newest.orderBy("setting", "model", "metric", "versus"))
