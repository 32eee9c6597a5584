"""Draft silver.events: who did what when, and of purchases how many pieces and for how much."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from basketgraph.foundation.money import CODES, FUNCTION, minor_units
from basketgraph.onboard.column_profiles import Profile, pairs, shape
from basketgraph.onboard.draft_tables import MISSING, Lets, Table, decimal_sql, label_sql, set_id, set_who
from basketgraph.onboard.event_type import Kinds, event_type
from basketgraph.onboard.evidence import is_product, money_is_of
from basketgraph.onboard.file_names import NamedDay, named_day
from basketgraph.onboard.numbers import looks_like_number
from basketgraph.onboard.order_numbers import FIRST_LINES, on_first_lines, one_order_each
from basketgraph.onboard.role_scores import IDS, role_score
from basketgraph.onboard.roles import SURELY, Reading
from basketgraph.onboard.timestamps import clock_form, clock_sql, looks_like_timestamp
from basketgraph.onboard.words import header_score, words_of

NO_TIME = (
    "no column looks like a date or a time; which one says when it was bought? Say it here, such as `to_timestamp(COLUMN, 'dd.MM.yyyy HH:mm')`, and "
    "its day in event_date, such as `to_date(COLUMN, 'dd.MM.yyyy')`. Without one no row can be used"
)
NO_ITEMS = ". Where no column does, write \"'none'\" here: events and profiles come, and lists are refused"
CHANGED = {"modified", "updated", "changed", "geaendert", "aktualisiert"}  # in headers of when a record was last changed
LIKELY = 0.55  # score of a header such as date_created
MINOR_WORDS = {"cents", "cent", "minor", "pence", "pennies", "centimes"}
READ: Mapping[str, Callable[[str], bool]] = {  # whether a value by itself is one of a role
    "time": looks_like_timestamp,
    "clock": lambda text: clock_form([text]) is not None,
    "quantity": looks_like_number,
    "amount": looks_like_number,
    "unit_price": looks_like_number,
    "currency": lambda text: text.upper() in CODES,
}
CENTS = re.compile(r"[.,]\d\d$")  # as of 26.00, which is whole and yet no number of cents; 26.0 is a table's way to write 26


@dataclass(frozen=True)
class When:
    """Expressions for the instant and the shop's local day, and the `let` name they come from."""

    instant: str
    day: str


def events_table(reading: Reading, lets: Lets, currency: str, names: Sequence[str] = ()) -> Table:
    """Draft silver.events from a kind of files. What cannot be guessed is null and a TODO, so that check-source counts it as missing.

    names: of the files, which may say the day where no column does.
    """
    table = Table("silver.events")
    when = moment_of_sale(reading, lets)
    named = named_day(names) if when is None else None
    if named is not None and named.is_certain:
        when = _day_of_files(named, lets)
    kinds = event_type(reading, lets, table)
    table.columns["event_time"] = when.instant if when else "cast(null as timestamp)"
    table.columns["event_date"] = when.day if when else "cast(null as date)"
    if when is not None and "time" in reading.roles and when.instant == reading.roles["time"].column.sql:
        table.guess("event_time", f"{reading.roles['time'].name} is the time", reading.because["time"])
    if when is None:
        asked = "" if named is None else f" If it is the day in the files' names: {named.sql}"
        table.todo("event_time", f"{NO_TIME}{asked}")
    _set_ids(reading, table, kinds)
    if not kinds.no_orders:
        pieces = _set_quantity(reading, lets, table, kinds)
        _set_amounts(reading, lets, table, kinds, pieces, currency)
    _ask_about_missing_values(reading, table)
    _set_version(reading, table)
    _ask_for_version(reading, table)
    _ask_about_unread_columns(reading, table)
    for role, column in (("store", "store_id"), ("channel", "channel"), ("device", "device")):
        if role in reading.roles:
            table.columns[column] = label_sql(reading.roles[role])
            table.guess(column, f"{reading.roles[role].name} is the {role}", reading.because[role])
    return table


def _set_version(reading: Reading, table: Table) -> None:
    """Set `version` by the column that says when a record was last changed, where there is one."""
    if "event_id" not in table.columns:
        return  # a line is its own id, so that another content is another line
    changed = [profile for profile in reading.profiles if CHANGED & set(words_of(profile.name))]
    read = [(profile, profile.time_form) for profile in changed if profile.time_form is not None]
    in_utc = [(profile, form) for profile, form in read if form.instant or {"utc", "gmt"} & set(words_of(profile.name))]
    for profile, form in [*in_utc, *read][:1]:
        instant = form.sql(profile.column.sql)
        instant = instant if in_utc else f"to_utc_timestamp({instant}, source_time_zone)"
        table.version = f"coalesce({instant}, {table.columns['event_time']})"
        table.guess("version", f"{profile.name} says when a line was last changed", "so its header says")


