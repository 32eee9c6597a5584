"""The page from records that are made here: what comes first, what never appears, and how large it gets."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from basketgraph.foundation.privacy.log_masking import masked, masked_row
from basketgraph.report.changes import Changes
from basketgraph.report.examples import Example, Place
from basketgraph.report.page import page
from basketgraph.report.promises import verdict
from basketgraph.report.sentences import reason_in_words
from support.report_data import DS, EXPOSURES, FACTS, LISTS, NOW, RESPONSES, VISITS, check, failed_step, made, of_days


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
    failed = failed_step()
    seen = [
        verdict(found)
        for found in (
            FACTS,
            replace(FACTS, checks=[check(), warning]),
            replace(FACTS, checks=[broken, warning], steps=[failed]),
            replace(FACTS, steps=[failed]),
            replace(FACTS, checks=[], release=None),
            replace(FACTS, quarantined=[{"source_file": "a.csv", "problem": "empty"}]),
        )
    ]
    assert [v.level for v in seen] == ["good", "warning", "critical", "critical", "warning", "warning"]
    assert seen[1].sentences == ("1 of 2 promises are kept; none that is critical is broken.", "To look at: 1 warning.", "Release 7 is live.")
    assert seen[2].sentences == (
        "1 critical promise of 2 is broken.",
        "Nothing of this run was published; release 7 stays live.",
        "To look at: 1 warning.",
    )
    assert "clean" in seen[3].title
    assert "To look at: 1 file set aside." in seen[5].sentences


def test_titles_that_are_found_by_characters_alone_are_counted() -> None:
    assert "language model" not in made(FACTS)
    some = made(replace(FACTS, titles={"titles": 200, "by_characters": 1, "model": "m"}))
    told = (
        "Of 200 product titles 1 (0.5\N{NO-BREAK SPACE}%) are in words that the language model does not know: they are compared by their characters"
    )
    assert told in some
    none = {"titles": 200, "by_characters": 0}
    assert "All 200 product titles are compared by words and by meaning." in made(replace(FACTS, titles={**none, "model": "m"}))
    assert "All 200 product titles are compared by words alone, not by meaning" in made(replace(FACTS, titles={**none, "model": None}))
    assert "product title" not in made(replace(FACTS, titles={"titles": 0, "by_characters": 0, "model": "m"}))


def test_the_page_says_how_many_places_are_kept_for_new_products_and_why() -> None:
    assert "for new products" not in made(FACTS)
    gains = {places: {"mean": mean, "low": mean - 0.001, "high": mean + 0.001} for places, mean in (("2", -0.002), ("4", -0.004))}
    tried = {"places": 0, "people": 50, "k": 20, "precision": 0.12, "gains": gains}
    told = made(replace(FACTS, new_places={"rebuy": tried, "discovery": {"places": 3, "people": 0, "k": 20, "precision": None, "gains": {}}}))
    window = "in the window before these lists 12 of 100 places were bought without such places, and 2 of them change that by -0.20 (-0.30 to -0.10)"
    assert f"Lists of anything: no place is kept for new products: {window}." in told
    assert "Lists of things new to the customer: 3 of 20 places are kept for new products, as the settings say." in told


def test_what_stopped_an_earlier_run_is_told_as_left_out_by_a_run_that_did_not_come_to_it() -> None:
    old = {"success": False, "run_id": "run-0", "severity": "critical"}
    profiles = check(table_name="gold.user_profiles", **old)
    told = verdict(replace(FACTS, checks=[check(), profiles]))
    assert (told.level, told.title) == ("warning", "What is live can be used; tables with broken promises were left out")
    assert told.sentences == (
        "1 of 2 promises are kept.",
        "1 critical promise of gold.user_profiles is still broken since an earlier run; that table is not published by this run.",
        "Release 7 is live.",
    )
    days = check(table_name="gold.user_days", **old)
    failed = failed_step()
    stopped = verdict(replace(FACTS, checks=[check(success=False), profiles, days], steps=[failed]))
    assert stopped.title.startswith("Stopped")
    assert stopped.sentences == (
        "1 critical promise of 3 is broken.",
        "Nothing of this run was published; release 7 stays live.",
        "2 critical promises of gold.user_days and gold.user_profiles are still broken since an earlier run; "
        "these tables are not published by this run.",
    )
    ended = verdict(replace(FACTS, checks=[check(), profiles], steps=[failed]))
    assert ended.title == "Not published: the step “clean” ended the run", "something else than a promise did"
    assert "still broken since an earlier run" in ended.sentences[1]


REASONS = ["items listed twice: want none, have 3 rows", "users: want 95.0% of 10, have 4"]


def refused_by_the_gate(*reasons: str) -> dict[str, Any]:
    return failed_step("gate", exit_code=4, error="refused by the gate", reasons=list(reasons or REASONS))


def test_the_page_of_a_run_that_the_gate_refused_says_why() -> None:
    found = replace(FACTS, steps=[*FACTS.steps, refused_by_the_gate()])
    assert verdict(found).title == "Not published: the gate refused the lists"
    assert verdict(found).sentences[0] == "The gate gave 2 reasons, which are below."
    html = made(found)
    (told,) = re.findall(r'id="attention">.*?</section>', html, re.DOTALL)
    assert re.findall(r"Refused by the gate:</strong> ([^<]*)</li>", told) == REASONS
    assert 'href="#attention"' in html
    without_reasons = failed_step("gate", exit_code=4, error="no room")
    assert "Refused by the gate:</strong> no room</li>" in made(replace(FACTS, steps=[without_reasons]))
    secret = refused_by_the_gate("the list of ann.lee@example.org")
    assert "ann.lee" not in made(replace(FACTS, steps=[secret]))


@pytest.mark.parametrize(
    ("evaluated", "steps", "live", "said"),
    [
        (5, [], 5, ""),
        (None, [refused_by_the_gate()], 4, ""),  # of an older version: nobody knows which lists were judged
        (
            5,
            [refused_by_the_gate()],
            4,
            "The gate refused the lists that were judged here, so they were not published; others, as of 2026-01-03, are live.",
        ),
        (5, [refused_by_the_gate()], None, "The gate refused the lists that were judged here, so they were not published; no lists are live yet."),
        (3, [refused_by_the_gate()], 4, "The lists that were judged here are not live; others, as of 2026-01-03, are live."),
        (4, [], 5, "The lists that were judged here are not live; others, as of 2026-01-03, are live."),
    ],
)
def test_lists_that_are_not_live_are_not_shown_as_the_published_ones(
    evaluated: int | None, steps: list[dict[str, Any]], live: int | None, said: str
) -> None:
    release = {"release": 7, "rows": {}, "as_of": DS, "versions": {} if live is None else {"gold.recommendations": live}}
    found = replace(FACTS, evaluated=evaluated, steps=steps, release=release, versions={"gold.recommendations": 5})
    (section,) = re.findall(r'id="models">.*?</section>', made(found), re.DOTALL)
    assert re.findall(r"<p>((?:The gate refused|The lists that were judged)[^<]*)</p>", section) == ([said] if said else [])


def test_a_shop_that_is_too_young_to_be_judged_is_told_from_when_on_it_can_be() -> None:
    told = "lists are not judged yet: lists can be judged from 2026-01-15 on, with 14 days of purchases."
    young = replace(FACTS, evaluations=[], judged_from="2026-01-15", lists=replace(LISTS, outcomes=[]))
    assert made(young).count(told) == 3, "in the second light, beside the lists, and for engineers"
    assert "Lists were made from" not in made(young)
    assert "#models" in made(young)
    assert told in made(replace(young, evaluations=FACTS.evaluations)), "what was judged before is shown beside it"
    assert "judged yet" not in made(FACTS)


def test_examples_that_are_not_live_are_called_that() -> None:
    assert "These lists are not live:" in made(replace(FACTS, lists=replace(LISTS, live=False)))
    assert "These lists are not live:" not in made(FACTS)


@pytest.mark.parametrize(("version", "rows"), [(4, "900 rows, version 4"), (3, "12 rows, version 4")])
def test_a_tables_rows_are_those_of_the_version_that_is_named_beside_them(version: int, rows: str) -> None:
    release = {"release": 7, "rows": {"silver.events": 900}, "versions": {"silver.events": version}}
    counted = check(check_name="table_row_count_to_be_between", value=12.0)
    assert rows in made(replace(FACTS, release=release, checks=[check(), counted]))


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ({"scope_kind": None}, ""),
        ({"scope_reason": "every 7 days"}, ""),
        (of_days(2), "rows of 1 day that changed since the last check: 2026-03-02"),
        ({"scope_reason": "every 7 days", "repeated_from": DS}, "looked at for 2026-01-03: the whole table: every 7 days"),
    ],
)
def test_a_result_says_what_was_looked_at_unless_that_was_the_whole_table_now(scope: dict[str, Any], said: str) -> None:
    assert re.findall(r"Looked at: (.*?)\.</span>", made(replace(FACTS, checks=[check(**scope)]))) == ([said] if said else [])


def test_a_failure_that_a_person_accepted_stops_nothing_and_is_shown_with_the_reason_and_who() -> None:
    accepted = check(success=False, observed="not true of 1 row of 10", accepted_because="a new market (B. Tester)")
    found = replace(FACTS, checks=[accepted])
    assert verdict(found).level == "warning"
    assert "none that is critical is broken, but for what a person accepted" in verdict(found).sentences[0]
    html = made(found)
    assert re.search(r'<strong class="accepted">Accepted:</strong>.*Accepted by a person: a new market \(B. Tester\)', html, re.DOTALL)
    assert re.search(r'class="mark accepted">○ accepted</span> a new market \(B. Tester\)', html)
    assert "✗" not in html


@pytest.mark.parametrize(
    ("value", "score", "usual"), [(1199.0, -4.1, False), (1200.0, -4.0, True), (1600.0, 4.0, True), (1601.0, 4.1, False), (610.0, None, True)]
)
def test_a_number_outside_of_its_usual_range_needs_a_look_although_its_promise_is_kept(value: float, score: float | None, usual: bool) -> None:
    unusual = check(value=value, usual_low=1200.0, usual_high=1600.0, anomaly_score=score, observed=f"it is {value:,.0f}")
    assert verdict(replace(FACTS, checks=[unusual])).level == ("good" if usual else "warning")
    html = made(replace(FACTS, checks=[unusual]))
    assert ('<strong class="unusual">Unusual:</strong>' in html) is not usual


def test_the_lights_come_before_everything_else_and_what_is_broken_is_open() -> None:
    failed = failed_step(exit_code=3)
    html = made(replace(FACTS, checks=[check(success=False, observed="not true of 1 row of 10")], steps=[failed]))
    assert html.index("The data: stopped") < html.index("<main") < html.index("Stopped: the data broke its promises")
    assert re.search(r"<details open>\s*<summary><h4>silver.events", html)
    assert re.search(r"What needs a look</h3>.*quantity is at least 1\. Found: not true of 1 row of 10", html, re.DOTALL)


def test_models_are_ranked_and_a_gain_within_chance_is_called_that() -> None:
    html = made(FACTS)
    shown = re.findall(r'role="rowheader" class="name">([^<]+)<', html)
    assert [name for name in shown if name in ("published list", "EASE", "popularity")] == ["published list", "EASE", "popularity"]
    assert "It is better than popularity beyond chance. Against EASE the difference may be chance" in html
    assert "0.342 to 0.362" in html


@pytest.mark.parametrize(
    "secret",
    [
        "ann.lee@example.org",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111_1111_1111_1111",
        "4111–1111–1111–1111",
        "+49 170 1234567",
        "DE02120300000000202051",
    ],
)
def test_planted_personal_values_appear_nowhere(secret: str) -> None:
    row = {
        "table_name": "silver.events",
        "reason": "no_user",
        "rows": 1,
        "first": f'{{"note": "call {secret}", "{secret}": 1}}',
        "last": f'"{secret}"',
    }
    file = {"source_file": f"january/{secret}.csv", "problem": f"cannot read {secret}", "status": "quarantined"}
    changed = Changes(since=NOW, run_id="run-0", set_aside=[file], taken_up=[file], broken=[check(observed=secret)])
    told = check(observed=secret, expected=secret, notes=secret, scope_reason=secret, repeated_from=DS, success=False, accepted_because=secret)
    waiting = check(severity="warning", **{**of_days(2), "scope_reason": secret}, open={**told, "observed": secret})
    item = Example("u1", (f"Card of {secret}",), {"rebuy": (Place(f"Gift for {secret}", f"because {secret}", f"brand {secret}"),)})
    lists = replace(LISTS, products=[{**LISTS.products[0], "name": secret}])
    failed = failed_step("train_graph", exit_code=2, error=f"no room for {secret}")
    found = replace(FACTS, rejected=[row], quarantined=[file], examples=[item], changes=changed, checks=[told, waiting], lists=lists, steps=[failed])
    html = made(found)
    assert secret not in html
    assert "•••" in html


def test_days_and_small_numbers_stay_readable() -> None:
    for kept in ("2010-12-01 08:26:00", "12/1/2010 8:26", "2017-01-01T11:53:26Z", "20101201", "536365", "85123A", "2.55", "0.123456789012"):
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
    assert len(pictures) == 5
    assert all(picture.get("role") == "img" and picture.get("aria-label") for picture in pictures)
    assert all("scope" in attributes for tag, attributes in outline.tags if tag == "th")


def test_every_colour_of_a_chart_is_one_that_the_style_sheet_replaces() -> None:
    html = made(FACTS)
    used = set(re.findall(r'(?:fill|stroke)="(#\w+)"', html))
    assert used
    assert used <= set(re.findall(r'\[(?:fill|stroke)="(#\w+)"\]', html))


def test_the_data_say_what_changed_since_the_page_before() -> None:
    assert re.search(r'id="data">.*first page of this warehouse.*</section>', made(FACTS), re.DOTALL)
    later = replace(FACTS, changes=Changes(since=NOW, run_id="run-0"))
    assert "Since the page of 3 January 2026, 06:00 UTC: no file came in and no promise broke or was mended." in made(later)


def test_a_clean_only_run_and_an_empty_warehouse_have_pages_too() -> None:
    empty = replace(
        FACTS, steps=[], checks=[], runs=[], files=[], deliveries=[], days=[], rejected=[], evaluations=[], examples=[], versions={}, release=None
    )
    empty = replace(empty, lists=None)
    assert "Nothing was checked yet" in made(empty)
    assert "There are no lists yet." in made(empty)
    assert "#models" not in made(replace(FACTS, evaluations=[], examples=[]))


def test_reasons_are_told_in_words() -> None:
    assert [reason_in_words(r) for r in ("unreadable:quantity", "no_user")] == ["quantity could not be read", "no user"]


def test_visits_and_what_was_shown_are_told_where_the_shop_records_them_and_not_elsewhere() -> None:
    html = made(replace(FACTS, visits=VISITS, exposures=EXPOSURES, responses=RESPONSES))
    assert (
        "there were 500 visits (+25\N{NO-BREAK SPACE}% against the week before). Of 100 visits 14 put something into the basket (18 the week" in html
    )
    assert "Not counted here: 3 visitors who looked at more than a person can" in html
    for name, cells in {
        "ordered": ["25", "5.0", "20", "5.0", "+25\N{NO-BREAK SPACE}%"],
        "web": ["300", "unchanged", "20", "3.0", "4.0"],
        "Jam": ["90", "new", "9", "3", "3.3"],
        "bestsellers": ["1,000", "–", "–"],
        "home page, place 2": ["1,000", "9.0", "3.0"],
        "home page, place not told": ["20", "5.0", "5.0"],
        "e-mail": ["20", "5.0", "5.0"],
    }.items():
        (row,) = re.findall(rf"<th [^>]*>{name}</th>(.*)</tr>", html)
        assert re.findall(r">([^<]*)</td>", row) == cells, name
    assert html.index("home page, place 2<") < html.index("home page, place 10<")
    assert "Teapots &lt;and&gt; kettles" in html
    young = made(replace(FACTS, visits=replace(VISITS, days=VISITS.days[-13:])))
    assert "there were 500 visits. Of 100 visits 14 put something into the basket, and 5.0 ended in an order." in young
    assert "the week before" not in young
    assert not {'href="#funnel"', 'href="#shown"', "of 100 visits"} & set(re.findall(r'href="#\w+"|of 100 visits', made(FACTS)))
