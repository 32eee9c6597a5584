"""The command `basketgraph ask`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from basketgraph.cli.options import Options, command, print_json

if TYPE_CHECKING:
    from basketgraph.content.catalogue import Answers
    from basketgraph.content.questions import Questions
    from basketgraph.foundation.config import Config

ROUTES = {"words": "by its words", "meaning": "by its meaning"}


@command
def ask(
    question: Annotated[str, typer.Argument(help="what somebody looks for, in their own words")],
    options: Options,
    user: Annotated[str | None, typer.Option("--user", help="who asks: the shop's own id, or the pseudonym")] = None,
    n: Annotated[int, typer.Option("--n", min=1, help="how many products")] = 10,
) -> None:
    """Products that answer a question, from the live release; with --user those first that are like what they bought, at prices they pay.

    Example: basketgraph ask "birthday gift for boyfriend" --source myshop --set warehouse=/data/warehouse
    """
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
