"""Draft the event type of a row: purchase, cancellation, an order that was not completed, or no sale."""

from __future__ import annotations

from basketgraph.onboard.column_profiles import Profile
from basketgraph.onboard.draft_tables import Lets, Table, decimal_sql, text_list
from basketgraph.onboard.event_words import bought_words, counted_words, has_event_words, has_name, shares, unclear_column
from basketgraph.onboard.evidence import prefix_of_cancellations
from basketgraph.onboard.headerless import AS_RATINGS, FLAG
from basketgraph.onboard.order_numbers import FIRST_LINES, on_first_lines
from basketgraph.onboard.roles import Reading
from basketgraph.onboard.words import header_score, is_taken_back, plain_values, words

YES = {"1", "true", "yes", "y", "t", "x", "ja", "j", "oui", "si", "sim", "tak"}
UNTOLD = "?"  # stands where only the shop can say which word it is


def event_type(reading: Reading, lets: Lets, table: Table) -> str | None:
    """Set event_type; returns the condition under which a row is a cancellation, None where no row can be one."""
    kind, status = reading.roles.get("event_type"), reading.roles.get("status")
    _ask_about_returns(reading, table)
    if status is not None:
        _reject_by_status(status, table)
        if on_first_lines(reading.roles.get("order"), status):
            table.todo("event_type", f"{status.name} {FIRST_LINES}: further lines of orders that came to nothing are counted; write it on each line")
    if kind is not None:
        return _map_event_words(kind, lets, table, "it is called so and has" if has_name(kind) else "its values are mostly words for what people do")
    if reading.reviews:
        _leave_all_out(reading.reviews, reading, table)
        return None
    unclear = unclear_column(reading.spare) or next((profile for profile in reading.profiles if has_event_words(profile)), None)
    if unclear is not None:
        text = f"{unclear.name} has {shares(unclear, counted_words(unclear))}, and all of them count as sales. If some are none (views, carts), add"
        table.todo("event_type", f"{text} `where: \"lower(trim({unclear.column.sql})) in ('WORD')\"` with the words for sales above `columns`")
    cancelled = _cancelled_sql(reading, table)
    if cancelled is None:
        table.columns["event_type"] = "'purchase'"
        because = "nothing in the sample looks like a cancellation (negative pieces or money, a flag, a prefix)"
        table.guess("event_type", "all rows are purchases", because)
        return None
    name = lets.add("cancelled", cancelled)
    table.columns["event_type"] = f"if({name}, 'cancellation', 'purchase')"
    return name


def _leave_all_out(reviews: list[str], reading: Reading, table: Table) -> None:
    """Leave all rows out: reviews and ratings are no purchases."""
    named = ", ".join(reviews[:4])
    table.where = "false"
    table.guess("where", "all rows are left out", f"these are reviews or ratings ({named}) and nothing says pieces, money or orders")
    table.columns["event_type"] = "'purchase'"
    file = reading.sample.file.name
    by_layout = AS_RATINGS in reading.sample.because.get("header", "")
    otherwise = f"; if the third field is pieces, onboard again with `{FLAG} user,item,quantity,time`" if by_layout else ""
    table.todo(
        "event_type",
        f"{file} has reviews or ratings, which are no purchases; without purchases there are no lists. Add files of orders, or "
        f"take out `where: false` if each row is of an item that was bought then{otherwise}",
    )


def _map_event_words(kind: Profile, lets: Lets, table: Table, because: str) -> str | None:
    """Map the words of a column to event types; `where` leaves out words for events other than purchases and cancellations."""
    word = plain_values(kind.counts)
    known = words().values
    bought = bought_words(kind)
    undone = [text for text, plain in word.items() if plain in known.cancellations]
    others = [text for text, plain in word.items() if plain in known.others]
    unknown = [text for text in word if text not in {*bought, *undone, *others}]
    name = lets.add("event_word", f"lower(trim({kind.column.sql}))")
    cases = [f"when {name} in ({text_list(bought or [UNTOLD])}) then 'purchase'"]
    if undone:
        cases.append(f"when {name} in ({text_list(undone)}) then 'cancellation'")
    table.columns["event_type"] = f"case {' '.join(cases)} end"
    table.guess("event_type", f"{kind.name} says what happened", f"{because}: {', '.join(sorted(word))[:80]}")
    _ask_about_words(kind, unknown, bool(bought), table)
    if others:
        table.where = f"coalesce({name}, '') not in ({text_list(others)})"
        table.guess("where", f"{shares(kind, others)} are left out", "silver.events holds purchases and cancellations only")
    elif unknown:
        table.where = f"coalesce({name}, '') not in ('{UNTOLD}')"
    return f"{name} in ({text_list(undone)})" if undone else None


def _ask_about_words(kind: Profile, unknown: list[str], knows_purchases: bool, table: Table) -> None:
    """Ask about the values that are not understood, with their shares, and say where to write the answer."""
    if not knows_purchases and not unknown:
        text = f"no row is a purchase: {kind.name} has {shares(kind, plain_values(kind.counts))}. Add files with the purchases:"
        table.todo("event_type", f"{text} without them there are no lists")
    elif not knows_purchases:
        text = f"which value of {kind.name} is a purchase: {shares(kind, unknown)}? Write it here in place of {UNTOLD}, and those that are no sale"
        table.todo("event_type", f"{text} (views, carts) into the list of `where`; until then their rows are rejected as unreadable:event_type")
    elif unknown:
        text = f"what are {shares(kind, unknown)} of {kind.name}? Write each into a list here, if it is a purchase or a cancellation, or into the"
        table.todo("event_type", f"{text} list of `where`, if it is no sale; until then their rows are rejected as unreadable:event_type")


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
