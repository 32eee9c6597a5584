"""Telling people that a run was stopped: a command or an address of theirs gets what failed, since when, and where to read on."""

from __future__ import annotations

import json
import logging
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import date, timezone
from typing import TYPE_CHECKING, Any

from pydantic import PositiveFloat
from pyspark.sql import functions as F

from basketgraph.config import Config, Mistake, Settings
from basketgraph.masking import without_addresses

if TYPE_CHECKING:
    from basketgraph.tables import Release

log = logging.getLogger("basketgraph")

STOPPED, REFUSED = 3, 4  # exit codes
ALERTED = {STOPPED: "stopped by quality", REFUSED: "refused by the gate"}
READ = {STOPPED: "docs/quality.md#when-a-run-stopped", REFUSED: "docs/operating.md#when-the-gate-refused"}


class AlertSettings(Settings):
    """conf/settings.yaml `alerts`. command: gets the alert as JSON on stdin; url: gets it by POST. Both, one or none."""

    command: tuple[str, ...] = ()
    url: str | None = None
    timeout_seconds: PositiveFloat


def stop_alert(error: Exception, *, step: str, shop: str, ds: date, run_id: str, warehouse: str, since: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is told of a stop. It holds counts and names of checks, never a row's values.

    since: the first of the runs in which the step failed without a success in between. Failed checks have one of their own; the earliest counts.
    """
    code = int(getattr(error, "exit_code", 1))
    failures = list(getattr(error, "failures", ())) or list(getattr(error, "reasons", ()))
    begun = [failure["since"] for failure in failures if isinstance(failure, Mapping)]
    return {
        "what": ALERTED[code],
        "shop": shop,
        "ds": ds.isoformat(),
        "run_id": run_id,
        "step": step,
        "since": min(begun, key=lambda first: first["at"]) if begun else since,
        "failures": failures,
        "message": str(error),
        "report": f"{warehouse.rstrip('/')}/reports/{run_id}.html",
        "read": READ[code],
    }


def what_failed(error: Exception) -> dict[str, Any]:
    """The detail of a failed step's row in the run log."""
    return {"error": without_addresses(f"{type(error).__name__}: {error}")[:4000], "exit_code": int(getattr(error, "exit_code", 1))}


def refusal(detail: Mapping[str, Any]) -> str | None:
    """Why quality or the gate stopped a step, from the detail of its failed row; None where something else ended it."""
    return str(detail["error"]).partition(": ")[2] if detail.get("exit_code") in ALERTED else None


def failing_since(release: Release, runs: str, step: str) -> dict[str, Any] | None:
    """{run_id, at} of the first failure of `step` since it last succeeded. runs: the table of the run log."""
    rows = release.newest(runs).where(F.col("step") == step).select("run_id", "status", "started_at").orderBy(F.desc("finished_at")).collect()
    first = None
    for row in rows:
        if row.status != "failed":
            break
        first = {"run_id": row.run_id, "at": row.started_at.astimezone(timezone.utc).isoformat(timespec="seconds")}
    return first


def send(alert: Mapping[str, Any], conf: Config) -> None:
    """Give the alert to the hooks of conf. A hook that fails is logged: the run's own error must not be hidden by it."""
    try:
        settings = conf.section("alerts", AlertSettings)
    except Mistake as mistake:
        log.error("alert: not sent: %s", mistake)
        return
    text = json.dumps(alert, default=str)
    if settings.command:
        _logged("command", lambda: _run(settings.command, text, settings.timeout_seconds))
    if settings.url:
        url = settings.url
        _logged(url, lambda: _post(url, text, settings.timeout_seconds))


def _logged(hook: str, call: Any) -> None:
    try:
        call()
        log.info("alert: sent to %s", hook)
    except Exception as error:
        log.error("alert: %s failed: %s", hook, error)


def _run(command: Sequence[str], text: str, seconds: float) -> None:
    done = subprocess.run(list(command), input=text, text=True, capture_output=True, timeout=seconds, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}")


def _post(url: str, text: str, seconds: float) -> None:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"want an address that begins with http:// or https://, have {url}")
    request = urllib.request.Request(url, data=text.encode(), headers={"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=seconds):
        pass
