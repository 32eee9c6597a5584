"""The command `basketgraph guide`: one person's shopping guide, of the live release."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from basketgraph.cli.options import Options, command, print_json


@command
def guide(
    user: Annotated[str, typer.Argument(help="the customer: the shop's own id, or the pseudonym in gold.recommendations")],
    options: Options,
    out: Annotated[str | None, typer.Option("--out", metavar="FILE", help="write the page here")] = None,
) -> None:
    """One customer's page: what to buy again, what is new, coupons, usual prices, what goes with the last purchase; and a message.

    Example: basketgraph guide 1234 --source myshop --set warehouse=/data/warehouse --out guide.html
    """
    from basketgraph.foundation.config import UserError, user_path
    from basketgraph.foundation.runs.session import announce_spark, spark_session
    from basketgraph.offers.guide_settings import GuideSettings

    conf = options.config()
    settings = conf.section("guide", GuideSettings)
    if out is None and not options.as_json:
        raise UserError("guide: want a file for the page, have none", cure="Name one: --out FILE; or --json.")
    file = None if out is None else user_path(out, "--out")
    if file is not None and not file.parent.is_dir():
        raise UserError(f"--out: want a folder that is there, have {file.parent}")
    announce_spark(conf)
    from basketgraph.foundation.privacy.log_masking import masked
    from basketgraph.foundation.privacy.pseudonyms import shop_pseudonyms
    from basketgraph.foundation.tables.files import write_atomically
    from basketgraph.foundation.tables.warehouse import LiveRelease
    from basketgraph.offers.guide import shopping_guide, texts_of, with_texts
    from basketgraph.offers.guide_endpoint import worded_message
    from basketgraph.offers.guide_page import guide_page
    from basketgraph.offers.guide_rows import person_rows
    from basketgraph.report.known_users import known_user_hider

    pseudonyms, live = shop_pseudonyms(conf.shop), LiveRelease(spark_session(conf, "basketgraph guide"), conf.warehouse)
    made = shopping_guide(person_rows(live, [*pseudonyms([user]), user], settings), settings)
    hide = known_user_hider(texts_of(made), live, pseudonyms) or (lambda text: text)
    made = with_texts(made, lambda text: masked(hide(text), longest=400))
    message = worded_message(made, settings, os.environ)
    if file is not None:
        write_atomically(file, guide_page(made, message, shop=conf.source_name))
    if options.as_json:
        print_json({**made.as_json(), "message": vars(message), "page": str(file) if file else None})
    else:
        print(f"{message.subject}\n{message.body}\npage      {file}")