def _ask_for_version(reading: Reading, table: Table) -> None:
    """Ask for a version where lines come again in a rejected state and no column says which one is newer."""
    if table.version is not None:
        return
    status, order, item = (reading.roles.get(role) for role in ("status", "order", "item"))
    if status is None or order is None or item is None or "order_not_completed" not in table.reject:
        return
    states: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for *line, state in pairs(order, item, status):
        states[tuple(line)].add(state)
    changed = [of_line for of_line in states.values() if len(of_line) > 1]
    if changed:
        text = f"{len(changed)} lines of the sample come again in another state ({', '.join(sorted(changed[0]))})"
        table.todo("order_not_completed", f"{text}: which is the newer one is told by the files' times; write a column that says it into `version`")


def _ask_about_unread_columns(reading: Reading, table: Table) -> None:
    """Ask about columns whose header is that of a missing role and whose values were not understood."""
    taken = {profile.name for profile in reading.roles.values()} | reading.aside.keys()
    roles, time = reading.roles.keys(), reading.roles.get("time")
    has_money = bool({"unit_price", "amount"} & roles)
    form = None if time is None else time.time_form
    for role, column, what, known in (
        ("time", "event_time", "a time", "time" in roles),
        ("clock", "event_time", "a time of day", "clock" in roles or form is None or form.has_time),
        ("quantity", "quantity", "pieces", "quantity" in roles),
        ("amount", "amount_minor", "money", has_money),
        ("unit_price", "amount_minor", "a price", has_money),
        ("currency", "currency", "a currency", "currency" in roles),
        ("user", "user_id", "a user", False),
        ("item", "item_id", "an item", False),
        ("order", "order_id", "an order", False),
    ):
        for profile in () if known else reading.profiles:
            wanted = LIKELY if role == "time" else SURELY  # of times there are many, and without any nothing is read
            if profile.name not in taken and profile.filled and header_score(role, profile.name) >= wanted and role_score(role, profile) == 0:
                why = _not_understood(role, profile)
                if why is not None:
                    table.todo(column, f"{profile.name} is called like {what}, but {why}")
                    taken.add(profile.name)


def _not_understood(role: str, profile: Profile) -> str | None:
    """Why a column does not suit a role, with a value that was not read; None for an id that is refused for another reason."""
    if role in IDS:
        return f"`{profile.lost[0]}` is in scientific notation, so that digits are lost: export it as text" if profile.lost else None
    odd = [text for text in profile.filled if not READ[role](text)]
    text = odd[0] if odd else next((text for text in profile.filled if len(text) > 1 and text[0] == "0"), profile.filled[0])
    shown = shape(text) if profile.personal else text
    share = f" ({100 * len(odd) / len(profile.filled):.0f} % of its values are not)" if 0 < len(odd) < len(profile.filled) else ""
    return f"`{shown[:40]}` is not read{share}"


def _ask_about_missing_values(reading: Reading, table: Table) -> None:
    """Ask about required columns that are empty in many rows, with the share of rows that are lost."""
    for role, column, enough in (("user", "user_id", 0.5), ("item", "item_id", 0.9), ("time", "event_time", 0.9), ("order", "order_id", 0.9)):
        profile = reading.roles.get(role)
        if profile is None or column not in table.columns or (role == "user" and "visitor" in reading.roles):
            continue
        share = profile.filled_share(reading.bought)
        if role == "user" and one_order_each(reading.roles.get("order"), profile):
            table.todo(column, f"every {profile.name} of the sample has one order; is there another id, by which users come again?")
        if role != "order" and on_first_lines(reading.roles.get("order"), profile):
            table.todo(column, f"{profile.name} {FIRST_LINES}: further lines are rejected as missing:{column}; write it on each line")
        elif share < enough:
            rows = "rows" if reading.bought is None else "purchases"
            table.todo(column, f"{profile.name}: {100 * (1 - share):.0f} % of the {rows} have none and are rejected as missing:{column}")


