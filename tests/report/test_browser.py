"""The page in headless Chromium (the system's own): what axe-core finds, what a phone, a keyboard and a printer make of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from basketgraph.report.changes import Changes
from support.report_data import DS, EXPOSURES, FACTS, NOW, OUTCOMES, RESPONSES, SEGMENTS, VISITS, check, made, of_days

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PLACES = ("chromium", "chromium-browser", "google-chrome")
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
LONG = "a-file-name-without-any-blank-in-it-as-machines-like-to-make-them-2026-01-03T04-00-00.csv"
pytestmark = pytest.mark.browser


def full_page() -> str:
    """Every part of the page at once, with long words and every state of a promise."""
    usual = {
        "value": 610.0,
        "usual_low": 1200.0,
        "usual_high": 1600.0,
        "anomaly_score": -9.0,
        "observed": "it is 610 on 2026-01-03; usual on Saturdays is 1,200 to 1,600",
        "judged_day": DS,
    }
    states = [
        check(check_name="a", success=False, observed="not true of 1 row of 10"),
        check(check_name="b", success=False, severity="warning", observed="not true of 1 row of 10"),
        check(check_name="c", success=False, accepted_because="a new market (B. Tester)"),
        check(check_name="d", **usual),
        check(check_name="e"),
        check(check_name="f", outcome="not_compared", observed="not compared yet: no previous rows"),
        check(check_name="g", severity="warning", **of_days(2), open=check(success=False)),
    ]
    history = [{"day": DS - timedelta(days=ago), "value": 1400.0 + ago % 7, "usual_low": 1200.0, "usual_high": 1600.0} for ago in range(60, 0, -1)]
    now = {"day": DS, "value": 610.0, "usual_low": 1200.0, "usual_high": 1600.0}
    aside = {"source_file": f"late/{LONG}", "problem": "missing column InvoiceNo; missing column StockCode"}
    arrived = {
        "table_name": "silver.events",
        "files": 1,
        "read": 1090,
        "accepted": 900,
        "rejected": 74,
        "duplicate": 16,
        "about": 990,
        "left_out": 100,
    }
    changed = Changes(
        since=NOW - timedelta(days=1),
        run_id="run-0",
        new_files=1,
        files=[{**arrived, "about_before": 10, "rejected_before": 1}],
        reasons=[{"table_name": "silver.events", "reason": "unreadable:quantity", "rows": 3, "rows_before": 0}],
        set_aside=[aside],
        broken=states[:1],
        mended=states[4:5],
    )
    payload = f'{{"InvoiceNo": "536414", "Description": null, "Note": "{LONG}"}}'
    rejected = [{"table_name": "silver.events", "reason": "unreadable:quantity", "rows": 75, "first": payload, "last": None}]
    histories = {("silver.events", "d"): [*history, now]}
    found = replace(FACTS, checks=states, quarantined=[aside], rejected=rejected, histories=histories, changes=changed)
    return made(replace(found, visits=VISITS, exposures=EXPOSURES, responses=RESPONSES, segments=SEGMENTS, outcomes=OUTCOMES))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    place = next((found for name in PLACES if (found := shutil.which(name))), None)
    if place is None:
        pytest.skip(f"no browser: none of {', '.join(PLACES)} is on the PATH (Debian: apt-get install chromium)")
    alone = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to sandbox root
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=place, args=[*alone, "--disable-dev-shm-usage"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report") / "page.html"
    place.write_text(full_page(), encoding="utf-8")
    return place


class Opened:
    """The page in a window of its own, with every request that it made."""

    def __init__(self, browser: Browser, file: Path, *, size: str = "desktop", scheme: str = "light", media: str = "screen") -> None:
        width, height = SIZES[size]
        self.context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.asked: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.emulate_media(media=media)  # type: ignore[arg-type]
        self.page.goto(file.as_uri())

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)

    def open_all(self) -> None:
        self.ask("document.querySelectorAll('details').forEach(part => { part.open = true })")


def serious(page: Page) -> list[str]:
    """What axe-core finds that is serious or critical: its rule, and where."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response
    assert len(found["passes"]) > 10, "axe-core looked at the page"
    return [f"{v['id']}: {node['html']}" for v in found["violations"] if v["impact"] in ("serious", "critical") for node in v["nodes"]]


