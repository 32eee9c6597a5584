"""The command `basketgraph ask`."""

from __future__ import annotations

import sys
import time
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer

from basketgraph.cli.options import Options, command, print_json
from basketgraph.foundation.config import UserError, user_path

if TYPE_CHECKING:
    from pathlib import Path

    from basketgraph.content.catalogue import Answers
    from basketgraph.content.question_lines import Answered
    from basketgraph.content.questions import Questions
    from basketgraph.foundation.config import Config

SHOWN_FAULTS = 20  # of the lines of a file
ROUTES = {"words": "by its words", "meaning": "by its meaning"}


@command
def ask(
    options: Options,
    question: Annotated[str | None, typer.Argument(help="what somebody looks for, in their own words")] = None,
    user: Annotated[str | None, typer.Option("--user", help="who asks: the shop's own id, or the pseudonym")] = None,
    n: Annotated[int, typer.Option("--n", min=1, help="how many products")] = 10,
    questions: Annotated[str | None, typer.Option("--questions", help="a file of them: `question`, or `question<TAB>user`, a line")] = None,
    out: Annotated[str | None, typer.Option("--out", help="with --questions: where the answers go, a .jsonl or .tsv file")] = None,
) -> int:
    """Products that answer a question, from the live release; with --user those first that are like what they bought, at prices they pay.

    Example: basketgraph ask "birthday gift for boyfriend" --source myshop --set warehouse=/data/warehouse
    """
    if (question is None) == (questions is None) or (questions is None) != (out is None) or (questions is not None and user is not None):
        cure = "Ask one question, or name a file of them by --questions and its answers by --out; users of a file stand in its second column."
        raise UserError("ask: cannot tell what is asked", ["want QUESTION [--user U], or --questions FILE --out FILE, have another mixture"], cure)
    if questions is not None and out is not None:
        return ask_file(user_path(questions, "--questions"), user_path(out, "--out"), options, n=n)
    ask_one(str(question), options, user=user, n=n)
    return 0


def ask_one(question: str, options: Options, *, user: str | None, n: int) -> None:
    """Answer one question; arguments as of `ask`."""
    from basketgraph.cli.status import read
    from basketgraph.content.questions import open_questions  # numpy, scipy and the encoder take a second
    from basketgraph.content.settings import ContentSettings

    conf = options.config()
    settings = conf.section("content", ContentSettings)

    def answered(reader: Any, files: Any) -> tuple[dict[str, Any], Answers, list[str]]:
        questions = open_questions(reader, files, conf.warehouse, settings)
        person, notes = questions.person(pseudonym_of(user, conf, questions)) if user is not None else (None, [])
        began = time.perf_counter()
        answers = questions.ask(question, n=n, person=person)
        milliseconds = round(1000 * (time.perf_counter() - began), 1)
        return {"release": questions.release, "index": questions.index, "milliseconds": milliseconds}, answers, notes

    of_release, answers, notes = read(conf, "ask", answered)
    if options.as_json:
        listed = [answer._asdict() for answer in answers.answers]
        print_json({"question": question, "route": answers.route, "read_as": answers.read_as, "answers": listed, "notes": notes, **of_release})
        return
    print_answers(answers, notes, currency=str(conf.source["currency"]))


def ask_file(path: Path, out: Path, options: Options, *, n: int) -> int:
    """Answer a file of questions in one process, tell of the lines that are none, and return the exit code: 2 where there is one."""
    from basketgraph.cli.status import read
    from basketgraph.content.question_lines import SUFFIXES, answered_lines, as_json_lines, as_tsv, line_counts, read_questions
    from basketgraph.content.questions import open_questions
    from basketgraph.content.settings import ContentSettings
    from basketgraph.foundation.tables.files import write_atomically

    if out.suffix not in SUFFIXES or not out.parent.is_dir():
        fault = f"--out: want a file {' or '.join(SUFFIXES)} in a folder that is there, have {out}"
        raise UserError("ask: cannot write the answers", [fault], "Name such a file.")
    asked, conf = read_questions(path), options.config()
    settings = conf.section("content", ContentSettings)

    def answered(reader: Any, files: Any) -> tuple[dict[str, Any], list[Answered]]:
        opened = open_questions(reader, files, conf.warehouse, settings)
        person = cache(lambda user: opened.person(pseudonym_of(user, conf, opened)))

        def answer(question: str, user: str | None) -> tuple[Answers, list[str]]:
            who, notes = person(user) if user is not None else (None, [])
            return opened.ask(question, n=n, person=who), notes

        return {"release": opened.release, "index": opened.index}, list(answered_lines(asked, answer))

    of_release, found = read(conf, "ask", answered)
    write_atomically(out, as_tsv(found) if out.suffix == ".tsv" else as_json_lines(found))
    counts = line_counts(found)
    for one in [one for one in found if one.error][:SHOWN_FAULTS]:
        print(f"{path}: line {one.asked.line}: {one.error}", file=sys.stderr)
    if options.as_json:
        print_json({**counts, "out": str(out), **of_release})
    else:
        by = ", ".join(f"{counts[f'by_{kind}']:,} by {kind}" for kind in ("words", "letters", "meaning"))
        print(f"{counts['questions']:,} questions: answered {by}; {counts['unanswered']:,} without an answer, {counts['refused']:,} refused")
        print(f"{out}" + (f", {counts['milliseconds']:g} ms a question" if counts["milliseconds"] is not None else ""))
    return UserError.exit_code if counts["refused"] else 0


def pseudonym_of(user: str, conf: Config, questions: Questions) -> str:
    """The pseudonym of a shop's own id; one that is a known pseudonym stays. Ids of some shops look like pseudonyms."""
    if questions.knows(user):
        return user
    from basketgraph.foundation.privacy.pseudonyms import shop_pseudonyms  # imports Spark

    return shop_pseudonyms(conf.shop)([user])[0]


def print_answers(answers: Answers, notes: list[str], *, currency: str) -> None:
    """The answers as a table, with what they were found by."""
    from basketgraph.cli.measured import table
    from basketgraph.cli.summary import console
    from basketgraph.foundation.money import number_in_words

    out = console()
    read_as = f", read as: {answers.read_as}" if answers.read_as else ""
    shown = table(f"answered {ROUTES[answers.route]}{read_as}", "", "product", "id", "price", "score", "why")
    for one in answers.answers:
        title = f"{one.title} ({one.items} items)" if one.items > 1 else one.title
        price = "" if one.price_minor is None else f"{number_in_words(one.price_minor, currency)} {currency}"
        shown.add_row(str(one.rank), title, one.item_id, price, f"{one.score:.2f}", one.why)
    out.print(shown if answers.answers else "nothing has a word or a meaning in common with it")
    for note in notes:
        out.print(note, soft_wrap=True)
