"""Alerts go to a real process and a real server; one that fails is logged and changes nothing."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from datetime import date, datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.config import Config, UserError, load
from basketgraph.foundation.quality.check import QualityStop
from basketgraph.foundation.runs.alerts import alerting, failing_since, failure_alert, refusal, send, what_failed
from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows

DAY = date(2026, 3, 1)
FAILURE = {
    "table": "silver.events",
    "check": "key_to_be_unique:event_id",
    "expected": "no doubles",
    "observed": "2",
    "since": {"run_id": "r0", "at": "2026-02-27"},
}
LATER = {**FAILURE, "check": "column_values_to_meet:user_id", "since": {"run_id": "r1", "at": "2026-03-01"}}
TO_FILE = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address that takes alerts at /hook, and what it got; anything else is answered with 500."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/hook":
                got.append({"type": self.headers["Content-Type"], "alert": json.loads(body)})
            self.send_response(200 if self.path == "/hook" else 500)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    served = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}", got
    served.shutdown()
    thread.join()


def conf(**sets: str) -> Config:
    return load("local", "complete_journey", {"warehouse": "/data/shop", **sets})


def alert() -> dict[str, Any]:
    error = QualityStop("silver.events version 3: stopped", [LATER, FAILURE])
    return failure_alert(error, conf(), step="clean", ds=DAY, run_id="r1", since={"run_id": "an old one"})


def give(sets: dict[str, str]) -> None:
    send(alert(), load("local", "complete_journey", sets))


def test_a_command_and_an_address_both_get_what_failed_since_when_and_where_to_read_on(tmp_path: Path, server: Any) -> None:
    address, got = server
    place = tmp_path / "alert.json"
    give({"alerts.command": json.dumps([sys.executable, "-c", TO_FILE, str(place)]), "alerts.url": f"{address}/hook"})
    told = json.loads(place.read_text())
    assert got == [{"type": "application/json", "alert": told}]
    assert told == {
        "what": "stopped by quality",
        "exit_code": 3,
        "shop": "complete_journey",
        "ds": "2026-03-01",
        "run_id": "r1",
        "step": "clean",
        "since": {"run_id": "r0", "at": "2026-02-27"},
        "failures": [LATER, FAILURE],
        "message": "silver.events version 3: stopped",
        "report": "/data/shop/reports/r1.html",
        "read": "docs/quality.md#when-a-run-stopped",
    }


def test_a_stop_is_of_the_day_that_its_checks_were_for() -> None:
    error = QualityStop("stopped", [FAILURE], ds=date(2026, 3, 2))
    told = failure_alert(error, conf(), step="clean", ds=DAY, run_id="r1")
    assert (told["ds"], what_failed(error, DAY)["ds"]) == ("2026-03-02", date(2026, 3, 2)), "cleaning had moved the last event since the step began"


def test_a_refusal_by_the_gate_tells_its_reasons_and_another_page() -> None:
    from basketgraph.evaluate.gate import Fault, GateRefusal

    told = failure_alert(GateRefusal([Fault("listed_users", 5, 4, "too short")]), conf(), step="gate", ds=DAY, run_id="r1")
    assert (told["what"], told["failures"], told["read"]) == ("refused by the gate", ["too short"], "docs/operating.md#when-the-gate-refused")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("no space for ann.lee@example.org\nat java.lang"), (1, "crashed", "RuntimeError: no space for •••")),
        (UserError("want a header", ["have none"]), (2, "a mistake in mapping, flags or input", "want a header\n  have none")),
    ],
)
def test_an_error_that_ends_a_run_outside_of_a_step_is_told_once(error: Exception, told: tuple[int, str, str], tmp_path: Path) -> None:
    place = tmp_path / "alerts"
    append = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"
    hooked = conf(**{"alerts.command": json.dumps([sys.executable, "-c", append, str(place)])})
    for _ in range(2):  # as the command does after the step
        with pytest.raises(type(error)), alerting(hooked, run_id="r1"):
            raise error
    (got,) = [json.loads(line) for line in place.read_text().splitlines()]
    assert (got["exit_code"], got["what"], got["message"]) == told
    assert (got["run_id"], got["step"], got["ds"], got["report"], got["read"]) == ("r1", None, None, None, "docs/operating.md#it-is-0300")
    assert got.keys() == alert().keys()


def test_the_sections_that_alerts_name_are_there() -> None:
    from basketgraph.foundation.runs.alerts import NIGHT_PAGE, READ

    for place in (*READ.values(), NIGHT_PAGE):
        page, _, section = place.partition("#")
        titles = [line.strip("# \n") for line in (Path(__file__).parents[3] / page).read_text().splitlines() if line.startswith("#")]
        assert section in {title.lower().replace(" ", "-").replace(":", "") for title in titles}, place


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ({"alerts.command": json.dumps([sys.executable, "-c", "import sys; sys.exit('no such pager')"])}, "ended with 1: no such pager"),
        ({"alerts.command": "[/no/such/program]"}, "No such file"),
        (
            {"alerts.command": json.dumps([sys.executable, "-c", "import time; time.sleep(60)", "secret"]), "alerts.timeout_seconds": "0.2"},
            "within 0.2 s",
        ),
        ({"alerts.url": "ADDRESS/secret"}, "http://127.0.0.1 failed: it answered 500"),
        ({"alerts.url": "http://127.0.0.1:9/secret"}, "refused"),
        ({"alerts.url": "http://secret:word@127.0.0.1:9/hook?key=secret"}, "http://127.0.0.1 failed: [Errno"),
        ({"alerts.url": "http://127.0.0.1:9/a secret"}, "http://127.0.0.1 failed: InvalidURL"),
        ({"alerts.url": "http://127.0.0.1:secret/hook"}, "http://127.0.0.1 failed: InvalidURL"),
        ({"alerts.url": "http://[secret"}, "url failed: "),
        ({"alerts.url": "file:///etc/secret"}, "url failed: want an address that begins with http"),
        ({"alerts.timeout_seconds": "-1"}, "timeout_seconds"),
    ],
)
def test_a_hook_that_fails_is_logged_and_raises_nothing(sets: dict[str, str], said: str, server: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "basketgraph"):
        give({key: text.replace("ADDRESS", server[0]) for key, text in sets.items()})
    assert said in caplog.text
    assert "alert:" in caplog.text
    assert "secret" not in caplog.text, "whoever reads logs must not be able to post"


def test_of_an_address_that_was_called_the_log_tells_scheme_and_host(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "basketgraph"):
        give({"alerts.url": f"{server[0]}/hook"})
    assert [record.getMessage() for record in caplog.records] == ["alert: sent to http://127.0.0.1"]


def test_a_step_fails_since_the_run_and_its_day_that_failed_first(spark: SparkSession, tmp_path: Path) -> None:
    def row(number: int, status: str, **told: Any) -> dict[str, Any]:
        at = datetime(2026, 3, number, 4, tzinfo=timezone.utc)
        return {"run_id": f"r{number}", "step": "gate", "status": status, "started_at": at, "finished_at": at, **told}

    release = RunTables(spark, str(tmp_path), "r4")
    failed = [row(number, "failed", **what_failed(ValueError("no"), date(2026, 3, number))) for number in (3, 4)]
    release.append(rows(spark, "ops.runs", [row(1, "failed"), row(2, "done"), *failed]), "ops.runs")
    assert failing_since(release, "ops.runs", "gate") == {"run_id": "r3", "ds": "2026-03-03", "at": "2026-03-03T04:00:00+00:00"}
    release.append(rows(spark, "ops.runs", [row(5, "done"), row(6, "failed")]), "ops.runs")
    assert failing_since(release, "ops.runs", "gate") == {"run_id": "r6", "ds": None, "at": "2026-03-06T04:00:00+00:00"}, "logged by an older version"


def test_without_a_hook_nothing_is_called(caplog: pytest.LogCaptureFixture) -> None:
    give({})
    assert caplog.text == ""


@pytest.mark.parametrize(("code", "told"), [(1, None), (2, None), (3, "why: not"), (4, "why: not")])
def test_a_stop_by_quality_or_the_gate_is_told_from_other_failures(code: int, told: str | None) -> None:
    assert refusal({"error": "why: not", "exit_code": code}) == told
    assert refusal({"error": None, "exit_code": None}) is None, "it did not fail, or an older version logged it"