def moment_of_sale(reading: Reading, lets: Lets) -> When | None:
    """The time of an event, as a `let` name that is added once."""
    profile = reading.roles.get("time")
    if profile is None:
        return None
    form = profile.time_form
    if form is None:
        return None
    sql = form.sql(profile.column.sql)
    clock = reading.roles.get("clock")
    because = form.because or reading.because["time"]
    if clock is not None and clock.clock and not form.has_time and form.kind in ("text", "date"):
        day = profile.column.sql if form.kind == "text" else f"cast({profile.column.sql} as string)"
        pattern = form.patterns[0] if form.kind == "text" else "yyyy-MM-dd"
        sql = f"to_timestamp(concat({day}, ' ', {clock_sql(clock.clock, clock.column.sql, clock.filled)}), '{pattern} {clock.clock}')"
        because += f"; {clock.name} has the time of day"
    elif clock is None and "clock" in reading.because:
        because += f"; {reading.because['clock']}"
    name = profile.column.sql if sql == profile.column.sql else next((n for n, text in lets.names.items() if text == sql), None)
    if name is None:
        name = lets.add({"reviews": "written_at", "exposures": "shown_at"}.get(reading.table or "", "sold_at"), sql)
        span = f" (sample: {form.first} to {form.last})" if form.first and form.last else ""
        lets.remark(name, "guess", f"{profile.name} is the time{span}", because)
        if form.ambiguous:
            lets.remark(name, "todo", f"{profile.name}: say whether the day or the month comes first (d/M or M/d in the pattern)")
        if len(form.patterns) > 1:
            lets.remark(name, "note", f"{profile.name} is written in {len(form.patterns)} ways")
    says_utc = any({"utc", "gmt"} & set(words_of(column.name)) for column in (profile, clock) if column is not None)
    if form.instant or (says_utc and (form.has_time or sql != form.sql(profile.column.sql))):
        return When(name, f"to_date(from_utc_timestamp({name}, source_time_zone))")
    return When(f"to_utc_timestamp({name}, source_time_zone)", f"to_date({name})")


def _day_of_files(named: NamedDay, lets: Lets) -> When:
    name = lets.add("sold_on", named.sql)
    lets.remark(name, "guess", f"the folder's name is the day ({named.first} to {named.last})", "no column looks like a date or a time")
    return When(f"to_utc_timestamp({name}, source_time_zone)", f"to_date({name})")


def _set_ids(reading: Reading, table: Table, kinds: Kinds) -> None:
    set_who(reading, table)
    set_id(reading, table, "item")
    if "item" in reading.roles and reading.roles["item"].padded:
        table.note("item_id", f"{reading.roles['item'].name}: leading zeros are kept")
    if not kinds.no_orders:
        set_id(reading, table, "order", where=kinds.ordered if _names_other_rows(reading) else None)
    if reading.who is None:
        _ask_for_id(table, "user", "which column says who bought?", "")
    if "item" not in reading.roles:
        _ask_for_id(table, "item", "which column says what was bought?", NO_ITEMS)
    if "order" not in reading.roles and not kinds.no_orders:
        table.note("order_id", "order_id is left out: no column has order numbers, so what a user buys on one day is one order")
    _set_event_id(reading, table, kinds)


def _ask_for_id(table: Table, role: str, question: str, otherwise: str) -> None:
    table.columns[f"{role}_id"] = MISSING
    table.todo(f"{role}_id", f"{question} Until then every row is rejected as missing:{role}_id{otherwise}")


def _names_other_rows(reading: Reading) -> bool:
    """Whether rows that are no purchases have a number of an order, too."""
    order = reading.roles.get("order")
    if order is None or reading.bought is None:
        return False
    return any(value is not None and not is_bought for value, is_bought in zip(order.column.values, reading.bought, strict=True))


def _set_event_id(reading: Reading, table: Table, kinds: Kinds) -> None:
    line = reading.roles.get("line")
    if line is not None:
        table.columns["event_id"] = label_sql(line)
        table.guess("event_id", f"{line.name} is the number of the line", reading.because["line"])
    elif reading.sample.lines is not None and "order" in reading.roles and kinds.ordered is None:
        # A shop's return is a record of its own, with the number of the order and places that the purchase had, too.
        kind = [kinds.cancelled.partition(" ")[0]] if kinds.cancelled is not None and "event_type" in reading.roles else []
        table.columns["event_id"] = f"concat_ws('-', {', '.join([table.columns['order_id'], *kind, reading.sample.lines.name])}.place)"
        table.guess("event_id", "order and place within it", "a record is a whole order, so its content would be the id of all its lines")
    elif reading.sample.lines is not None:
        asked = "which field is the record's own number? Until one is named, the whole record and a line's place in it are its id"
        table.todo("event_id", f"{asked}, and what is delivered again with another content counts twice")
    else:
        table.note("event_id", "event_id is left out: lines have no number, so the whole line is its id and an equal line a duplicate")


