"""Answers to many questions: those of a shop's searches on the executors, and those of a file; and the index that both read, wherever it lies."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.content.answers import answer_counts, answer_rows, answered, asked_questions, index_place
from basketgraph.content.catalogue import Answers, Catalogue, Item
from basketgraph.content.index_files import read_index, upload_index, write_index
from basketgraph.content.question_lines import answered_lines, as_json_lines, as_tsv, line_counts, read_questions
from basketgraph.content.search import SearchSettings, search_index
from basketgraph.content.settings import ContentSettings
from basketgraph.foundation.config import UserError
from basketgraph.foundation.tables.files import Files
from support.contract_rows import ODD, mounted, rows

DS = date(2026, 3, 1)
TITLES = ("red curtain", "blue curtain", "coffee mug", "不锈钢水壶")
SETTINGS = ContentSettings(answer_items=2)
MODEL = "all-MiniLM-L6-v2-onnx-int8"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(tuple((Item(f"{title} 1", title, "", 500, 1),) for title in TITLES), search_index(TITLES, SearchSettings()))


def asked(query: str, *people: str | None, **columns: Any) -> list[dict[str, Any]]:
    known = {"event_date": date(2026, 2, 28), "visitor_id": None, "session_id": None, "query": query}
    return [{**known, "user_id": person, **columns} for person in people]


def test_a_question_counts_the_different_people_who_asked_it_in_the_days_before(spark: SparkSession) -> None:
    searches = [
        *asked("Red  CURTAIN", "a", "b", None),
        *asked("red curtain!", "a", event_date=date(2026, 2, 27)),
        *asked("red curtain", "c", event_date=date(2026, 2, 26)),  # a day too old
        *asked("red curtain", "d", event_date=DS),
        *asked("mug", None, None, session_id="s"),
        *asked("mug", None, session_id="t"),
        *asked("teapot for emil", None, None),  # nobody knows whether these are two
        *asked("?!", "a"),
    ]
    found = asked_questions(rows(spark, "silver.searches", searches), as_of=DS, days=2).collect()
    assert {(row.question, row.searches, row.people) for row in found} == {("red curtain", 4, 3), ("mug", 3, 2), ("teapot for emil", 2, 1)}


@pytest.mark.slow
def test_executors_answer_as_the_index_does_from_a_folder_or_a_store_of_which_a_whole_index_is_not_written_again(
    spark: SparkSession, catalogue: Catalogue, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    sha256 = write_index(made, catalogue, model_id=MODEL)
    questions = [("cutrain", 5, 5), ("水壶", 4, 2), ("电水壶", 1, 1), ("something to drink espresso from", 3, 1), ("дождь", 2, 2)]
    want = {question: catalogue.answers(question, SETTINGS, n=2).answers for question, _, _ in questions[:4]}
    given = spark.createDataFrame(questions, "question string, searches bigint, people bigint")
    (tmp_path / "store").mkdir()
    for root in (str(tmp_path / ODD), mounted(spark, tmp_path / "store")):
        place = f"{root}/search_indexes/{sha256[:32]}"
        assert upload_index(Files(spark), made, place, sha256=sha256)
        assert not upload_index(Files(spark), made, place, sha256=sha256)
        index = index_place(spark, place, sha256=sha256, model="default")
        found = answered(given, index, SETTINGS, partitions=2).localCheckpoint()
        listed: dict[str, list[Any]] = {}
        for row in answer_rows(found).orderBy("question", "rank").collect():
            listed.setdefault(row.question, []).append(row)
        assert {question: [(row.rank, row.item_id, row.found_by, row.why) for row in of] for question, of in listed.items()} == {
            question: [(answer.rank, answer.item_id, answer.found_by, answer.why) for answer in of] for question, of in want.items()
        }
        assert [(row.searches, row.people, row.title, row.why) for row in listed["水壶"]] == [(4, 2, "不锈钢水壶", "by words: 水壶")]
        counts = answer_counts(found)
        assert counts.pop("milliseconds") > 0
        by = {"by_words": 2, "by_letters": 1, "by_meaning": 1}
        assert counts == {"questions": 5, "asked": 15, **by, "unanswered": 1, "unanswered_asked": 2}

    vectors = tmp_path / ODD / "search_indexes" / sha256[:32] / "vectors.npy"
    vectors.write_bytes(b"half of it")
    place = str(vectors.parent)
    assert upload_index(Files(), made, place, sha256=sha256)
    assert read_index(vectors.parent, sha256=sha256, model="default").items == catalogue.items
    with pytest.raises(Exception, match=r"want sha256 0{64}"):
        answered(given, index_place(spark, place, sha256="0" * 64, model="default"), SETTINGS, partitions=1).agg(F.count("answers")).collect()


def test_a_file_of_questions_is_answered_line_by_line_and_a_line_that_is_none_says_why(catalogue: Catalogue, tmp_path: Path) -> None:
    def answer(question: str, user: str | None) -> tuple[Answers, list[str]]:
        if user == "nobody":
            raise UserError("ask: the user is not known", ["want rows of this user, have none"])
        return catalogue.answers(question, SETTINGS, n=2), [f"for {user}"] if user else []

    file = tmp_path / "questions.txt"
    file.write_text('\ufeffcutrain\r\n\n水壶\tu1\n"mug"\tnobody\n?!\na\tb\tc\nдождь\n', encoding="utf-8")
    found = list(answered_lines(read_questions(file), answer))
    of_line = {one["line"]: one for one in map(json.loads, as_json_lines(found).splitlines())}
    assert [(line, one["error"]) for line, one in of_line.items()] == [
        (1, None),
        (3, None),
        (4, "want rows of this user, have none"),
        (5, "question: want a word, have none"),
        (6, "want `question` or `question<TAB>user`, have 3 columns"),
        (7, None),
    ]
    assert (of_line[1]["route"], of_line[1]["read_as"], [one["title"] for one in of_line[1]["answers"]]) == (
        "words", "curtain", ["red curtain", "blue curtain"],
    )  # fmt: skip
    assert (of_line[3]["user"], of_line[3]["notes"], of_line[7]["answers"]) == ("u1", ["for u1"], [])
    listed = list(csv.DictReader(as_tsv(found).splitlines(), delimiter="\t"))
    assert [(row["line"], row["rank"], row["item_id"], row["error"]) for row in listed] == [
        ("1", "1", "red curtain 1", ""),
        ("1", "2", "blue curtain 1", ""),
        ("3", "1", "不锈钢水壶 1", ""),
        ("4", "", "", "want rows of this user, have none"),
        ("5", "", "", "question: want a word, have none"),
        ("6", "", "", "want `question` or `question<TAB>user`, have 3 columns"),
        ("7", "", "", ""),
    ]
    counts = line_counts(found)
    assert counts.pop("milliseconds") > 0
    assert counts == {"questions": 6, "by_words": 2, "by_letters": 0, "by_meaning": 0, "unanswered": 1, "refused": 3}
    for text, fault in (("\n \n", "want a question each, have none"), (None, "want UTF-8 text, have")):
        file.write_text(text) if text is not None else file.write_bytes(b"\xff\xfe")
        with pytest.raises(UserError, match=fault):
            read_questions(file)
