"""Planted personal values through a real run: whatever column, line or file name they stand in, neither the page nor the logs tell them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession
from typer.testing import CliRunner

from basketgraph.cli.app import app
from basketgraph.foundation.config import CONF_VARIABLE
from basketgraph.foundation.tables.warehouse import RunTables
from support.corner_shop import deliver, mapping

HEADER = "line,customer,product,pieces,price,at,title,note"
MAIL, CARD, USER, OTHER = "zoe.quill@secret-mail.example", "4539148803436467", "quill-7731", "marlow-4410"
SECRETS = (MAIL, "zoe.quill", CARD, "4539 1488 0343 6467", USER, OTHER)
KEY = "a key of the tests, long enough"

LINES = (
    "1,{u},p1,2,1.50,2026-03-01 10:00,Tea,",
    f"2,{OTHER},p1,2,1.50,2026-03-01 10:00,Tea for {MAIL},",  # accepted, in an item's name
    "3,{u},p2,no. {c},1.50,2026-03-01 10:00,Cup,",  # no count
    "4,{u},p2,{m},1.50,2026-03-01 10:00,Cup,",  # no number at all
    "5,{u},p2,2,0,2026-03-01 10:00,Cup of {u},the card is 4539 1488 0343 6467 and the mail {m} of {u}",
    f"6,,p2,2,1.50,2026-03-01 10:00,Cup,ask {OTHER} or {{u}}",  # ids of others in a row without its own
    "7,{u},p2,{u},1.50,2026-03-01 10:00,Cup,",
    "8,nobody-5512,p2,0,1.50,2026-03-01 10:00,Cup,nobody-5512 never bought anything",  # its only row: no known user
    "9,{u},p2,2,1.50,2026-03-01 10:00,Cup,,{m},{c},more fields than there are columns",
)


def filled(line: str) -> str:
    return line.format(u=USER, m=MAIL, c=CARD)


@dataclass
class Run:
    """A finished `basketgraph run clean`: its JSON object, all that it printed, and its page."""

    told: dict[str, Any]
    printed: str
    page: Path


class Corner:
    """The made-up shop of the cleaning tests with a column of notes, as a folder for --conf-dir, with the real pipelines and expectations."""

    def __init__(self, root: Path) -> None:
        self.conf, self.landing, self.warehouse = root / "conf-dir", root / "landing", root / "warehouse"
        given = mapping()
        given["files"]["sales"]["columns"]["note"] = "string"
        (self.conf / "conf" / "sources").mkdir(parents=True)
        (self.conf / "conf" / "sources" / "corner.yaml").write_text(yaml.safe_dump(given | {"landing": str(self.landing)}))

    def run(self, *command: str) -> Run:
        """On the tests' Spark session."""
        arguments = [*command, "--source", "corner", "--conf-dir", str(self.conf), "--set", f"warehouse={self.warehouse}", "--json"]
        done = CliRunner(env={"BASKETGRAPH_KEY": KEY, CONF_VARIABLE: ""}).invoke(app, arguments)
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout.splitlines()[-1])
        return Run(told, done.stdout + done.stderr, Path(told["report"]))


@pytest.fixture(scope="module")
def corner(tmp_path_factory: pytest.TempPathFactory) -> Corner:
    made = Corner(tmp_path_factory.mktemp("corner"))
    deliver(made.landing, f"sales of {MAIL} {CARD}.csv", *map(filled, LINES), header=HEADER)
    deliver(made.landing, f"{MAIL} without a header {CARD}.csv", header=filled("1,{u},{m},{m},1.50,2026-03-01 10:00,{c},"))
    deliver(made.landing, "header with blanks for zoe.quill@secret-mail.example.csv", "10,,p2,2,1.50,2026-03-01 10:00,Cup,", header=f" {HEADER}")
    return made


@pytest.fixture(scope="module")
def run(spark: SparkSession, corner: Corner) -> Run:
    return corner.run("run", "clean")


@pytest.mark.slow
def test_planted_values_stand_neither_on_the_page_nor_in_any_log(run: Run) -> None:
    page = run.page.read_text()
    for secret in (*SECRETS, "nobody-5512"):
        assert secret not in page, re.findall(f".{{80}}{re.escape(secret)}.{{20}}", page)
        assert secret not in run.printed, [line for line in run.printed.splitlines() if secret in line]
    counts = run.told["rows"]["silver.events"]
    assert (counts["read"], counts["accepted"]) == (10, 2), "the rows were there"
    reasons = {"free", "missing:user_id", "quantity_not_positive", "unparsable", "unreadable:quantity"}
    assert set(counts["rejected_by_reason"]) >= reasons
    assert "•••" in page
    assert page.count('<dl class="row">') >= len(reasons) - 1, "each reason but the unparsable one shows a row"


@pytest.mark.slow
def test_the_texts_that_the_page_is_made_of_hold_no_planted_value_either(spark: SparkSession, run: Run, corner: Corner) -> None:
    tables = RunTables(spark, str(corner.warehouse), "reader")
    texts = {
        "ops.quality_results": ["observed", "expected", "notes"],
        "ops.runs": ["detail", "error"],
        "ops.files": ["problem"],
    }
    for table, columns in texts.items():
        found = "\n".join(str(value) for row in tables.read(table).select(*columns).collect() for value in row)
        assert [secret for secret in SECRETS if secret in found] == [], table


@pytest.mark.long
def test_files_that_cannot_be_read_again_are_named_without_planted_values(spark: SparkSession, run: Run, corner: Corner) -> None:
    next(corner.landing.rglob("sales of *")).unlink()
    again = corner.run("replay", "--rejected")
    assert again.told["left"]["silver.events"] == {"sales of ••• •••.csv": "gone from the landing folder"}
    steps = RunTables(spark, str(corner.warehouse), "reader").read("ops.runs").where("step = 'replay'").collect()
    texts = (again.printed, again.page.read_text(), *(str(step.detail) for step in steps))
    assert [secret for secret in SECRETS if any(secret in text for text in texts)] == []
    assert "sales of •••" in again.printed
