"""Each table's newest results of checks, by SQL that Spark takes and DataFusion, so that `basketgraph status` needs no JVM to count them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from basketgraph.contracts import contract
from basketgraph.report.open_warnings import with_open

if TYPE_CHECKING:
    from basketgraph.reader import Reader

RESULTS = "ops.quality_results"
Rows = list[dict[str, Any]]


def newest_checks(reader: Reader, until: datetime | None = None) -> Rows:
    """Each table's results of the run that checked it last (of a check that this run did twice, the later one), by table and check; each with `open`,
    the warning of an earlier look whose rows were not looked at since (basketgraph.report.open_warnings).

    until: as they were known at that instant.
    """
    known = "{rows}" if until is None else f"(SELECT * FROM {{rows}} WHERE checked_at <= {_instant(until)})"
    newest_run = "FIRST_VALUE(run_id) OVER (PARTITION BY table_name ORDER BY checked_at DESC, run_id DESC)"
    place = "ROW_NUMBER() OVER (PARTITION BY table_name, check_name ORDER BY checked_at DESC)"
    of_run = f"SELECT * FROM (SELECT *, {newest_run} AS newest_run FROM {known}) WHERE run_id = newest_run"
    newest = f"SELECT {', '.join(contract(RESULTS).columns)} FROM (SELECT *, {place} AS place FROM ({of_run})) WHERE place = 1"
    checks = reader.rows(RESULTS, f"{newest} ORDER BY table_name, success, severity, check_name")
    return with_open(reader, checks, known)


def _instant(moment: datetime) -> str:
    return f"TIMESTAMP '{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}Z'"
