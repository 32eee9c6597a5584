"""Alerts: a command or a URL gets what failed, since when, and where to read on."""

from __future__ import annotations

import json
import logging
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timezone
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from pydantic import PositiveFloat, PositiveInt

from basketgraph.foundation.config import Config, Settings, UserError
from basketgraph.foundation.failures import handling, in_a_line
from basketgraph.foundation.privacy.log_masking import without_addresses

if TYPE_CHECKING:
    from basketgraph.foundation.tables.warehouse import RunTables

log = logging.getLogger("basketgraph")

CRASHED, MISTAKE, STOPPED, REFUSED = 1, 2, 3, 4  # exit codes
STOPS = (STOPPED, REFUSED)  # the live release was kept on purpose
WHAT = {CRASHED: "crashed", MISTAKE: "a mistake in mapping, flags or input", STOPPED: "stopped by quality", REFUSED: "refused by the gate"}
KILLED, UNTOLD, LATE = "killed", "ended without a word", "data or lists are late"
NIGHT_PAGE = "docs/operating.md#it-is-0300"
READ = {STOPPED: "docs/quality.md#when-a-run-stopped", REFUSED: "docs/operating.md#when-the-gate-refused"}
ALERTED = "alerted"  # an attribute of an error that the hooks were called for


class NoAddress(ValueError):
    """The `url` of conf is not an HTTP address."""


class AlertSettings(Settings):
    """conf/settings.yaml `alerts`. command: gets the alert as JSON on stdin; url: gets it by POST. Both, one or none.

    data_days, lists_days: how old the newest live event and the live lists may be for `status --check`; None where the shop has none.
    """

    command: tuple[str, ...] = ()
    url: str | None = None
    timeout_seconds: PositiveFloat
    data_days: PositiveInt | None
    lists_days: PositiveInt | None


def day_of(error: Exception, ds: date | None) -> date | None:
    """The day of a stopped step's checks, which `--accept` is for; else the run's."""
    return getattr(error, "ds", None) or ds


def alert(conf: Config, what: str, message: str, *, ds: date | None = None, **known: Any) -> dict[str, Any]:
    """The alert that a hook gets: all its keys, of which `known` gives those that are not null.

    what: one of WHAT, KILLED, UNTOLD, LATE.
    """
    empty: dict[str, Any] = {"exit_code": None, "run_id": None, "step": None, "since": None, "failures": []}
    day = None if ds is None else ds.isoformat()
    return {"what": what, "shop": conf.source_name, "ds": day, **empty, "message": message, "report": None, "read": NIGHT_PAGE, **known}


