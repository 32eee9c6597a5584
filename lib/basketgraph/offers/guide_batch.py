"""Guides for everybody: made from rows of people on executors, and written as JSON lines, messages of contacts, and pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F

from basketgraph.foundation.privacy.log_masking import masked
from basketgraph.foundation.progress import at
from basketgraph.offers.guide import Guide, shopping_guide, with_texts
from basketgraph.offers.guide_endpoint import worded_message
from basketgraph.offers.guide_message import template_message
from basketgraph.offers.guide_page import guide_page
from basketgraph.offers.guide_rows import GuideRows, no_texts, rows_of_person
from basketgraph.offers.guide_settings import GuideSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MADE = "user_id string, line string, messages array<string>, page string"
LINES = 10_000  # of a file
LONGEST_TEXT = 400


@dataclass(frozen=True)
class Written:
    """guides, messages, pages: how many.   by_endpoint: messages that the endpoint worded."""

    guides: int
    messages: int
    pages: int
    by_endpoint: int


def masked_guide(guide: Guide, hide: Callable[[str], str]) -> Guide:
    """The guide as people may read it: without e-mail addresses and long numbers, and without what `hide` takes out."""
    return with_texts(guide, lambda text: masked(hide(text), longest=LONGEST_TEXT))


def made_guides(
    rows: GuideRows, settings: GuideSettings, *, shop: str, hide: Callable[[str], str], pages: bool, environment: Mapping[str, str]
) -> DataFrame:
    """Rows of MADE: the guide as a JSON line with its message, a JSON line for each contact that is to be sent, and the page or null.

    hide: takes ids of known users out of texts; it travels to the executors.
    environment: as of `worded_message`. Only contacts that are to be sent are worded by an endpoint, and only where settings say `endpoint_in_batch`.
    """
    make = partial(_made, rows=(rows.as_of, rows.usual_prices), settings=settings, shop=shop, hide=hide, pages=pages, environment=environment)
    return rows.people.mapInArrow(make, MADE)


def _made(
    batches: Iterable[pa.RecordBatch],
    *,
    rows: tuple[Any, Mapping[str, Mapping[str, Any]]],
    settings: GuideSettings,
    shop: str,
    hide: Callable[[str], str],
    pages: bool,
    environment: Mapping[str, str],
) -> Iterator[pa.RecordBatch]:
    as_of, usual_prices = rows
    for batch in batches:
        made: list[tuple[str, str, list[str], str | None]] = []
        for row in batch.to_pylist():
            guide = masked_guide(shopping_guide(rows_of_person(row, as_of, usual_prices), settings), hide)
            contacts = row["contacts"] or []
            worded = contacts and settings.endpoint_in_batch
            message = worded_message(guide, settings, environment) if worded else template_message(guide)
            line = {"user_id": row["user_id"], **guide.as_json(), "message": vars(message)}
            told = {"user_id": row["user_id"], "subject": message.subject, "body": message.body, "by": message.by}
            in_order = sorted(contacts, key=lambda one: (one["campaign_id"], one["channel"]))
            texts = [json.dumps({**one, **told}, default=lambda moment: moment.isoformat(), ensure_ascii=False) for one in in_order]
            page = guide_page(guide, message, shop=shop) if pages else None
            made.append((row["user_id"], json.dumps(line, ensure_ascii=False), texts, page))
        columns, kinds = zip(*made, strict=True) if made else ((),) * 4, (pa.string(), pa.string(), pa.list_(pa.string()), pa.string())
        arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, names=["user_id", "line", "messages", "page"])


def guide_texts(rows: GuideRows) -> DataFrame:
    """text: every name, kind and reason that a guide may hold, once."""
    parts = [F.coalesce(F.col(part), no_texts()) for part in ("names.name", "names.kind", "lists.reason")]
    texts = rows.people.select(F.explode(F.array_distinct(F.concat(*parts))).alias("text"))
    return texts.where("text IS NOT NULL AND text <> ''").distinct()


def write_guides(made: DataFrame, folder: Path, *, people: int) -> Written:
    """Write guides-00000.jsonl, ... of LINES lines, messages.jsonl, and pages/<two digits>/<user>.html into a folder that is there.

    made: rows of `made_guides`, of which the driver holds one partition at a time.   people: how many there will be, for progress.
    """
    guides = messages = pages = by_endpoint = 0
    with ExitStack() as open_files:
        of_contacts = open_files.enter_context((folder / "messages.jsonl").open("w", encoding="utf-8"))
        lines = None
        for row in made.toLocalIterator():
            if guides % LINES == 0:
                if lines is not None:
                    lines.close()
                lines = open_files.enter_context((folder / f"guides-{guides // LINES:05d}.jsonl").open("w", encoding="utf-8"))
            assert lines is not None
            lines.write(f"{row.line}\n")
            guides += 1
            for message in row.messages:
                of_contacts.write(f"{message}\n")
                messages += 1
                by_endpoint += json.loads(message)["by"] == "endpoint"
            if row.page is not None:
                place = folder / "pages" / row.user_id[:2]
                place.mkdir(parents=True, exist_ok=True)
                (place / f"{row.user_id}.html").write_text(row.page, encoding="utf-8")
                pages += 1
            if guides % 100 == 0:
                at("guides", guides, people)
    return Written(guides, messages, pages, by_endpoint)
