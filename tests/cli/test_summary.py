"""What a run prints at its end holds what its JSON object says, models and differences included."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from basketgraph.cli.state_summary import print_status
from basketgraph.cli.summary import print_changes, print_summary, print_trace
from basketgraph.evaluate.evaluations import as_json
from basketgraph.report.examples import Example, Place


def measured(model: str, metric: str, value: float, versus: str = "") -> dict[str, Any]:
    return {"setting": "rebuy", "model": model, "metric": metric, "versus": versus, "value": value, "low": value - 0.01, "high": value + 0.01}


def outcome(**changed: Any) -> dict[str, Any]:
    rows = [measured(model, metric, 0.25) for model in ("als", "published") for metric in ("recall@20", "ndcg@20")]
    return {
        "rows": {
            "silver.events": {"read": 1205, "accepted": 1100, "rejected": 70, "duplicates": 30, "left_out": 5, "rejected_by_reason": {"no_user": 70}}
        },
        "tables": {"silver.events": {"version": 4, "rows": 1100}},
        "quality": {"critical_failures": 0, "warnings": 2},
        "release": 7,
        "as_of": "2026-01-01",
        "report": "/data/warehouse/reports/run.html",
        "tensorboard": None,
        "peak_memory_bytes": 3 << 30,
        "refused": None,
        **as_json([*rows, measured("published", "ndcg@20", 0.0625, versus="als")], "ndcg@20"),
        **changed,
    }


EXAMPLE = Example("u" * 64, ("Plum jam",), {"rebuy": (Place("Tea", "You bought it once."),)})


def printed(example: Example = EXAMPLE, **changed: Any) -> str:
    out = io.StringIO()
    print_summary(outcome(**changed), [example], file=out)
    return out.getvalue()


def test_models_are_printed_with_their_intervals_and_what_the_published_list_gains_on_them() -> None:
    (als,) = [line.split() for line in printed().splitlines() if line.startswith("als")]
    assert als == ["als", "0.2500", "0.2400", "..", "0.2600", "0.2500", "0.2400", "..", "0.2600", "+0.0625", "(+0.0525", "..", "+0.0725)"]


def test_a_young_shop_is_told_from_when_on_its_lists_can_be_judged() -> None:
    assert "not judged yet: lists can be judged from 2026-01-15 on, with 14 days of purchases\n" in printed(
        judged_from="2026-01-15", metrics={}, gains={}
    )
    assert "judged yet" not in printed(judged_from=None)


def test_rows_tables_quality_users_and_places_are_told() -> None:
    text = " ".join(printed().split())
    for told in (
        "silver.events 1,205 1,100 70 30 5 no_user 70",
        "silver.events 4 1,100",
        "0 critical failures, 2 warnings",
        "release 7, as of 2026-01-01",
        "3.0 GiB",
        "/data/warehouse/reports/run.html",
        "bought lately: Plum jam",
        "Tea: You bought it once.",
    ):
        assert told in text
    assert "not live" not in text
    assert "this list is not live" in printed(replace(EXAMPLE, live=False))
    assert "tensorboard" not in text


def test_answers_are_told_with_what_they_were_found_by_and_a_shop_without_searches_with_that() -> None:
    days = {"as_of": "2026-01-01", "days": 28, "least": 5}
    found = {
        "questions": 4,
        "asked": 90,
        "by_words": 1,
        "by_letters": 1,
        "by_meaning": 1,
        "unanswered": 1,
        "unanswered_asked": 7,
        "milliseconds": 9.5,
    }
    text = " ".join(printed(metrics={"answers": {**days, "searches": 100, "different": 9, **found}}, gains={}).split())
    assert "questions 4 of 9 were asked by 5 people or more in the 28 days before 2026-01-01" in text
    assert "90 of 100 searches; answered 1 by words, 1 by letters, 1 by meaning, 9.5 ms each 1 have no answer, in 7 searches" in text
    few = printed(metrics={"answers": {**days, "searches": 3, "different": 2, "questions": 0}}, gains={})
    assert "questions 0 of 2 were asked by 5 people" in few
    assert "ms each" not in few
    none = printed(metrics={"answers": {**days, "searches": 0, "different": 0, "questions": 0}}, gains={})
    assert "questions none: nobody searched in the 28 days before 2026-01-01" in none


def test_segments_and_contacts_are_told_with_what_they_are_worth() -> None:
    everybody = {"kind": "rule", "segment": "all", "people": 1200, "spend_minor_28d": 123450, "spend_minor_90d": 300000, "joined": 7, "left": None}
    segments = {
        "as_of": "2026-01-01",
        "compared_with": "2025-12-25",
        "currency": "EUR",
        "without_column": ["senior: nobody"],
        "segments": [everybody],
    }
    withheld = {"day_cap": {"contacts": 3, "value": 250.0}}
    contacts = {"as_of": "2026-01-01", "of": "lists", "currency": "EUR", "proposed": 9, "sent": 6, "people": 5, "value": 1000.0, "withheld": withheld}
    gains = {places: {"mean": 0.001, "low": -0.0005, "high": 0.0025} for places in "234"}
    places = {"rebuy": {"places": 0, "people": 0, "k": 20, "gains": {}}, "discovery": {"places": 3, "people": 50, "k": 20, "gains": gains}}
    text = " ".join(printed(metrics={"segments": segments, "contacts": contacts, "new_places": places}, gains={}).split())
    assert "discovery 3 of 20 50 +0.10 (-0.05 .. +0.25) +0.10 (-0.05 .. +0.25) +0.10 (-0.05 .. +0.25)" in text
    assert "rebuy" not in text, "nobody could say how many pay"
    assert "all rule 1,200 1,234.50 3,000.00 7 senior: nobody" in text
    assert "6 of 9 are sent, to 5 people, with an expected value of 10.00 EUR withheld, day cap: 3, of 2.50 EUR" in text


def test_moods_are_told_with_how_good_they_are_and_where_there_is_no_evidence() -> None:
    bounds = {"auc": 0.95, "auc_low": 0.94, "auc_high": 0.96, "accuracy": 0.9, "accuracy_low": 0.89, "accuracy_high": 0.91}
    mood = {"space": "words", "learned": 6000, "judged": 1500, "majority": 0.8, "calibration_error": 0.0255, **bounds}
    text = " ".join(printed(metrics={"moods": {"mood": mood, "topic": None, "people": 1200, "items": 300}}, gains={}).split())
    learned = "mood read from words, learned from 6,000 reviews; on 1,500 later ones"
    assert f"{learned} AUC 0.950 (0.940 .. 0.960), accuracy 0.900 (0.890 .. 0.910), the commonest label 0.800, calibration error 0.025" in text
    assert "topic no evidence: too few reviews with a label of two kinds of 1,200 people and 300 products" in text


def test_steps_that_an_older_version_ran_are_told_with_what_they_logged() -> None:
    budget = {"budget": 900.0, "planned": 300.0, "expected_cost": 250.0, "shadow_price": 1.5, "within_budget": 0.96}
    allocation = {"currency": "EUR", "coupons": 5, "people": 4, "expected_redemptions": 1.0, "reserve_price": 2.0, "value_without_reserve": 7.0}
    index = {"titles": 1200, "items": 1300, "bytes": 1 << 20}
    outcomes = {"as_of": "2026-01-01", "currency": "EUR", "campaigns": []}
    metrics = {"allocation": {**allocation, "budgets": {"c": budget}, "floors": {}}, "search_index": index, "outcomes": outcomes}
    text = " ".join(printed(metrics=metrics, gains={}).split())
    assert "c 9.00 0.00 0.00 3.00 2.50 1.50 96%" in text
    assert "index 1,200 titles of 1,300 items, 1 MiB" in text
    assert "campaigns that ended" not in text


def test_what_broke_in_an_earlier_run_is_not_counted_as_this_runs_failure() -> None:
    text = printed(quality={"critical_failures": 0, "critical_of_earlier_runs": 1, "warnings": 2, "accepted": 1})
    assert "0 critical failures, 1 critical since an earlier run, 2 warnings, 1 accepted by a person" in text


def test_promises_that_could_not_be_compared_are_counted_apart() -> None:
    text = printed(quality={"critical_failures": 0, "critical_of_earlier_runs": 0, "warnings": 2, "accepted": 0, "not_compared": 8})
    assert "0 critical failures, 2 warnings, 8 not compared yet" in text
    assert "not compared" not in printed()


def test_warnings_of_earlier_looks_are_counted_until_their_rows_were_looked_at_again() -> None:
    quality = {"critical_failures": 0, "critical_of_earlier_runs": 0, "warnings": 2, "open_warnings": 1, "accepted": 0, "not_compared": 0}
    assert "0 critical failures, 2 warnings, 1 open of earlier looks\n" in printed(quality=quality)


def test_a_run_that_stopped_short_says_why_and_needs_no_models() -> None:
    assert "not released: the lists are worse" in printed(refused="the lists are worse", metrics={}, gains={})


@pytest.mark.parametrize("name", ["MILK [/b]", "EGGS [large]", "TEA :coffee:", "[red]JAM", "back\\[slash]"])
def test_names_are_printed_as_they_are_whatever_they_would_mean_as_markup(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"read": 1, "accepted": 1, "rejected": 0, "duplicates": 0, "left_out": 0, "retracted": 2, "rejected_by_reason": {name: 1}}
    text = printed(
        Example("u" * 64, (name,), {"rebuy": (Place(f"{name} again", f"as {name}"),)}), refused=f"of {name}", report=f"/{name}", rows={name: counts}
    )
    assert text.count(name) == 8
    assert "2 accepted rows are no longer in the table" in text
    out = io.StringIO()
    print_changes({}, {name: {f"{name}.csv": name}}, {}, file=out)
    assert out.getvalue().count(name) == 3
    step = {"step": name, "status": "done", "finished_at": "now", "seconds": 1.0, "run_id": "r"}
    state = {"tables": {name: {"version": 1, "rows": 1}}, "last_steps": [step], "release": 7, "as_of": None, "runs": [], "ages": {}, "holder": None}
    error = {"at": "now", "step": "clean", "run_id": "r", "exit_code": 1, "error": name, "is_over": False}
    print_status({**state, "quality": {"critical_failures": 0, "warnings": 0}, "report": name, "last_error": error})
    version = {"version": 1, "at": "now", "what": "insert", "changed": {"name": (name, name)}, "source_file": name}
    traced = {"row": None, "table": "silver.items", "key": {"item_id": name}, "file": {"path": name}, "run": None, "commits": [], "releases": []}
    refused = {"rejected_id": "f00d", "reasons": [name], "source_file": name}
    print_trace({**traced, "versions": [version], "user_days": [], "retracted_by": refused})
    assert capsys.readouterr().out.count(name) == 11