@pytest.mark.parametrize("media", ["screen", "print"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_axe_core_finds_nothing_serious(browser: Browser, file: Path, size: str, scheme: str, media: str) -> None:
    with Opened(browser, file, size=size, scheme=scheme, media=media) as opened:
        opened.open_all()
        assert serious(opened.page) == []


def test_axe_core_would_find_a_pale_text(browser: Browser, file: Path) -> None:
    with Opened(browser, file) as opened:
        opened.page.add_style_tag(content=":root { --soft: #bbbbbb !important; }")
        assert any(found.startswith("color-contrast") for found in serious(opened.page))


@pytest.mark.parametrize("size", list(SIZES))
def test_nothing_scrolls_sideways(browser: Browser, file: Path, size: str) -> None:
    with Opened(browser, file, size=size) as opened:
        opened.open_all()
        assert opened.ask("document.documentElement.scrollWidth") == SIZES[size][0]
        beyond = "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML)"
        visible = [html for html in opened.ask(beyond) if not html.startswith("<thead")]  # a phone's tables label each cell instead
        assert visible == []


def test_nothing_is_asked_of_any_network(browser: Browser, file: Path) -> None:
    with Opened(browser, file) as opened:
        opened.open_all()
        opened.page.wait_for_load_state("networkidle")
        assert opened.asked == [file.as_uri()]


def test_a_keyboard_reaches_everything_opens_details_and_shows_where_it_is(browser: Browser, file: Path) -> None:
    with Opened(browser, file) as opened:
        page, reached = opened.page, []

        def tab_to_the_last() -> None:
            shown = "[...document.querySelectorAll('a[href], summary')].filter(e => e.checkVisibility()).length"
            for _ in range(opened.ask(shown) - len(reached)):
                page.keyboard.press("Tab")
                style = opened.ask("(e => [getComputedStyle(e).outlineStyle, parseFloat(getComputedStyle(e).outlineWidth)])(document.activeElement)")
                assert style == ["solid", 3]
                reached.append(opened.ask("document.activeElement.textContent.trim()"))

        tab_to_the_last()
        assert reached[0] == "Skip to the report"
        assert reached[-1].startswith("For engineers")
        page.keyboard.press("Enter")
        tab_to_the_last()
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
        assert len(reached) == opened.ask("document.querySelectorAll('a[href], summary').length")
        for wanted_state in (True, False):
            page.keyboard.press("Enter")
            assert opened.ask("document.activeElement.parentElement.open") is wanted_state


def test_a_link_opens_the_engineers_part_where_it_leads_there(browser: Browser, file: Path) -> None:
    with Opened(browser, file) as opened:
        assert opened.ask("document.getElementById('engineers').open") is False
        opened.page.click("a[href='#attention']")
        assert opened.ask("document.getElementById('engineers').open") is True


def test_headings_go_down_one_by_one_and_each_part_has_a_name(browser: Browser, file: Path) -> None:
    with Opened(browser, file) as opened:
        opened.open_all()
        levels = opened.ask("[...document.querySelectorAll('h1, h2, h3, h4')].map(h => Number(h.tagName[1]))")
        assert levels[:2] == [1, 2]
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        landmarks = opened.ask("[...document.querySelectorAll('header, nav, main, footer')].map(e => e.tagName)")
        assert landmarks == ["HEADER", "MAIN", "NAV", "FOOTER"]
        unnamed = (
            "[...document.querySelectorAll('section')].filter(s => !document.getElementById(s.getAttribute('aria-labelledby'))?.textContent.trim())"
        )
        assert opened.ask(f"{unnamed}.length") == 0
        assert opened.ask("document.documentElement.lang") == "en"


def test_charts_have_the_colours_of_the_theme(browser: Browser, file: Path) -> None:
    colour = "getComputedStyle(document.querySelector('figure svg text')).fill"
    seen = {}
    for scheme in ("light", "dark"):
        with Opened(browser, file, scheme=scheme) as opened:
            seen[scheme] = opened.ask(colour)
            assert seen[scheme] == opened.ask("getComputedStyle(document.body).color")
    assert seen["light"] != seen["dark"]


def test_paper_shows_what_is_folded_on_the_screen_and_stays_white(browser: Browser, file: Path, tmp_path: Path) -> None:
    with Opened(browser, file, scheme="dark", media="print") as opened:
        assert opened.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        hidden = "[...document.querySelectorAll('details > :not(summary)')].filter(e => e.getBoundingClientRect().height === 0).length"
        assert opened.ask("document.querySelectorAll('details:not([open])').length") > 0
        assert opened.ask(hidden) == 0
        opened.page.pdf(path=tmp_path / "page.pdf", format="A4")
        assert (tmp_path / "page.pdf").stat().st_size > 20_000
