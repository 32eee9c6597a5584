"""Answers to questions: spelling, routes, and the JSON of the bench."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from basketgraph.cli.bench import app
from basketgraph.content.search import SearchIndex, SearchSettings, search_index
from basketgraph.content.search_bench import bench
from basketgraph.content.spelling import edits, fit_spelling
from basketgraph.content.title_files import read_titles
from basketgraph.foundation.config import UserError

TITLES = ["RED CURTAIN", "BLUE CURTAIN", "COFFEE MUG RETROSPOT", "HOT WATER BOTTLE", None, "生日礼物盒子", "茶杯", "Umbrella, folding"]


@pytest.fixture(scope="module")
def index() -> SearchIndex:
    return search_index(TITLES, SearchSettings())


def test_words_are_corrected_to_the_nearest_and_then_the_commonest_word_of_the_titles() -> None:
    spelling = fit_spelling([["curtain", "card"], ["curtains", "card"], ["cart", "pink", "生日"]])
    assert spelling.correct(["cutrain", "curtian", "cuurtainn", "curtains"]) == ["curtain", "curtain", "curtain", "curtains"]
    assert spelling.correct(["carx"]) == ["card"]  # one edit from `cart`, too, which fewer titles have
    assert spelling.correct(["pnik", "pnki", "xy", "生月"]) == ["pink", "pnki", "xy", "生月"]  # two edits in four letters are too many
    assert [edits("abcd", other) for other in ("abcd", "acbd", "abd", "abxcd", "xbcd", "badc", "")] == [0, 1, 1, 1, 1, 2, 4]


def test_a_question_goes_where_its_words_are(index: SearchIndex) -> None:
    routes = {
        "red cutrain": True,
        "red curtain for a bathroom window of mine": False,  # 2 of 8 words
        "curtain red silk long": False,  # 2 of 4
        "curtain red silk": True,  # 2 of 3
        "生日": True,  # no title has the word, and the encoder does not know the script
        "something to drink espresso from": False,
    }
    assert {query: index.is_lexical(query) for query in routes} == routes
    best = {query: TITLES[index.routed(query).argmax()] for query in routes}
    assert best["red cutrain"] == best["curtain red silk"] == "RED CURTAIN"
    assert best["something to drink espresso from"] == "COFFEE MUG RETROSPOT"  # not one common word
    assert best["生日"] == "生日礼物盒子"
    assert not index.dense("生日").any()


def test_a_catalogue_whose_script_the_encoder_does_not_know_is_answered_by_characters() -> None:
    foreign = search_index(["生日礼物盒子", "茶杯", "雨伞"], SearchSettings())
    for question in ("iphone 15 case", "茶杯"):
        route, scores = foreign.answers(question)
        assert (route, len(scores)) == ("words", 3)
    assert scores.argmax() == 1


def test_the_bench_counts_what_its_protocol_says(tmp_path: Path) -> None:
    titles, queries = tmp_path / "titles.tsv", tmp_path / "queries.tsv"
    titles.write_text("".join(f"i{number}\t{title or ''}\n" for number, title in enumerate(TITLES)))
    queries.write_text("red cutrain\ti0,i1,gone\nmug\ti2\nmug\tgone\n茶\ti6\n")
    ran = CliRunner().invoke(app, ["search", "--titles", str(titles), "--queries", str(queries), "--json"])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout.splitlines()[-1])
    assert (found["queries"], found["skipped"], found["titles_by_characters"]) == (3, 1, 3)
    for name in ("lexical", "ngram", "dense", "routed"):
        assert found[name]["low"] <= found[name]["hit@10"] <= found[name]["high"]
    assert found["routed"]["hit@1"] == found["routed"]["mrr"] == 1
    assert found["routed"]["p@10"] == pytest.approx((0.2 + 0.1 + 0.1) / 3, abs=1e-5)
    assert found["dense"]["hit@1"] < 1  # 茶 is beyond it
    queries.write_text("mug\tgone\n")
    with pytest.raises(UserError, match="have 1 queries without one"):
        bench(titles, queries)
    titles.write_text("i1\tmug\ni2 without a tab\n")
    with pytest.raises(UserError, match=r"1 of 2 lines are not `id<TAB>title`\n  line 2: want"):
        read_titles(titles)


@pytest.mark.slow
def test_needs_in_other_words_find_their_products(shared_data: Path) -> None:
    folder = shared_data / "questions"
    found = bench(folder / "titles.tsv", folder / "needs.tsv")
    assert found["routed"]["p@10"] >= 0.66
    assert found["routed"]["p@10"] > found["lexical"]["p@10"] + 0.2
