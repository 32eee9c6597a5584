"""The page from records that are made here: what comes first, what never appears, and how large it gets."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import Any

import pytest

from basketgraph.report.examples import Example
from basketgraph.report.facts import Facts
from basketgraph.report.masking import masked, masked_row
from basketgraph.report.page import page, reason_in_words, verdict

DS = date(2026, 1, 3)
NOW = datetime(2026, 1, 3, 6, tzinfo=timezone.utc)


def check(**changed: Any) -> dict[str, Any]:
    told = {"expected": "quantity is at least 1", "observed": "true of all 10 rows", "notes": "why it is so"}
    place = {"table_name": "silver.events", "table_version": 4, "element_count": 10}
    return {**told, **place, "severity": "critical", "success": True, **changed}


def score(model: str, value: float, versus: str = "", metric: str = "ndcg@20", half: float = 0.01) -> dict[str, Any]:
    named = {"as_of": DS, "setting": "rebuy", "model": model, "metric": metric, "versus": versus, "users": 1999}
    return {**named, "value": value, "low": value - half, "high": value + half}


FACTS = Facts(
    run_id="run-1",
    ds=DS,
    release={"release": 7},
    steps=[{"step": "user_days", "status": "done", "seconds": 1.25, "rows_in": 10, "rows_out": 1}],
    checks=[check()],
    runs=[{"critical": 0, "warnings": 1}, {"critical": 0, "warnings": 0}],
    files=[{"table_name": "silver.events", "files": 1, "read": 1000, "accepted": 900, "rejected": 75, "duplicate": 25}],
    quarantined=[],
    quarantined_count=0,
    deliveries=[{"day": DS - timedelta(days=1), "read": 10, "rejected": 1}, {"day": DS, "read": 990, "rejected": 74}],
    days=[{"event_date": DS - timedelta(days=ago), "lines": 100 + ago} for ago in (2, 1)],
    rejected=[{"table_name": "silver.events", "reason": "no_user", "rows": 75, "first": '{"user": "***", "note": "ok"}', "last": None}],
    evaluations=[
        *(score("published", value, metric=metric) for metric, value in (("ndcg@20", 0.352), ("recall@20", 0.144))),
        score("popularity", 0.146),
        score("ease", 0.349),
        score("published", 0.206, versus="popularity"),
        score("published", 0.003, versus="ease"),
    ],
    examples=[Example("u1", ("Bread",), (("Jam <small>", "bought 3 times"),))],
    versions={"silver.events": 4, "ops.files": 1},
)


def made(found: Facts) -> str:
    return page(found, shop="corner_shop", description="groceries", made_at=NOW)


class Outline(HTMLParser):
    """Headings, ids, landmarks and pictures in order; and whether every tag is closed."""

    VOID = ("meta", "link", "br", "img", "input", "path", "hr")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_all_well_a_warning_a_stop_and_a_refusal_are_told_apart() -> None:
    broken = check(success=False, observed="not true of 1 row of 10")
    warning = {**broken, "severity": "warning"}
    failed = {"step": "gate", "status": "failed", "seconds": 1.0, "rows_in": None, "rows_out": None}
    seen = [
        verdict(found)
        for found in (
            FACTS,
            replace(FACTS, checks=[check(), warning]),
            replace(FACTS, checks=[broken, warning]),
            replace(FACTS, steps=[failed]),
            replace(FACTS, checks=[], release=None),
        )
    ]
    assert [v.level for v in seen] == ["good", "warning", "critical", "critical", "warning"]
    assert seen[2].sentences == (
        "1 critical promise of 2 is broken.",
        "Nothing of this run was published; release 7 stays live.",
        "1 warning should be looked at.",
    )
    assert "gate" in seen[3].title


def test_the_verdict_comes_before_everything_else_and_what_is_broken_is_open() -> None:
    html = made(replace(FACTS, checks=[check(success=False, observed="not true of 1 row of 10")]))
    assert html.index("Stopped: the data broke its promises") < html.index("<main")
    assert re.search(r"<details open>\s*<summary><h3>silver.events", html)
    assert re.search(r"What needs a look</h2>.*quantity is at least 1\. Found: not true of 1 row of 10", html, re.DOTALL)


def test_models_are_ranked_and_a_gain_within_chance_is_called_that() -> None:
    html = made(FACTS)
    shown = re.findall(r'role="rowheader" class="name">([^<]+)<', html)
    assert [name for name in shown if name in ("published list", "EASE", "popularity")] == ["published list", "EASE", "popularity"]
    assert "It is better than popularity beyond chance. Against EASE the difference may be chance" in html
    assert "0.342 to 0.362" in html


@pytest.mark.parametrize("secret", ["ann.lee@example.org", "4111 1111 1111 1111", "4111-1111-1111-1111", "+49 170 1234567", "DE02120300000000202051"])
def test_planted_personal_values_appear_nowhere(secret: str) -> None:
    row = {
        "table_name": "silver.events",
        "reason": "no_user",
        "rows": 1,
        "first": f'{{"note": "call {secret}", "{secret}": 1}}',
        "last": f'"{secret}"',
    }
    file = {"source_file": f"january/{secret}.csv", "problem": f"cannot read {secret}", "status": "quarantined"}
    item = Example("u1", (f"Card of {secret}",), ((f"Gift for {secret}", f"because {secret}"),))
    html = made(replace(FACTS, rejected=[row], quarantined=[file], quarantined_count=1, examples=[item]))
    assert secret not in html
    assert "•••" in html


def test_days_and_small_numbers_stay_readable() -> None:
    for kept in ("2010-12-01 08:26:00", "12/1/2010 8:26", "2017-01-01T11:53:26Z", "20101201", "536365", "85123A", "2.55"):
        assert masked(kept) == kept
    assert masked_row('{"quantity": null, "price": 2.5}') == [("quantity", "(empty)"), ("price", "2.5")]
    assert masked_row("not json") == masked_row(None) == masked_row("[1]") == []
    assert len(masked("x" * 500)) == 80


def test_values_cannot_break_out_of_the_page() -> None:
    attack = "<script>alert(1)</script>"
    row = {"table_name": "silver.events", "reason": attack, "rows": 1, "first": f'{{"a": "{attack}"}}', "last": None}
    html = page(replace(FACTS, rejected=[row], checks=[check(observed=attack)]), shop=attack, description=attack, made_at=NOW)
    assert "<script" not in html


def test_the_page_stands_alone_and_can_be_read_without_seeing_it() -> None:
    html = made(FACTS)
    outline = Outline(html)
    assert outline.open == []
    assert not re.search(r'(src|href)="(?!#)', html.replace('xmlns:xlink="http://www.w3.org/1999/xlink"', ""))
    tags = [tag for tag, _ in outline.tags]
    assert [tags.count(tag) for tag in ("h1", "main", "header", "footer", "nav")] == [1] * 5
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {(attributes["href"] or "")[1:] for tag, attributes in outline.tags if tag == "a"}
    assert links <= set(ids)
    pictures = [attributes for tag, attributes in outline.tags if tag == "svg"]
    assert len(pictures) == 4
    assert all(picture.get("role") == "img" and picture.get("aria-label") for picture in pictures)
    assert all("scope" in attributes for tag, attributes in outline.tags if tag == "th")


def test_every_colour_of_a_chart_is_one_that_the_style_sheet_replaces() -> None:
    html = made(FACTS)
    used = set(re.findall(r'(?:fill|stroke)="(#\w+)"', html))
    assert used
    assert used <= set(re.findall(r'\[(?:fill|stroke)="(#\w+)"\]', html))


def test_the_page_of_a_year_is_as_large_as_that_of_a_month() -> None:
    def after(runs: int) -> int:
        days = [{"event_date": DS - timedelta(days=ago), "lines": 100 + ago % 7} for ago in range(min(runs, 90), 0, -1)]
        deliveries = [{"day": DS - timedelta(days=ago), "read": 100, "rejected": ago % 9} for ago in range(min(runs, 90), 0, -1)]
        return len(made(replace(FACTS, days=days, deliveries=deliveries, runs=[{"critical": 0, "warnings": n % 3} for n in range(min(runs, 90))])))

    assert after(365) <= after(30) * 1.5


def test_a_clean_only_run_and_an_empty_warehouse_have_pages_too() -> None:
    empty = replace(
        FACTS, steps=[], checks=[], runs=[], files=[], deliveries=[], days=[], rejected=[], evaluations=[], examples=[], versions={}, release=None
    )
    assert "Nothing was checked yet" in made(empty)
    assert "How good the lists are" not in made(replace(FACTS, evaluations=[], examples=[]))


def test_reasons_are_told_in_words() -> None:
    assert [reason_in_words(r) for r in ("unreadable:quantity", "no_user")] == ["quantity could not be read", "no user"]