def _set_quantity(reading: Reading, lets: Lets, table: Table, kinds: Kinds) -> str:
    """Set quantity; returns the expression of the pieces, positive."""
    profile, cancelled = reading.roles.get("quantity"), kinds.cancelled
    if profile is None:
        table.set("quantity", "1", where=kinds.ordered)
        table.guess("quantity", f"each {'row' if kinds.ordered is None else 'order line'} is one piece", "no column looks like a number of pieces")
        return "1"
    whole = profile.whole
    pieces = lets.add("pieces", f"cast({profile.number_sql} as bigint)" if whole else decimal_sql(profile))
    negative = any(value < 0 for value in profile.numbers)
    positive = f"abs({pieces})" if negative else pieces
    table.set("quantity", positive if whole else f"ceil({positive})", where=kinds.in_basket)
    table.guess("quantity", f"{profile.name} is the number of pieces", reading.because["quantity"])
    if not whole:
        table.guess("quantity", "a part of a piece counts as one", f"{profile.name} has decimals, as weights have")
    if cancelled is None or not negative:
        table.reject["quantity_not_positive"] = _of(kinds.in_basket, f"{pieces} <= 0")
    elif "like" in lets.names.get(cancelled, ""):
        table.reject["quantity_not_positive"] = f"not {cancelled} and {pieces} <= 0"
        table.reject["cancellation_not_negative"] = f"{cancelled} and {pieces} >= 0"
    else:
        table.reject["quantity_zero"] = _of(kinds.in_basket, f"{pieces} = 0")
    return positive


def _of(where: str | None, condition: str) -> str:
    """The condition, of the rows only for which `where` holds."""
    return condition if where is None else f"{where} and ({condition})" if " or " in condition else f"{where} and {condition}"


def _set_amounts(reading: Reading, lets: Lets, table: Table, kinds: Kinds, pieces: str, currency: str) -> None:
    chosen = _choose_money(reading, reading.roles.get("amount"), reading.roles.get("unit_price"))
    units = _set_currency(reading, lets, table, None if chosen is None else chosen[0], currency, kinds)
    for why in dict.fromkeys(reading.aside.values()):
        names = [name for name, its in reading.aside.items() if its == why]
        named = names[0] if len(names) == 1 else f"each of {len(names)} columns ({', '.join(names[:4])}{', ...' * (len(names) > 4)})"
        (table.todo if chosen is None else table.note)("amount_minor", f"{named} {why}, which no line was paid with")
    if chosen is None:
        table.set("amount_minor", "0", where=kinds.ordered)
        table.todo("amount_minor", "no column looks like money; 0 stands for all amounts until one is named here")
        return
    profile, each, because = chosen
    name = lets.add("price" if each else "paid", decimal_sql(profile))
    if profile.number is not None and profile.number.ambiguous:
        lets.remark(name, "todo", f"{profile.name}: {profile.number.ambiguous}")
    minor = set(words_of(profile.name)) & MINOR_WORDS
    amount = _minor_sql(name, pieces if each else "1", "1" if minor else units, any(v < 0 for v in profile.numbers))
    table.set("amount_minor", amount, where=kinds.ordered)
    table.guess("amount_minor", f"{profile.name} is the price of one piece" if each else f"{profile.name} is what the whole line costs", because)
    if minor:
        table.guess("amount_minor", "it is in minor units already", f"its header says {minor.pop()}")
    elif units != "1" and _may_be_minor(reading, profile, currency):
        asked = f"all amounts of {profile.name} are whole numbers: are they in minor units (cents) already?"
        table.todo("amount_minor", f"{asked} Then take `* {units}` out")
    reason = "price_not_positive" if each else "amount_not_positive"
    table.reject[reason] = _of(kinds.ordered, _not_paid_sql(profile, name, lets, kinds.cancelled))
    table.guess(reason, "what is for nothing is no sale", "gifts, samples and corrections look like this")
    _set_other_amounts(reading, table, kinds, pieces, units)


