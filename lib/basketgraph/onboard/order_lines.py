"""Find the list of order lines within a JSON or Parquet record, at any depth, by the fields of its elements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from basketgraph.onboard.sample import Lines, sql_name
from basketgraph.onboard.words import header_score

ITEM = 0.8  # how much a header must speak for an item where a list might be of anything
NAMED = 0.7  # the same for the name of an item, and the number of its pieces, which together are as good
FULL = 0.9  # of the records have a field that all lines have
OF_ORDERS = ("user", "order", "time")  # roles of what stands beside the list of an order's lines
MEASURES = ("quantity", "unit_price", "amount")


def lines_of(records: Sequence[dict[str, Any]], taken: Sequence[str]) -> Lines | None:
    """The list of an order's lines; None where there is none, or where two fit equally well. taken: names of columns."""
    scored = sorted(((score, path) for path, elements in _lists(records, ()) if (score := _score(elements)) > 0), reverse=True)
    if not scored or _are_lines(records) or (len(scored) > 1 and scored[0][0] == scored[1][0]):
        return None
    path = scored[0][1]
    name = next(n for n in ("line", "order_line", "line_of_it") if n not in {one.lower() for one in taken})
    numbered = f"transform({sql_name(*path)}, (one, place) -> named_struct('place', place + 1, 'of', one))"
    return Lines(name, f"explode_outer({numbered})", path)


def by_line(records: Sequence[dict[str, Any]], lines: Lines) -> list[dict[str, Any]]:
    """Explode the records: one for each line; a record without lines stays one."""
    return [{**record, lines.name: {"place": place, "of": one}} for record in records for place, one in enumerate(_within(record, lines.path), 1)]


def fields(records: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """{field: its values, none of them null}, in the order of the records."""
    values_of: dict[str, list[Any]] = {}
    for record in records:
        for name, value in record.items():
            values = values_of.setdefault(name, [])
            if value is not None:
                values.append(value)
    return values_of


def _within(record: dict[str, Any], path: tuple[str, ...]) -> list[Any]:
    value: Any = record
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, list) and value else [None]


def _lists(records: Sequence[dict[str, Any]], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[dict[str, Any]]]]:
    """(path, elements) of all lists of records that are in no other list; a field of mixed types is none."""
    for name, values in fields(records).items():
        if values and all(isinstance(value, dict) for value in values):
            yield from _lists(values, (*above, name))
        elif values and all(isinstance(value, list) for value in values):
            elements = [one for value in values for one in value if one is not None]
            if elements and all(isinstance(one, dict) for one in elements):
                yield (*above, name), elements


def _are_lines(records: Sequence[dict[str, Any]]) -> bool:
    """Whether the records are lines themselves, with an item and its pieces: a list within is then of the item's parts."""
    full = [name for name, values in fields(records).items() if len(values) >= FULL * len(records)]
    return any(header_score("item", name) > ITEM for name in full) and any(_is_of_pieces(name) for name in full)


def _is_of_pieces(name: str) -> bool:
    return header_score("quantity", name) > max(ITEM, header_score("amount", name))


def _score(elements: Sequence[dict[str, Any]]) -> int:
    """How much a list's elements look like lines: 0 where they name no item."""
    names = set(_names(elements))
    measures = sum(any(header_score(role, name) >= NAMED for name in names) for role in MEASURES)
    if any(header_score("item", name) > ITEM for name in names):
        return 10 + measures
    named = any(header_score("name", name) >= NAMED for name in names)
    return measures if named and any(_is_of_pieces(name) for name in names) else 0


def list_of_records(record: dict[str, Any]) -> str | None:
    """The key of the list that an object wraps; None where the object is a record itself, as an order with its lines is."""
    lists = {
        key: value for key, value in record.items() if isinstance(value, list) and len(value) > 1 and all(isinstance(one, dict) for one in value)
    }
    for key, elements in lists.items():
        if lines_of(elements, []) is not None or any(header_score("user", name) >= NAMED for name in _names(elements)):
            return key
    own = {key: value for key, value in record.items() if not isinstance(value, list)}
    is_record = any(header_score(role, name) >= NAMED for role in OF_ORDERS for name in _names([own]))
    return None if is_record else next(iter(lists), None)


def _names(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    for name, values in fields(records).items():
        yield name
        inner = [value for value in values if isinstance(value, dict)]
        yield from (f"{name}.{below}" for below in _names(inner))
