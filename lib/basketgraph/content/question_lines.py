"""Many questions in one process: a line a question in, its answers or its fault out."""

import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from basketgraph.content.catalogue import Answers
from basketgraph.foundation.config import UserError

SUFFIXES = (".jsonl", ".tsv")
COLUMNS = ("line", "question", "user", "rank", "item_id", "title", "price_minor", "score", "found_by", "why", "error")  # of a .tsv file
Answering = Callable[[str, str | None], tuple[Answers, list[str]]]  # a question and who asks -> answers and notes


class Asked(NamedTuple):
    """A line of the file, from 1. user: who asks, as the file names them; columns: that the line has."""

    line: int
    question: str
    user: str | None
    columns: int


class Answered(NamedTuple):
    """error: why a question has no answers, in words; None where it was answered, be it with nothing."""

    asked: Asked
    answers: Answers | None
    notes: list[str]
    milliseconds: float
    error: str | None


def read_questions(path: Path) -> list[Asked]:
    """`question`, or `question<TAB>user`, a line; blank lines are left out.

    errors: UserError for a file that cannot be read or has no line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # not splitlines: a question may hold other separators of lines
    except (OSError, UnicodeDecodeError) as error:
        fault = f"want UTF-8 text, have {error.reason if isinstance(error, UnicodeDecodeError) else error.strerror}"
        raise UserError(f"{path}: cannot be read", [fault], "Name a file with a question a line.") from None
    rows = [(number, line.strip("\r").split("\t")) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise UserError(f"{path}: is empty", ["lines: want a question each, have none"], "Name a file with a question a line.")
    return [Asked(number, row[0].strip(), (row[1].strip() or None) if len(row) > 1 else None, len(row)) for number, row in rows]


def answered_lines(lines: Iterable[Asked], answer: Answering) -> Iterator[Answered]:
    """Each line in its order; one that cannot be answered keeps its fault, and the others are answered."""
    for asked in lines:
        began = time.perf_counter()
        try:
            if asked.columns > 2:
                raise UserError("ask: no question", [f"want `question` or `question<TAB>user`, have {asked.columns} columns"])
            answers, notes = answer(asked.question, asked.user)
            yield Answered(asked, answers, notes, 1000 * (time.perf_counter() - began), None)
        except UserError as mistake:
            yield Answered(asked, None, [], 1000 * (time.perf_counter() - began), "; ".join(mistake.faults) or mistake.what)


def as_json_lines(found: Iterable[Answered]) -> str:
    """An object a line of the file: line, question, user, route, read_as, answers, notes, error."""
    return "".join(f"{json.dumps(_object(one), ensure_ascii=False)}\n" for one in found)


def _object(one: Answered) -> dict[str, Any]:
    listed = [answer._asdict() for answer in one.answers.answers] if one.answers else []
    told = {"route": one.answers.route, "read_as": one.answers.read_as} if one.answers else {"route": None, "read_as": None}
    asked = {"line": one.asked.line, "question": one.asked.question, "user": one.asked.user}
    return {**asked, **told, "answers": listed, "notes": one.notes, "error": one.error}


def as_tsv(found: Iterable[Answered]) -> str:
    """COLUMNS with a header, a row an answer; a question without an answer has one row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter="\t", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for one in found:
        asked = {"line": one.asked.line, "question": one.asked.question, "user": one.asked.user, "error": one.error}
        answers = one.answers.answers if one.answers else []
        writer.writerows({**asked, **answer._asdict()} for answer in answers)
        if not answers:
            writer.writerow(asked)
    return text.getvalue()


def line_counts(found: Sequence[Answered]) -> dict[str, Any]:
    """questions, those answered by what (of the first answer), unanswered, refused (lines with a fault), milliseconds (median of those answered)."""
    first = [one.answers.answers[0].found_by if one.answers.answers else None for one in found if one.answers]
    took = [one.milliseconds for one in found if one.answers]
    return {
        "questions": len(found),
        **{f"by_{kind}": first.count(kind) for kind in ("words", "letters", "meaning")},
        "unanswered": first.count(None),
        "refused": len(found) - len(first),
        "milliseconds": round(median(took), 1) if took else None,  # the first one loads the encoder,
    }
