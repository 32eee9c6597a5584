"""Draft the event type of a row: purchase, cancellation, an order that was not completed, or what else people do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from basketgraph.onboard.column_profiles import Profile
from basketgraph.onboard.draft_tables import YES, Lets, Table, decimal_sql, text_list
from basketgraph.onboard.event_words import bought_words, counted_words, has_event_words, has_name, shares, unclear_column
from basketgraph.onboard.evidence import prefix_of_cancellations
from basketgraph.onboard.order_numbers import FIRST_LINES, on_first_lines
from basketgraph.onboard.roles import Reading
from basketgraph.onboard.words import header_score, is_taken_back, plain_values, words

NEVER = "false"
UNTOLD = "?"  # stands where only the shop can say which word it is


@dataclass(frozen=True)
class Kinds:
    """What rows may be.

    cancelled: the condition under which a row is a cancellation; None: no row can be one.
    ordered:   the condition under which a row is a purchase or cancellation; None: all rows are.
    in_basket: the same, or put into the basket: those rows may have pieces.
    """

    cancelled: str | None = None
    ordered: str | None = None
    in_basket: str | None = None

    @property
    def no_orders(self) -> bool:
        return self.ordered == NEVER


def event_type(reading: Reading, lets: Lets, table: Table) -> Kinds:
    """Set event_type; returns what rows may be."""
    kind, status = reading.roles.get("event_type"), reading.roles.get("status")
    _ask_about_returns(reading, table)
    if status is not None:
        _reject_by_status(status, table)
        if on_first_lines(reading.roles.get("order"), status):
            table.todo("event_type", f"{status.name} {FIRST_LINES}: further lines of orders that came to nothing are counted; write it on each line")
    if kind is not None:
        because = "it is called so and has" if has_name(kind) else "its values are mostly words for what people do"
        return _map_event_words(kind, reading.roles.get("item"), lets, table, because)
    unclear = unclear_column(reading.spare) or next((profile for profile in reading.profiles if has_event_words(profile)), None)
    if unclear is not None:
        text = f"{unclear.name} has {shares(unclear, counted_words(unclear))}, and all of them count as sales. If some are none (views, carts), add"
        table.todo("event_type", f"{text} `where: \"lower(trim({unclear.column.sql})) in ('WORD')\"` with the words for sales above `columns`")
    cancelled = _cancelled_sql(reading, table)
    if cancelled is None:
        table.columns["event_type"] = "'purchase'"
        because = "nothing in the sample looks like a cancellation (negative pieces or money, a flag, a prefix)"
        table.guess("event_type", "all rows are purchases", because)
        return Kinds()
    name = lets.add("cancelled", cancelled)
    table.columns["event_type"] = f"if({name}, 'cancellation', 'purchase')"
    return Kinds(name)


def _map_event_words(kind: Profile, item: Profile | None, lets: Lets, table: Table, because: str) -> Kinds:
    """Map the words of a column to event types; `where` leaves out words for what is no event about an item."""
    word, known = plain_values(kind.counts), words().values
    told = {
        "purchase": bought_words(kind),
        "cancellation": [text for text, plain in word.items() if plain in known.cancellations],
        **{name: [text for text, plain in word.items() if plain in of_type] for name, of_type in known.behaviours.items()},
    }
    aside = _without_item(kind, item, [text for name in known.behaviours for text in told[name]])
    others = [text for text, plain in word.items() if plain in known.left_out]
    unknown = [text for text in word if text not in {*others, *(text for texts in told.values() for text in texts)}]
    told = {name: [text for text in texts if text not in aside] for name, texts in told.items()}
    name = lets.add("event_word", f"lower(trim({kind.column.sql}))")
    does = any(told[behaviour] for behaviour in known.behaviours)
    if not told["purchase"] and (unknown or not does):
        told["purchase"] = [UNTOLD]
    cases = " ".join(f"when {name} in ({text_list(texts)}) then '{type_}'" for type_, texts in told.items() if texts)
    table.columns["event_type"] = f"case {cases} end"
    table.guess("event_type", f"{kind.name} says what happened", f"{because}: {', '.join(sorted(word))[:80]}")
    kinds = _kinds(name, told, lets, table, mixed=does or bool(unknown))
    if kinds.no_orders:
        table.note("event_type", f"no row is a purchase: {kind.name} has {shares(kind, word)}")
    else:
        _ask_about_words(kind, unknown, table, purchases=bool(bought_words(kind)))
    _leave_out(kind, name, table, others, aside, unknown)
    return kinds


def _without_item(kind: Profile, item: Profile | None, texts: Sequence[str]) -> list[str]:
    """Those of the words of which no row has an item, as views of a home page."""
    if item is None:
        return []
    rows = zip(kind.column.values, item.column.values, strict=True)
    about = {word.lower().strip() for word, what in rows if word is not None and what is not None and what not in item.nothing}
    return [text for text in texts if text not in about]


def _leave_out(kind: Profile, name: str, table: Table, others: Sequence[str], aside: Sequence[str], unknown: Sequence[str]) -> None:
    """Set `where`, which leaves out what is no event about an item."""
    if others or aside:
        table.where = f"coalesce({name}, '') not in ({text_list([*others, *aside])})"
    elif unknown:
        table.where = f"coalesce({name}, '') not in ('{UNTOLD}')"
    if others:
        table.guess("where", f"{shares(kind, others)} are left out", "they are none of the things that people do with items")
    if aside:
        table.guess("where", f"{shares(kind, aside)} are left out", "none of their rows has an item")


def _kinds(name: str, told: Mapping[str, Sequence[str]], lets: Lets, table: Table, *, mixed: bool) -> Kinds:
    """What rows may be by their words. mixed: whether some rows are, or may be, neither purchases nor cancellations."""
    cancelled = f"{name} in ({text_list(list(told['cancellation']))})" if told["cancellation"] else None
    if not mixed:
        return Kinds(cancelled)
    if not told["purchase"] and not told["cancellation"]:
        return Kinds(None, NEVER, NEVER)
    happened = lets.add("happened", table.columns["event_type"])
    table.columns["event_type"] = happened
    ordered = lets.add("ordered", f"{happened} in ('purchase', 'cancellation')")
    return Kinds(cancelled, ordered, f"({ordered} or {happened} = 'cart_add')" if told["cart_add"] else ordered)


def _ask_about_words(kind: Profile, unknown: list[str], table: Table, *, purchases: bool) -> None:
    """Ask about the values that are not understood, with their shares, and say where to write the answer."""
    until = "until then their rows are rejected as unreadable:event_type"
    place = f"`{table.columns['event_type']}`"
    types = ", ".join(("purchase", "cancellation", *words().values.behaviours))
    if not purchases and not unknown:
        text = f"no row is a purchase: {kind.name} has {shares(kind, plain_values(kind.counts))}. Add files with the purchases:"
        table.todo("event_type", f"{text} without them there are no lists")
    elif not purchases and unknown:
        text = (
            f"which value of {kind.name} is a purchase: {shares(kind, unknown)}? Write it into {place} in place of {UNTOLD}, the others with a `when`"
        )
        table.todo("event_type", f"{text} of their own ({types}), and what is none of these into the list of `where`; {until}")
    elif unknown:
        text = f"what are {shares(kind, unknown)} of {kind.name}? Write each into a list of {place}, or with a `when` of its own ({types}), or"
        table.todo("event_type", f"{text} into the list of `where`, if it is none of these; {until}")


def _reject_by_status(status: Profile, table: Table) -> None:
    """Reject orders whose status is cancelled or not completed; a guess names the statuses that are not understood."""
    known, plain = words().values, plain_values(status.counts)
    back = [text for text, word in plain.items() if word in known.cancellations - known.purchases]
    waiting = [text for text, word in plain.items() if word in known.undone - known.cancellations - known.purchases]
    if back or waiting:
        table.reject["order_not_completed"] = f"lower(trim({status.column.sql})) in ({text_list([*back, *waiting])})"
    for texts, what in ((back, "are orders that came to nothing"), (waiting, "are orders that are not completed, or not yet")):
        if texts:
            table.guess("order_not_completed", f"{', '.join(sorted(texts))} {what}", f"{status.name} is the order's state")
    unknown = sorted(set(plain) - {*back, *waiting} - {text for text, word in plain.items() if word in known.purchases})
    if unknown:
        text = f"{status.name} {', '.join(unknown)[:90]} count as sales"
        table.guess("event_type", text, "nothing in these words says that the order came to nothing")


def _ask_about_returns(reading: Reading, table: Table) -> None:
    """Ask about columns of refunded pieces or money: a cancellation is made of a row, not of a column."""
    columns = {"quantity": "quantity", "amount": "amount_minor", "unit_price": "amount_minor"}
    for profile in reading.spare:
        scores = {role: header_score(role, profile.name) for role in columns}
        best = max(scores, key=lambda role: scores[role])
        if profile.numbers and scores[best] and is_taken_back(profile.name):
            table.todo(columns[best], f"{profile.name}: what came back is counted as sold; take it off, or deliver it as rows of their own")


def _cancelled_sql(reading: Reading, table: Table) -> str | None:
    prefix = prefix_of_cancellations(reading)
    if prefix is not None:
        order = reading.roles["order"]
        because = f"{prefix[1]} of them in the sample have negative pieces"
        table.guess("event_type", f"{order.name} that begin with {prefix[0]} are cancellations", because)
        return f"{order.column.sql} like '{prefix[0]}%'"
    flag = reading.roles.get("cancelled")
    if flag is not None:
        yes = sorted(text.lower() for text in flag.counts if text.lower() in YES) or ["true", "1"]
        table.guess("event_type", f"{flag.name} marks cancellations", reading.because["cancelled"])
        return f"coalesce(lower(cast({flag.column.sql} as string)) in ({text_list(yes)}), false)"
    for role in ("quantity", "amount", "unit_price"):
        profile = reading.roles.get(role)
        if profile is not None and any(value < 0 for value in profile.numbers):
            negative = sum(value < 0 for value in profile.numbers)
            table.guess("event_type", f"rows with a negative {profile.name} are cancellations", f"{negative:,} of {len(profile.numbers):,} are")
            return f"coalesce({decimal_sql(profile)} < 0, false)"
    return None