def failure_alert(
    error: Exception,
    conf: Config,
    *,
    step: str | None = None,
    ds: date | None = None,
    run_id: str | None = None,
    since: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The alert of what ended with an error. Of a stop by quality or the gate it holds counts and names of checks, never a row's values.

    since: the first of the runs in which the step failed without a success in between. Failed checks have one of their own; the earliest counts.
    """
    code = int(getattr(error, "exit_code", CRASHED))
    failures = list(getattr(error, "failures", ())) or list(getattr(error, "reasons", ()))
    begun = [failure["since"] for failure in failures if isinstance(failure, Mapping)]
    return alert(
        conf,
        WHAT.get(code, WHAT[CRASHED]),
        in_a_line(error) if code == CRASHED else without_addresses(str(error)),
        ds=day_of(error, ds),
        exit_code=code,
        run_id=run_id,
        step=step,
        since=min(begun, key=lambda first: first["at"]) if begun else since,
        failures=failures,
        report=f"{conf.warehouse.rstrip('/')}/reports/{run_id}.html" if code in STOPS else None,
        read=READ.get(code, NIGHT_PAGE),
    )


@contextmanager
def alerting(conf: Config, *, step: str | None = None, run_id: str | None = None) -> Iterator[None]:
    """Calls the hooks of conf for an error that ends the block, unless they were called for it before: by the step that it ended."""
    try:
        yield
    except Exception as error:
        if ALERTED not in error.__dict__:
            send_failure(error, failure_alert(error, conf, step=step, run_id=run_id), conf)
        raise


def send_failure(error: Exception, message: Mapping[str, Any], conf: Config) -> None:
    """Give the alert of an error to the hooks, and note at the error that they were called."""
    with handling(error, "alert: not sent"):
        error.__dict__[ALERTED] = True
        send(message, conf)


def what_failed(error: Exception, ds: date) -> dict[str, Any]:
    """The columns of a failed step's row in the run log: {ds, exit_code, error_type, error, reasons}; ds is `day_of` the error."""
    reasons = [without_addresses(reason) for reason in getattr(error, "reasons", ())]
    return {
        "ds": day_of(error, ds),
        "exit_code": int(getattr(error, "exit_code", 1)),
        "error_type": type(error).__name__,
        "error": without_addresses(str(error))[:4000],
        "reasons": reasons or None,
    }


def refusal(step: Mapping[str, Any]) -> str | None:
    """Why quality or the gate stopped a step, from its row in the run log; None where something else ended it."""
    return step["error"] if step["exit_code"] in STOPS else None


def failing_since(tables: RunTables, runs: str, step: str) -> dict[str, Any] | None:
    """{run_id, ds, at} of the first failure of `step` since it last succeeded. runs: the table of the run log."""
    from pyspark.sql import functions as F  # `status` asks for `refusal` alone

    of_step = tables.newest(runs).where(F.col("step") == step).orderBy(F.desc("finished_at"))
    rows = of_step.select("run_id", "status", "started_at", "ds").collect()
    first = None
    for row in rows:
        if row.status != "failed":
            break
        first = {
            "run_id": row.run_id,
            "ds": row.ds and row.ds.isoformat(),
            "at": row.started_at.astimezone(timezone.utc).isoformat(timespec="seconds"),
        }
    return first


def send(alert: Mapping[str, Any], conf: Config) -> None:
    """Give the alert to the hooks of conf. A hook that fails is logged: the run's own error must not be hidden by it."""
    try:
        settings = conf.section("alerts", AlertSettings)
    except UserError as mistake:
        log.warning("alert: not sent: %s", mistake)
        return
    text = json.dumps(alert, default=str)
    if settings.command:
        _logged("command", lambda: _run(settings.command, text, settings.timeout_seconds), _without_arguments)
    if url := settings.url:
        _logged(_shown(url), lambda: _post(url, text, settings.timeout_seconds), _without_address)


def _logged(hook: str, call: Callable[[], None], in_words: Callable[[Exception], str]) -> None:
    try:
        call()
        log.info("alert: sent to %s", hook)
    except Exception as error:
        log.warning("alert: %s failed: %s", hook, in_words(error))


def _shown(url: str) -> str:
    """Scheme and host of the address; the rest is a secret, since whoever knows it may post to it."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}" if parts.scheme and parts.hostname else "url"
    except ValueError:
        return "url"


def _without_address(error: Exception) -> str:
    """The error in words. Some errors of urllib and http.client quote the address; of those only the type is named."""
    if isinstance(error, HTTPError):
        return f"it answered {error.code}"
    if isinstance(error, URLError):
        return str(error.reason)
    return str(error) if isinstance(error, NoAddress | TimeoutError) else type(error).__name__


def _without_arguments(error: Exception) -> str:
    """The error in words. A timeout's own message quotes the command with its arguments, which may hold a token."""
    return f"it did not end within {error.timeout:g} seconds" if isinstance(error, subprocess.TimeoutExpired) else without_addresses(str(error))


def _run(command: Sequence[str], text: str, seconds: float) -> None:
    done = subprocess.run(list(command), input=text, text=True, capture_output=True, timeout=seconds, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}")


def _post(url: str, text: str, seconds: float) -> None:
    if not url.startswith(("http://", "https://")):
        raise NoAddress("want an address that begins with http:// or https://, have another")
    request = urllib.request.Request(url, data=text.encode(), headers={"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=seconds):
        pass
