"""Each job runs once, on a dozen sales, and what it writes is of the contract and not empty."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from basketgraph.cli.app import app
from basketgraph.cli.runner import load_job
from basketgraph.foundation.config import CONF_VARIABLE, data_files
from basketgraph.foundation.contracts import conform
from basketgraph.foundation.runs.job import StepReport
from basketgraph.foundation.runs.steps import pipelines
from basketgraph.foundation.tables.releases import publish, released_tables, utc_now
from basketgraph.foundation.tables.warehouse import LiveRelease
from basketgraph.shards.manifest import read_manifest
from support.contract_rows import rows
from support.ran_jobs import DS, ORDER, VISITS, RanJobs

MAPPED = {"silver.events", "silver.items", "silver.rejected_rows"}
# Nothing was cancelled, nothing was done but buy, nobody has twenty lines, searched or wrote anything, nothing came later, and there was no campaign.
EMPTY = {
    *("gold.kept_purchases", "gold.sessions", "gold.impossible_visitors", "gold.refused_items", "gold.item_transitions", "gold.audiences"),
    *("gold.price_sensitivity", "gold.campaign_scores", "gold.coupon_scores", "gold.coupon_allocation", "gold.new_item_candidates"),
    *("gold.user_moods", "gold.item_moods", "gold.answers", "gold.campaign_budgets", "gold.campaign_outcomes"),
}
pytestmark = pytest.mark.slow


def test_no_job_is_left_out() -> None:
    assert sorted(ORDER) == sorted(stem for stem, _ in data_files("jobs", ".py"))


@pytest.mark.parametrize("job", ORDER)
def test_the_job_writes_rows_of_its_contracts(ran: RanJobs, job: str) -> None:
    assert ran.result(job).status in ("done", "current")
    for table in pipelines().steps[job].writes:
        if not table.startswith("silver.") or table in MAPPED:
            assert (conform(ran.table(table), table).count() > 0) == (table not in EMPTY), table


def test_every_sale_is_an_event_and_the_broken_line_a_rejected_row(ran: RanJobs) -> None:
    assert ran.table("silver.events").count() == sum(map(len, VISITS.values()))
    assert [row.reasons for row in ran.table("silver.rejected_rows").collect()] == [["unreadable:amount_minor", "unreadable:quantity"]]


def test_replay_changes_nothing_where_the_mapping_is_as_it_was(ran: RanJobs) -> None:
    assert ran.result("replay").rows_in == ran.result("clean").rows_in


def test_a_shard_set_is_sealed_for_each_cut(ran: RanJobs) -> None:
    cuts = sorted(row.as_of for row in ran.table("gold.user_profiles").select("as_of").distinct().collect())
    assert len(cuts) == 2
    for cut in cuts:
        assert read_manifest(ran.conf.shared_folder() / "shards" / str(cut)).edges > 0


def test_every_customer_gets_a_list_and_it_is_judged(ran: RanJobs) -> None:
    lists = ran.table("gold.recommendations").where("setting = 'rebuy'")
    assert lists.select("user_id").distinct().count() == len(VISITS[0])
    assert {row.model for row in ran.table("ops.evaluations").select("model").distinct().collect()} >= {"published", "popularity"}


def test_what_was_published_is_live_and_the_page_is_there(ran: RanJobs) -> None:
    live = LiveRelease(ran.release.spark, ran.conf.warehouse)
    assert live.read("gold.recommendations").count() == ran.table("gold.recommendations").count()
    (release,) = ran.table("ops.releases").where("release = 1").collect()
    assert (release.kind, release.run_id) == ("publish", ran.release.run_id)
    page = Path(ran.result("report").detail["report"]).read_text()
    assert all(words in page for words in ("html", "Segments of customers", "New customers"))


def test_titles_without_news_leave_the_version_of_their_vectors_as_it_is(ran: RanJobs) -> None:
    vectors = ["gold.item_text_vectors"]
    before = ran.release.versions(vectors)
    report = load_job("text_vectors")(ran.release.spark, ran.conf, DS, ran.release)
    assert report is not None
    metrics = report.detail["metrics"]["text_vectors"]
    assert (metrics["encoded"], metrics["reused"], metrics["titles"]) == (0, 3, 3)
    assert ran.release.versions(vectors) == before, "else shards would be sealed and models trained again"


def test_ask_answers_from_the_live_release_without_spark_and_knows_who_asks(ran: RanJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONF_VARIABLE, str(Path(ran.conf.warehouse).parent / "conf-dir"))
    monkeypatch.setattr("basketgraph.foundation.runs.session.spark_session", None)

    def ask(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["ask", *arguments, "--source", "young", "--set", f"warehouse={ran.conf.warehouse}"])

    no_index = ask("honey")
    assert (no_index.exit_code, "have release 1 without one\nRun `basketgraph run content` first." in no_index.stderr) == (2, True)
    content = pipelines().published_by("content", released_tables())
    publish(ran.release, as_of=DS, now=utc_now(), tables=content)
    found = json.loads(ask("hnoey", "--json").stdout.splitlines()[-1])
    (answer,) = found["answers"]
    assert (found["route"], found["read_as"], found["release"], answer["item_id"], answer["why"]) == ("words", "honey", 2, "honey", "by words: honey")
    assert answer["price_minor"] is not None
    row = ran.table("gold.interactions").where("item_id = 'honey'").orderBy("user_id").first()
    assert row is not None
    asked = ask("title", "--user", row.user_id, "--json")
    own = json.loads(asked.stdout.splitlines()[-1])
    assert any("like what they bought" in answer["why"] for answer in own["answers"])
    assert own["notes"] == ["no price ranges are live (`basketgraph run offer` makes them): what they pay plays no part"]
    felt = {"as_of": DS, "user_id": row.user_id, "mood": 0.9, "last_mood": 0.4, "last_text_at": datetime.combine(DS, time(), timezone.utc)}
    ran.release.overwrite_day(rows(ran.release.spark, "gold.user_moods", [felt]), "gold.user_moods", DS)
    bad = {"as_of": DS, "item_id": "honey", "mood": 0.4}
    ran.release.overwrite_day(rows(ran.release.spark, "gold.item_moods", [bad, {**bad, "item_id": "tea", "mood": 0.6}]), "gold.item_moods", DS)
    publish(ran.release, as_of=DS, now=utc_now(), tables=content)
    unhappy = json.loads(ask("title", "--user", row.user_id, "--json").stdout.splitlines()[-1])
    assert {answer["item_id"] for answer in own["answers"]} - {answer["item_id"] for answer in unhappy["answers"]} == {"honey"}
    assert unhappy["notes"][0] == f"their last review or message, of {DS}, sounds unhappy: products whose reviews sound so are left out (1)"
    forgotten = json.loads(ask("title", "--user", row.user_id, "--set", "content.bad_mood=.4", "--json").stdout.splitlines()[-1])
    assert forgotten["answers"] == own["answers"], "a mood of .4 is not below it"
    assert "answered by its words" in ask("title of tea").stdout
    unknown = ask("tea", "--user", "ab" * 16)
    assert (unknown.exit_code, "gold.interactions: want rows of this user, have none" in unknown.stderr) == (2, True)
    assert ask("?!").exit_code == 2

    folder = Path(ran.conf.warehouse).parent
    (folder / "questions.txt").write_text(f"hnoey\ntitle\t{row.user_id}\ntea\t{'ab' * 16}\n")
    many = ask("--questions", str(folder / "questions.txt"), "--out", str(folder / "answers.jsonl"), "--json")
    counts = json.loads(many.stdout.splitlines()[-1])
    assert (many.exit_code, counts["questions"], counts["by_words"], counts["refused"], counts["release"]) == (2, 3, 2, 1, 3)
    assert "line 3: gold.interactions: want rows of this user, have none" in many.stderr
    lines = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
    assert [line["answers"] for line in lines] == [[answer], unhappy["answers"], []]
    mixed = (["tea", "--questions", "a"], ["--questions", "a"], ["--out", "a.tsv"], ["--questions", "a", "--out", "b.tsv", "--user", "u"], [])
    assert {ask(*arguments).exit_code for arguments in mixed} == {2}
    elsewhere = ask("--questions", str(folder / "questions.txt"), "--out", str(folder / "answers.txt"))
    assert (elsewhere.exit_code, "--out: want a file .jsonl or .tsv" in elsewhere.stderr) == (2, True)


def again(ran: RanJobs, job: str, **sections: dict[str, Any]) -> StepReport:
    """The job once more, with other settings."""
    settings = {**ran.conf.settings, **{section: {**ran.conf.settings[section], **changed} for section, changed in sections.items()}}
    report = load_job(job)(ran.release.spark, replace(ran.conf, settings=settings), DS, ran.release)
    assert report is not None
    return report


def test_reviews_give_moods_without_an_encoder_and_moods_go_with_them(ran: RanJobs) -> None:
    said = {True: ("lovely", "soft", "perfect"), False: ("torn", "itchy", "broken")}
    written = [
        {
            **{"review_id": f"r{number:03d}", "user_id": f"u{number % 10}", "item_id": "tea", "recommended": number % 2 == 0},
            **{"title": None, "text": f"a {said[number % 2 == 0][number % 3]} one, my number {number}"},
            **{"event_date": DS - timedelta(days=1 + number % 20), "event_time": None, "source_time": datetime(2027, 1, 1, tzinfo=timezone.utc)},
        }
        for number in range(220)
    ]
    reviews = rows(ran.release.spark, "silver.reviews", written)
    ran.release.overwrite(reviews, "silver.reviews")
    told = again(ran, "moods", content={"encode": False}).detail["metrics"]["moods"]
    assert (told["texts"], told["people"], told["items"]) == ({"review": 220}, 10, 1)
    assert set(told["mood"]["validation"]) == {"words", "characters"}
    happy = {row.user_id: row.mood > 0.5 for row in ran.table("gold.user_moods").where(f"as_of = DATE'{DS}'").collect()}
    assert happy == {f"u{number}": number % 2 == 0 for number in range(10)}
    newest = ran.table("gold.user_moods").selectExpr("max(last_text_at) AS at").collect()[0]["at"].astimezone(timezone.utc)
    assert newest == datetime.combine(DS - timedelta(days=1), time(), timezone.utc), "the begin of its day, not its delivery"
    assert again(ran, "search_index", content={"encode": False}).rows_out == again(ran, "answers").rows_out == 0
    assert ran.table("gold.search_indexes").isEmpty()

    ran.release.overwrite(reviews.limit(3), "silver.reviews")
    again(ran, "moods", content={"encode": False})
    assert ran.table("gold.user_moods").isEmpty()
    assert ran.table("gold.item_moods").isEmpty()


@pytest.mark.long
def test_an_item_that_came_late_gets_the_place_that_lists_keep(ran: RanJobs) -> None:
    again(ran, "new_items", content={"new_item_days": 3})
    (cut,) = (row.as_of for row in ran.table("gold.new_item_candidates").select("as_of").distinct().collect())
    new = ran.table("gold.new_item_candidates").collect()
    assert {row.item_id for row in new} == {"honey"}
    assert len(new) == 2, "the third person has it"
    assert again(ran, "recommendations", rank={"k": 2, "new_places": 2}).detail["metrics"]["new_places"]["discovery"]["places"] == 2
    listed = ran.table("gold.recommendations").where(f"as_of = DATE'{cut}' AND setting = 'discovery' AND item_id = 'honey'").collect()
    assert {(row.user_id, tuple(row.sources)) for row in listed} == {(row.user_id, ("new_item",)) for row in new}
