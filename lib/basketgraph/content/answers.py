"""gold.answers: what the catalogue answers to the questions that many people searched for."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from pyspark import SparkFiles
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.content.catalogue import Catalogue
from basketgraph.content.features import plain
from basketgraph.content.index_files import read_index
from basketgraph.content.settings import ContentSettings
from basketgraph.foundation.paths import local_folder

NORMALISED = "question string, person string"
ANSWER = ("rank", "item_id", "title", "score", "found_by", "why")
OF_QUESTION = pa.struct(
    [("rank", pa.int32()), ("item_id", pa.string()), ("title", pa.string()), ("score", pa.float64()), ("found_by", pa.string()), ("why", pa.string())]
)
ANSWERED = (
    "question string, searches bigint, people bigint, milliseconds double, "
    "answers array<struct<rank int, item_id string, title string, score double, found_by string, why string>>"
)


class IndexPlace(NamedTuple):
    """Where an executor finds an index. folder: absolute, or the name of one that Spark ships; sha256: of its manifest; model: see `encode`."""

    folder: str
    sha256: str
    model: str


def asked_questions(searches: DataFrame, *, as_of: date, days: int) -> DataFrame:
    """The questions of [as_of - days, as_of), spelled alike.

    searches: silver.searches rows of any day, whose user_id is the person, or the visitor.
    returns:  question (its words in lower case, with blanks between them), searches, people: the different persons who asked, by their visits where
              no person is known; all searches of which neither is known count as one person.
    """
    day = F.col("event_date")
    recent = searches.where((day >= F.lit(as_of - timedelta(days=days))) & (day < F.lit(as_of)))
    asked = recent.select("query", F.coalesce("user_id", "session_id").alias("person")).mapInArrow(_normalised, NORMALISED)
    people = F.countDistinct("person") + F.max(F.col("person").isNull().cast("bigint"))
    return asked.groupBy("question").agg(F.count("*").alias("searches"), people.alias("people"))


def _normalised(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        questions = pa.array([plain(query) for query in batch.column("query").to_pylist()], type=pa.string())
        made = pa.RecordBatch.from_arrays([questions, batch.column("person")], names=["question", "person"])
        yield made.filter(pa.array([bool(question) for question in questions.to_pylist()], type=pa.bool_()))


def index_place(spark: SparkSession, place: str, *, sha256: str, model: str) -> IndexPlace:
    """An index below the warehouse for the executors: its folder where all machines see it, else Spark ships the files to each."""
    local = local_folder(place)
    if local is None:
        spark.sparkContext.addFile(place, recursive=True)  # named by its content: a second time it is there
    return IndexPlace(str(local or place.rpartition("/")[2]), sha256, model)


def answered(questions: DataFrame, index: IndexPlace, settings: ContentSettings, *, partitions: int) -> DataFrame:
    """The best items for each question, found on the executors: a Python worker reads the index once and answers in one thread.

    questions:  rows of `asked_questions`.
    partitions: one a core; answers do not depend on it.
    returns:    question, searches, people, milliseconds, answers (as in gold.answers, at most `answer_items`, without one an empty list).
    errors:     UserError on an executor where the index is lacking or another one, or where the extra `words` or the model is.
    """
    return questions.repartition(partitions, "question").mapInArrow(partial(_answers, index=index, settings=settings), ANSWERED)


def _answers(batches: Iterable[pa.RecordBatch], *, index: IndexPlace, settings: ContentSettings) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        catalogue = opened_index(index)
        found, milliseconds = [], []
        for question in batch.column("question").to_pylist():
            began = time.perf_counter()
            found.append([_of(answer._asdict()) for answer in catalogue.answers(question, settings, n=settings.answer_items).answers])
            milliseconds.append(1000 * (time.perf_counter() - began))
        arrays = [*batch.columns, pa.array(milliseconds, type=pa.float64()), pa.array(found, type=pa.list_(OF_QUESTION))]
        yield pa.RecordBatch.from_arrays(arrays, names=[*batch.schema.names, "milliseconds", "answers"])


def _of(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: answer[name] for name in ANSWER}


@lru_cache(maxsize=1)
def opened_index(index: IndexPlace) -> Catalogue:
    """The index, verified, once a process."""
    folder = Path(index.folder)
    return read_index(folder if folder.is_absolute() else Path(SparkFiles.get(index.folder)), sha256=index.sha256, model=index.model)


def answer_rows(found: DataFrame) -> DataFrame:
    """Rows of gold.answers but for the day: one an answer. found: rows of `answered`."""
    rows = found.select("question", "searches", "people", F.explode("answers").alias("answer"))
    return rows.select("question", *(F.col(f"answer.{name}") for name in ANSWER), "searches", "people")


def answer_counts(found: DataFrame) -> dict[str, Any]:
    """questions, their searches, how many of them are answered by what (of the first answer) or not at all, and how long one took in the median.

    found: rows of `answered`.
    """
    first, without = F.get("answers", F.lit(0)).getField("found_by"), F.size("answers") == 0
    counts = {
        "questions": F.count("*"),
        "asked": F.sum("searches"),
        **{f"by_{kind}": F.count_if(first == kind) for kind in ("words", "letters", "meaning")},
        "unanswered": F.count_if(without),
        "unanswered_asked": F.sum(F.when(without, F.col("searches")).otherwise(0)),
        "milliseconds": F.round(F.median("milliseconds"), 1),
    }
    (row,) = found.agg(*(count.alias(name) for name, count in counts.items())).collect()
    return dict(row.asDict())