def _set_currency(reading: Reading, lets: Lets, table: Table, money: Profile | None, currency: str, kinds: Kinds) -> str:
    """Set currency; returns the SQL of its minor units per unit: of the line's own currency where lines have one."""
    by_line = reading.roles.get("currency")
    signs = "" if money is None or money.number is None else money.number.currency_sql(money.column.sql)
    if by_line is None and not signs:
        table.set("currency", "source_currency", where=kinds.ordered)
        return str(minor_units(currency))
    name = lets.add("line_currency", signs if by_line is None else f"coalesce(upper(trim({by_line.column.sql})), source_currency)")
    table.set("currency", name, where=kinds.ordered)
    if by_line is None and money is not None and money.number is not None:
        table.guess("currency", f"{money.name} says each line's currency", f"its values have the signs {', '.join(money.number.signs)}")
    elif by_line is not None and len(by_line.counts) > 1:
        table.guess("currency", f"{by_line.name} is each line's currency", f"its values are {', '.join(sorted(by_line.counts))[:60]}")
        if on_first_lines(reading.roles.get("order"), by_line):
            table.todo("currency", f"{by_line.name} {FIRST_LINES}: further lines are taken for {currency}; write it on each line")
    return f"{FUNCTION}({name})"


def _may_be_minor(reading: Reading, money: Profile, currency: str) -> bool:
    """Whether amounts may be in minor units: they have no sign, and no decimals where the line's currency has some."""
    if not money.whole or (money.number is not None and money.number.signs):
        return False
    by_line = reading.roles.get("currency")
    codes: list[str | None] = [None] * len(money.column.values) if by_line is None else by_line.column.values
    amounts = [(code or currency, text) for code, text in zip(codes, money.column.values, strict=True) if text is not None]
    texts = [text for code, text in amounts if minor_units(code.upper()) > 1]
    return bool(texts) and not any(CENTS.search(text) for text in texts)


def _not_paid_sql(profile: Profile, name: str, lets: Lets, cancelled: str | None) -> str:
    """The condition under which nothing was paid. Negative money is right for cancellations only."""
    if cancelled is None or not any(value < 0 for value in profile.numbers):
        return f"{name} <= 0"
    is_told_by_sign = decimal_sql(profile) in lets.names.get(cancelled, "")
    return f"{name} = 0" if is_told_by_sign else f"{name} = 0 or (not {cancelled} and {name} < 0)"


def _minor_sql(value: str, pieces: str, units: str, signed: bool) -> str:
    """The amount in minor units, rounded half up, without sign: event_type says the direction."""
    product = " * ".join([f"abs({value})" if signed else value, *([pieces] if pieces != "1" else []), *([units] if units != "1" else [])])
    return f"round({product})"


def _choose_money(reading: Reading, amount: Profile | None, price: Profile | None) -> tuple[Profile, bool, str] | None:
    """(the column of money, whether it is per piece, why)."""
    if amount is not None and price is not None and is_product(reading, amount, price):
        return amount, False, f"{amount.name} = {price.name} x pieces in nearly all rows of the sample"
    for profile, header_says in ((price, True), (amount, False)):
        if profile is None:
            continue
        kind, because = money_is_of(reading, profile)
        if kind is not None:
            return profile, kind == "piece", because
        if amount is None or price is None:
            return profile, header_says, because or reading.because["unit_price" if header_says else "amount"]
    return None if amount is None else (amount, False, reading.because["amount"])


def _set_other_amounts(reading: Reading, table: Table, kinds: Kinds, pieces: str, units: str) -> None:
    """Set the other amounts (list, discount, coupon) where their headers are certain enough."""
    for role, column in (("list_amount", "list_amount_minor"), ("discount", "discount_minor"), ("coupon", "coupon_minor")):
        profile = reading.roles.get(role)
        if (
            profile is None
            or {"pct", "percent", "rate"} & set(words_of(profile.name))
            or "%" in profile.name
            or max(map(abs, profile.numbers), default=0) <= 1
        ):
            continue
        is_of = money_is_of(reading, profile)[0]
        each = is_of == "piece" or (role == "list_amount" and "unit_price" in reading.roles and is_of is None)
        table.set(column, _minor_sql(decimal_sql(profile), pieces if each else "1", units, any(v < 0 for v in profile.numbers)), where=kinds.ordered)
        table.guess(column, f"{profile.name} is the {role.replace('_', ' ')} of {'one piece' if each else 'the line'}", reading.because[role])
