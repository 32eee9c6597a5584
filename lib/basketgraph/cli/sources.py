"""Commands for a new shop: `basketgraph onboard` drafts its mapping, `basketgraph check-source` rehearses cleaning with it."""

from __future__ import annotations

import os
import re
import shlex
import sys
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from basketgraph.cli.options import Env, Json, Options, Set, command, print_json
from basketgraph.foundation.config import made, user_path

if TYPE_CHECKING:
    from basketgraph.clean.check_source import SourceCheck, TableCheck
    from basketgraph.onboard.draft import Draft

OK, STOPPED_BY_QUALITY = 0, 3
TYPES = {
    "view": "views", "click": "clicks", "favourite": "favourites", "dismiss": "dismissals", "cart_add": "put into the basket",
    "cart_remove": "taken out of it", "purchase": "purchases", "cancellation": "cancellations",
}  # fmt: skip
REJECTED_SHOWN = 12  # reasons of a table


@command
def onboard(
    files: Annotated[list[str], typer.Argument(help="the shop's files: names, a folder, or a quoted pattern")],
    shop: Annotated[str, typer.Option("--shop", help="what the shop is to be called: conf/sources/<shop>.yaml")],
    landing: Annotated[str | None, typer.Option("--landing", help="the landing folder; default: the folder of the files")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="ISO 4217 code of the amounts, where the files do not say it")] = None,
    time_zone: Annotated[str | None, typer.Option("--time-zone", help="IANA name of the shop's zone, where the files do not say it")] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B,C", help="the names of all fields of CSV files without a header line, in their order")
    ] = None,
    conf_dir: Annotated[str | None, typer.Option("--conf-dir", help="put it below this folder (made if need be) instead of the checkout")] = None,
    out: Annotated[str | None, typer.Option("--out", help="put it into this very file")] = None,
    force: Annotated[bool, typer.Option("--force", help="replace a mapping that is there")] = False,
    as_json: Json = False,
) -> None:
    """Look at a new shop's files and write a first mapping, with every guess marked."""
    from basketgraph.foundation.config import UserError, conf_folder, conf_without_shop
    from basketgraph.foundation.privacy.log_masking import masked
    from basketgraph.foundation.runs.session import announce_spark, spark_session
    from basketgraph.onboard.draft import draft, want_free, write
    from basketgraph.onboard.headerless import wanted_columns

    made_folder = None if conf_dir is None else made(user_path(conf_dir, "--conf-dir"), "--conf-dir")
    landing_folder = None if landing is None else user_path(landing, "--landing")
    folder = conf_folder()
    if out is not None:
        place = user_path(out, "--out")
    elif folder is not None:
        place = folder / "conf" / "sources" / f"{shop}.yaml"
    else:
        cure = "Name one with --conf-dir DIR, or the file with --out."
        raise UserError("want a folder to put the mapping into, have an installed package", cure=cure)
    want_free(place, force=force)
    names = wanted_columns(columns)
    drafted = draft(shop, files, landing=landing_folder, currency=currency, time_zone=time_zone, masker=masked, columns=names)
    conf = conf_without_shop(shop)
    announce_spark(conf)
    from basketgraph.onboard.trial import try_draft  # takes seconds to import

    drafted = try_draft(spark_session(conf, "basketgraph onboard"), drafted, masker=masked)
    write(drafted, place, force=force)
    following = _following(drafted, place, made_folder)
    print_draft(drafted, place, following, file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print_json(draft_as_json(drafted, place, following))


@command
def check_source(
    shop: Annotated[str, typer.Argument(help="the shop: conf/sources/<shop>.yaml")],
    env: Env = "local",
    sets: Set = None,
    sample_rows: Annotated[int | None, typer.Option("--sample-rows", metavar="N", help="look at the first N rows of each kind of files only")] = None,
    as_json: Json = False,
) -> int:
    """Say what cleaning would accept and reject, and why; writes nothing."""
    from dataclasses import replace

    from basketgraph.clean.landing import landing_folder, want_files
    from basketgraph.cli.preflight import checked_names
    from basketgraph.foundation.config import UserError, data_text
    from basketgraph.foundation.runs.session import announce_spark

    if sample_rows is not None and sample_rows < 1:
        raise UserError("--sample-rows: want a number above 0", [f"have {sample_rows}"])
    conf = Options(shop, env, sets).config()
    want_files(checked_names(conf), shop)
    announce_spark(conf)
    from basketgraph.clean.check_source import Rehearsal, hints, key_or_throwaway  # these take seconds to import
    from basketgraph.clean.cleaning import CleanSettings
    from basketgraph.clean.landing_files import Landing
    from basketgraph.clean.sql_checks import checked_source
    from basketgraph.foundation.runs.job import new_run_id
    from basketgraph.foundation.runs.session import spark_session
    from basketgraph.foundation.tables.warehouse import RunTables

    spark = spark_session(conf, "basketgraph check-source")
    checked = checked_source(spark, conf.source, f"conf/sources/{shop}.yaml")
    landing = Landing(spark, landing_folder(checked.source.landing, shop))
    tables, settings = RunTables(spark, conf.warehouse, new_run_id()), conf.section("clean", CleanSettings)
    rehearsal = Rehearsal(checked, landing, tables, key=key_or_throwaway(os.environ), settings=settings, now=datetime.now(timezone.utc))
    check = rehearsal.check(sample_rows=sample_rows)
    check = replace(check, hints=hints(check, todos=todos_in(data_text(f"conf/sources/{shop}.yaml"))))
    print_check(check, file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print_json(check_as_json(check))
    return STOPPED_BY_QUALITY if any(table.gets_nothing for table in check.tables) else OK


def _following(drafted: Draft, place: Path, conf_dir: Path | None) -> list[str]:
    """The commands that come next."""
    flag = f" --conf-dir {shlex.quote(str(conf_dir))}" if conf_dir is not None else ""
    shop = drafted.plan.shop
    commands = [f"basketgraph check-source {shop}{flag}", f"basketgraph run clean --source {shop}{flag}"]
    if place.parts[-3:-1] != ("conf", "sources") or place.stem != shop:
        commands.insert(0, f"cp {shlex.quote(str(place))} CONF_DIR/conf/sources/{shop}.yaml")
    return commands


def print_draft(drafted: Draft, place: Path, following: list[str], *, file: Any) -> None:
    """The mapping's guesses, its open questions, and the next commands."""
    from basketgraph.clean.characters import shown

    say = partial(print, file=file)

    say(f"{place}: written")
    for file in drafted.plan.files:
        sample = file.reading.sample
        about = f" of about {sample.total:,}" if sample.total is not None and sample.total > sample.rows else ""
        many = f"{len(file.kind.files)} file{'s' * (len(file.kind.files) != 1)}"
        say(f"  {file.kind.pattern}: {many}, {sample.format}, {len(sample.declared)} columns; looked at {sample.rows:,} rows{about}")
        say(f"    feeds {', '.join(table.name for table in file.tables)}")
        width = max(len(role) for role in file.reading.roles) if file.reading.roles else 0
        for role, profile in file.reading.roles.items():
            say(f"    {role:<{width}}  {shown(profile.name)}")
    for text in drafted.plan.left_out:
        say(f"  not mapped: {text}")
    say(f"{len(drafted.said('guess'))} guesses are marked in it, each with its reason; check them. What the files do not say:")
    for remark in drafted.said("todo"):
        say(shown(f"  TODO {remark.place}: {remark.text}"))
    if not drafted.said("todo"):
        say("  nothing")
    say("Next:")
    for line in following:
        say(f"  {line}")


def draft_as_json(drafted: Draft, place: Path, following: list[str]) -> dict[str, Any]:
    return {
        "shop": drafted.plan.shop,
        "mapping": str(place),
        "landing": str(drafted.plan.landing),
        "currency": drafted.plan.currency,
        "time_zone": drafted.plan.time_zone,
        "files": [
            {
                "name": file.kind.name,
                "pattern": file.kind.pattern,
                "format": file.reading.sample.format,
                "options": dict(file.reading.sample.options),
                "roles": {role: profile.name for role, profile in file.reading.roles.items()},
                "tables": [table.name for table in file.tables],
            }
            for file in drafted.plan.files
        ],
        "guesses": [{"place": r.place, "guess": r.text, "because": r.because} for r in drafted.said("guess")],
        "todos": [{"place": r.place, "todo": r.text} for r in drafted.said("todo")],
        "not_mapped": drafted.plan.left_out,
        "next": following,
    }


def todos_in(mapping: str) -> list[str]:
    """The open questions of a mapping: its comments from `# TODO:` on, each with the comment lines below it that are indented by three."""
    questions = re.findall(r"# TODO:[ ]*(.*(?:\n *#   .*)*)", mapping)
    return [re.sub(r"\s*\n *#\s*", " ", text).strip() for text in questions]


def rows_in_words(table: TableCheck) -> list[str]:
    """How the rows that were read add up to accepted, rejected, duplicates and left out."""
    counts = table.counts
    parts = [f"{counts.accepted:,} accepted", f"{counts.rejected:,} rejected", f"{counts.duplicate:,} duplicates"]
    if not counts.left_out:
        return [f"{table.table}: {counts.read:,} rows read = {' + '.join(parts)}"]
    kind = "rows" if not table.facts.get("events") else "purchases" if table.facts["types"].keys() == {"purchase"} else "events"
    in_table = f"  {counts.accepted:,} {kind} of {counts.read:,} lines; {counts.left_out:,} others left out"
    unparsable = f", {counts.by_reason['unparsable']:,} unparsable" if counts.by_reason.get("unparsable") else ""
    return [f"{table.table}: {counts.read:,} rows read = {' + '.join(parts)} + {counts.left_out:,} left out", in_table + unparsable]


def print_check(check: SourceCheck, *, file: Any) -> None:
    """Counts, reasons with examples, facts and hints, for people."""
    from basketgraph.clean.characters import shown
    from basketgraph.foundation.cuts import not_judged_in_words
    from basketgraph.foundation.privacy.log_masking import masked_row
    from basketgraph.foundation.quality.renderers import number_in_words

    say = partial(print, file=file)

    part = "" if check.sampled is None else f" (only the first {check.sampled:,} rows of each kind of files were looked at)"
    say(f"{check.shop}: {number_in_words(check.files, 'file')} would be read{part}; {check.already:,} are in already. Nothing was written.")
    for path, problem in check.quarantined:
        say(f"  quarantined: {path}: {problem}")
    for table in check.tables:
        counts = table.counts
        for words in rows_in_words(table):
            say(words)
        if counts.superseded:
            say(f"  of the accepted {counts.superseded:,} are older versions of others: the newest one of each key counts")
        if counts.retracted:
            say(f"  {counts.retracted:,} accepted rows, of these files or of earlier ones, do not count: a newer version of them is refused")
        for reason, rows in sorted(counts.by_reason.items(), key=lambda pair: -pair[1])[:REJECTED_SHOWN]:
            say(f"  {reason}: {rows:,}")
            for payload, path, line in table.examples.get(reason, ()):
                row = ", ".join(f"{column} {value}" for column, value in masked_row(payload))
                place = f"{path}{f' line {line:,}' if line else ''}"
                say(shown(f"    {place}: {row or '(a line that is no row)'}")[:240])
        if table.facts.get("events"):
            say(f"  {facts_in_words(table.facts)}")
        if table.facts.get("judged_from") and check.sampled is None:
            say(f"  a young shop: `run all` and `run recommend` make lists; {not_judged_in_words(table.facts['judged_from'])}")
    say("Look at:" if check.hints else "Nothing looks odd.")
    for hint in check.hints:
        say(f"  {hint}")


def facts_in_words(facts: Any) -> str:
    from basketgraph.clean.check_source import money_of
    from basketgraph.foundation.money import number_in_words

    def amount(money: Any, name: str) -> str:
        return number_in_words(money[name], money["currency"])

    about = "" if facts["exact"] else "about "
    prices = (
        f"a piece typically {amount(money, 'median_price_minor')}, "
        f"lines {amount(money, 'least_amount_minor')} to {amount(money, 'greatest_amount_minor')} {money['currency']}"
        for money in money_of(facts)
    )
    types = {name: facts["types"].get(name, 0) for name in TYPES if name == "cancellation" or name in facts["types"]}
    if types.keys() <= {"purchase", "cancellation"}:
        types.pop("purchase", None)  # all the others
    told = ", ".join(f"{number:,} {TYPES[name]}" for name, number in types.items())
    people = "people" if facts["with_visitor"] else "users"
    return (
        f"{facts['events']:,} events ({told}) of {about}{facts['users']:,} {people}, "
        f"{facts['items']:,} items, {facts['orders']:,} orders; "
        f"{facts['first_day']} to {facts['last_day']}, {facts['days']:,} days{''.join(f'; {price}' for price in prices)}"
    )


def check_as_json(check: SourceCheck) -> dict[str, Any]:
    from basketgraph.foundation.privacy.log_masking import masked_row

    return {
        "shop": check.shop,
        "files": check.files,
        "already": check.already,
        "quarantined": [{"file": path, "problem": problem} for path, problem in check.quarantined],
        "sample_rows": check.sampled,
        "tables": {
            table.table: {
                "read": table.counts.read,
                "accepted": table.counts.accepted,
                "rejected": table.counts.rejected,
                "duplicates": table.counts.duplicate,
                "left_out": table.counts.left_out,
                "superseded": table.counts.superseded,
                "retracted": table.counts.retracted,
                "rejected_by_reason": dict(sorted(table.counts.by_reason.items())),
                "examples": {
                    reason: [{"file": f, "line": n, "row": dict(masked_row(p))} for p, f, n in rows] for reason, rows in table.examples.items()
                },
                "facts": dict(table.facts),
            }
            for table in check.tables
        },
        "hints": list(check.hints),
        "usable": not any(table.gets_nothing for table in check.tables),
    }
