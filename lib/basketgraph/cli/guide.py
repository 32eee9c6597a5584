"""The command `basketgraph guide`: one person's shopping guide, or everybody's, of the live release."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from basketgraph.cli.options import Options, command, print_json
from basketgraph.foundation.config import UserError, user_path

if TYPE_CHECKING:
    from basketgraph.foundation.config import Config
    from basketgraph.offers.guide_settings import GuideSettings


@command
def guide(
    options: Options,
    user: Annotated[str | None, typer.Argument(help="the customer: the shop's own id, or the pseudonym in gold.recommendations")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="the guides of everybody with a list, as JSON lines in the folder --out")] = False,
    pages: Annotated[bool, typer.Option("--pages", help="with --all: also a page for each, below <folder>/pages")] = False,
    out: Annotated[str | None, typer.Option("--out", metavar="PATH", help="write the page to this file, or with --all into this new folder")] = None,
) -> None:
    """One customer's page: what to buy again, what is new, coupons, usual prices, what goes with the last purchase; and a message.

    Example: basketgraph guide 1234 --source myshop --set warehouse=/data/warehouse --out guide.html
    """
    from basketgraph.offers.guide_settings import GuideSettings

    conf = options.config()
    settings = conf.section("guide", GuideSettings)
    if everybody == (user is not None):
        raise UserError(
            "guide: want either a customer or --all", cure="basketgraph guide 1234 --out guide.html; or basketgraph guide --all --out guides"
        )
    if everybody:
        _all_guides(conf, settings, out, pages=pages, as_json=options.as_json)
    elif pages:
        raise UserError("guide: --pages goes with --all; the page of one customer is what --out names")
    elif user is not None:
        _one_guide(conf, settings, user, out, as_json=options.as_json)


def _one_guide(conf: Config, settings: GuideSettings, user: str, out: str | None, *, as_json: bool) -> None:
    if out is None and not as_json:
        raise UserError("guide: want a file for the page, have none", cure="Name one: --out FILE; or --json.")
    file = None if out is None else user_path(out, "--out")
    if file is not None and not file.parent.is_dir():
        raise UserError(f"--out: want a folder that is there, have {file.parent}")
    from basketgraph.foundation.runs.session import announce_spark, spark_session

    announce_spark(conf)
    from basketgraph.foundation.privacy.pseudonyms import shop_pseudonyms
    from basketgraph.foundation.tables.files import write_atomically
    from basketgraph.foundation.tables.warehouse import LiveRelease
    from basketgraph.offers.guide import shopping_guide, texts_of
    from basketgraph.offers.guide_batch import masked_guide
    from basketgraph.offers.guide_endpoint import worded_message
    from basketgraph.offers.guide_page import guide_page
    from basketgraph.offers.guide_rows import person_rows
    from basketgraph.report.known_users import known_user_hider

    pseudonyms, live = shop_pseudonyms(conf.shop), LiveRelease(spark_session(conf, "basketgraph guide"), conf.warehouse)
    made = shopping_guide(person_rows(live, [*pseudonyms([user]), user], settings, conf.source), settings)
    made = masked_guide(made, known_user_hider(texts_of(made), live, pseudonyms) or str)
    message = worded_message(made, settings, os.environ)
    if file is not None:
        write_atomically(file, guide_page(made, message, shop=conf.source_name))
    if as_json:
        print_json({**made.as_json(), "message": vars(message), "page": str(file) if file else None})
    else:
        print(f"{message.subject}\n{message.body}\npage      {file}")


def _all_guides(conf: Config, settings: GuideSettings, out: str | None, *, pages: bool, as_json: bool) -> None:
    folder = _new_folder(out)
    from basketgraph.foundation.runs.session import announce_spark, spark_session

    announce_spark(conf)
    from basketgraph.foundation.privacy.pseudonyms import pseudonym_function, pseudonym_key
    from basketgraph.foundation.progress import at
    from basketgraph.foundation.tables.files import replaced_folder
    from basketgraph.foundation.tables.warehouse import LiveRelease
    from basketgraph.offers.guide_batch import guide_texts, made_guides, write_guides
    from basketgraph.offers.guide_endpoint import KEY_VARIABLE
    from basketgraph.offers.guide_rows import guide_rows
    from basketgraph.report.known_users import hider, known_words

    began = time.monotonic()
    live = LiveRelease(spark_session(conf, "basketgraph guide"), conf.warehouse)
    at("rows of everybody with a list")
    rows = guide_rows(live, settings, conf.source)
    rows.people.persist()
    people = rows.people.count()
    at("ids of known users in names of products")
    known = known_words(guide_texts(rows), live, pseudonym_function(conf.shop, pseudonym_key()))
    key = {KEY_VARIABLE: os.environ[KEY_VARIABLE]} if settings.endpoint_in_batch and KEY_VARIABLE in os.environ else {}
    made = made_guides(rows, settings, shop=conf.source_name, hide=hider(known), pages=pages, environment=key)
    with replaced_folder(folder) as beside:
        written = write_guides(made, beside, people=people)
    rows.people.unpersist()
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        print_json({"as_of": rows.as_of, "contacts_of": rows.contacts_of, **vars(written), "seconds": seconds, "folder": str(folder)})
    else:
        counts = f"{written.guides:,} guides, {written.messages:,} messages of contacts to be sent, {written.pages:,} pages"
        print(f"{counts} as of {rows.as_of}: {seconds:g} s")
        if rows.contacts_of is not None and rows.contacts_of < rows.as_of:
            print(f"no messages: the newest plan of contacts is of {rows.contacts_of}, and older than the lists")
        print(f"folder    {folder}")


def _new_folder(out: str | None) -> Path:
    if out is None:
        raise UserError("guide --all: want a folder, have none", cure="Name one that is not there yet: --out FOLDER.")
    folder = user_path(out, "--out")
    if folder.exists():
        raise UserError(f"--out: want a folder that is not there yet, have {folder}", cure="Name another, or remove it.")
    return folder
