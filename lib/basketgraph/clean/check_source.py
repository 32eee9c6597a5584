"""What cleaning would do to a shop's files, told before anything is written: by the very code of cleaning, without its writes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pyspark import StorageLevel
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from basketgraph.clean.batch import Prepared
from basketgraph.clean.cleaning import Cleaning, Work
from basketgraph.clean.counts import summed
from basketgraph.clean.landing_files import LandingFile
from basketgraph.clean.ledger import Counts, as_copy, counted
from basketgraph.clean.raw_rows import prepare_session
from basketgraph.clean.source_hints import odd_facts, odd_hints
from basketgraph.foundation.cuts import first_purchase, judged_from
from basketgraph.foundation.goals import Goal, goal_of
from basketgraph.foundation.money import minor_units, minor_units_sql, number_in_words
from basketgraph.foundation.privacy.pseudonyms import KEY_BYTES, KEY_VARIABLE, PseudonymKey, key_file, pseudonym_key

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

EXAMPLES = 3  # rejected rows shown for each reason
MANY_EVENTS = 50  # so many make it odd that all are alike
CHEAP, DEAR = 0.1, 500  # what a piece typically costs: less or more looks like an error by the currency's minor units
FEW_EVENTS = 100_000  # of so many, users and items are counted exactly
EVENTS, REVIEWS, EXPOSURES = "silver.events", "silver.reviews", "silver.exposures"
ORDERED = ("purchase", "cancellation")
TYPES = ("view", "click", "favourite", "dismiss", "cart_add", "cart_remove", *ORDERED)


def key_or_throwaway(environment: Mapping[str, str]) -> PseudonymKey:
    """The key that cleaning would use, where there is one; else one for this look only, since pseudonyms are neither shown nor kept."""
    if environment.get(KEY_VARIABLE, "").strip() or key_file(environment).exists():
        return pseudonym_key(environment)
    return PseudonymKey(secrets.token_hex(KEY_BYTES).encode())


@dataclass(frozen=True)
class TableCheck:
    """One table: counts as ops.files would have them, examples of rejected rows by reason (payload with personal columns masked, file, number of an
    unparsable line), and facts.

    good: rows without a reason to refuse them, whether they are in already or not; None where that is accepted and duplicate rows.
    equal: of a table whose lines have no number of their own, rows of the files that are read which are equal to others. filled: whether the table
    has rows already.
    """

    table: str
    counts: Counts
    examples: Mapping[str, Sequence[tuple[str | None, str, int | None]]]
    facts: Mapping[str, Any]
    good: int | None = None
    equal: int = 0
    filled: bool = False

    @property
    def gets_nothing(self) -> bool:
        """Whether there are rows and not one of them can be in the table: such a mapping is of no use, unless it filled the table before and leaves
        out all of these.
        """
        good = self.counts.accepted + self.counts.duplicate if self.good is None else self.good
        return self.counts.read > 0 and good == 0 and not (self.filled and self.counts.about == 0)


@dataclass(frozen=True)
class SourceCheck:
    """What a run of cleaning would do now."""

    shop: str
    files: int  # that it would read
    already: int  # that it has read before
    quarantined: Sequence[tuple[str, str]]  # (path, problem)
    tables: Sequence[TableCheck]
    sampled: int | None  # rows of each kind of files that were looked at; None for all
    hints: Sequence[str] = field(default=())


class Rehearsal(Cleaning):
    """Cleaning that stops before it writes."""

    def check(self, *, sample_rows: int | None = None) -> SourceCheck:
        """Judge everything that is new, as one batch: by batches or at once, the counts are the same.

        errors: UserError, as cleaning itself, where no file of a kind can be used, or the warehouse was made with another key.
        """
        prepare_session(self.spark)
        listed = self._listed()
        work, problems = self._work(listed)
        asked = {file.path for one in work.values() for file in (*one.fresh, *one.copies)}
        asked |= {file.path for files in problems.values() for file in files}
        self.sample_rows = sample_rows
        prepared, raws = self._judged("check", {table: one.fresh for table, one in work.items() if one.fresh})
        self._leave_out_dropped(work)
        self._refuse_without_files({table for table, one in work.items() if one.fresh or one.copies})
        judged = {one.table: one for one in prepared}
        found = [self._table(table, one.copies, judged.get(table)) for table, one in work.items() if one.fresh or one.copies]
        for frame in (*(kept for one in prepared for kept in one.kept), *raws):
            frame.unpersist()
        unusable = [*self.dropped.values(), *(file for files in problems.values() for file in files)]
        quarantined = sorted({(file.path, str(file.problem)) for file in unusable})
        fresh = {file.path for one in work.values() for file in (*one.fresh, *one.copies)}
        already = len({file.path for files in listed.values() for file in files} - asked)
        return SourceCheck(self.source.shop, len(fresh), already, quarantined, found, sample_rows)

    @property
    def goal(self) -> Goal:
        return goal_of(self.source.model_dump(include={"goal"}))

    def _write_quarantined(self, problems: Mapping[str, Sequence[LandingFile]]) -> None:
        """Nothing: they are told at the end."""

    def _raw(self, file_set: str, files: Sequence[LandingFile]) -> DataFrame:
        raw = super()._raw(file_set, files)
        # A limit gives other rows each time it is asked, unless they are kept.
        return raw if self.sample_rows is None else raw.limit(self.sample_rows).persist(StorageLevel.MEMORY_AND_DISK)

    def _leave_out_dropped(self, work: Mapping[str, Work]) -> None:
        """Take files that proved unusable on being read out of the work, and copies of them."""
        for table, one in work.items():
            one.fresh = [file for file in one.fresh if (table, file.path) not in self.dropped]
            there = {file.file_hash for file in one.fresh}
            one.copies = [f for f in one.copies if f.file_hash in there or self.ledger.with_hash(table, f.file_hash) is not None]

    def _table(self, table: str, copies: Sequence[LandingFile], prepared: Prepared | None) -> TableCheck:
        if prepared is None:
            told = summed(self._copy_counts(table, copies, {}))  # the table has their content: duplicates
            return TableCheck(table, told, {}, {}, filled=self._is_filled(table))
        own = summed(prepared.counts.values())
        own = replace(own, retracted=own.retracted + sum(prepared.retracted_from.values()))
        copied = self._copy_counts(table, copies, {content: counts for (_, content), counts in prepared.counts.items()})
        counts = summed([own, *copied])
        examples = _examples(prepared.rejected) if prepared.rejected is not None else {}
        facts: dict[str, Any] = {}
        if table == EVENTS and prepared.rows is not None:
            facts = event_facts(prepared.rows, self.now, self.goal, exact=counts.accepted <= FEW_EVENTS) | odd_facts(prepared.raw, prepared.rules)
        # Copies of files of this look hold what those hold; of files that are in already only duplicates can be told, and nothing against them.
        known = sum(c.duplicate for f, c in zip(copies, copied, strict=True) if self.ledger.with_hash(table, f.file_hash) is not None)
        equal = own.duplicate if prepared.rules.key_is_content else 0
        facts = {**facts, "judged_from": self._judged_from(facts)} if facts else {}
        return TableCheck(table, counts, examples, facts, own.accepted + own.duplicate + known, equal, self._is_filled(table))

    def _is_filled(self, table: str) -> bool:
        return self.release.exists(table) and not self.release.read(table).isEmpty()

    def _judged_from(self, facts: Mapping[str, Any]) -> date | None:
        """From which day on lists can be judged, where what is in already and what would be added is too little history for it."""
        if not facts["events"]:
            return None
        known = [day for day in (facts["first_of_goal"], first_purchase(self.release, self.goal)) if day is not None]
        if not known or self.source.cuts:
            return None
        there = self.release.read(EVENTS).agg(F.max("event_date")).collect()[0][0] if self.release.exists(EVENTS) else None
        newest = max(day for day in (facts["last_day"], there) if day is not None)
        return judged_from(min(known), newest + timedelta(days=1))

    def _copy_counts(self, table: str, copies: Sequence[LandingFile], read: Mapping[str, Counts]) -> list[Counts]:
        """All rows of a file whose content the table has, or gets from another file, are duplicates."""
        found = []
        for file in copies:
            original = self.ledger.with_hash(table, file.file_hash)
            found.append(as_copy(counted(read[file.file_hash]) if original is None else original))
        return found


def _examples(rejected: DataFrame) -> dict[str, list[tuple[str | None, str, int | None]]]:
    """Reason -> up to EXAMPLES (payload, file, line)."""
    first = Window.partitionBy("reason").orderBy("source_file", F.asc_nulls_last("line_number"), "rejected_id")
    each = rejected.select("rejected_id", "payload", "source_file", "line_number", F.explode("reasons").alias("reason"))
    chosen = each.withColumn("place", F.row_number().over(first)).where(F.col("place") <= EXAMPLES).orderBy("reason", "place").collect()
    found: dict[str, list[tuple[str | None, str, int | None]]] = {}
    for row in chosen:
        found.setdefault(row["reason"], []).append((row["payload"], row["source_file"], row["line_number"]))
    return found


def event_facts(events: DataFrame, now: datetime, goal: Goal, *, exact: bool = True) -> dict[str, Any]:
    """Numbers from which a person sees whether events are plausible.

    events: rows that would be added to silver.events. exact: count users, items and orders exactly; else to 1 %, in a fraction of the time.
    """

    def different(column: Column) -> Column:
        return F.countDistinct(column) if exact else F.approx_count_distinct(column, 0.01)

    day, type_, is_ordered = F.col("event_date"), F.col("event_type"), F.col("event_type").isin(*ORDERED)
    amount, quantity = F.when(is_ordered, F.col("amount_minor")), F.when(is_ordered, F.col("quantity"))
    units = F.expr(minor_units_sql("currency"))
    measures = [
        F.count_if(is_ordered).alias("sold"),
        F.count_if(amount % units == 0).alias("of_whole_units"),
        F.min(amount).alias("least_amount_minor"),
        F.max(amount).alias("greatest_amount_minor"),
        F.percentile_approx(amount / quantity, 0.5).alias("median_price_minor"),
    ]
    (row,) = events.agg(
        F.lit(exact).alias("exact"),
        F.count("*").alias("events"),
        different(F.coalesce("user_id", "visitor_id")).alias("users"),
        F.count("visitor_id").alias("with_visitor"),
        different(F.col("item_id")).alias("items"),
        different(F.when(is_ordered, F.col("order_id"))).alias("orders"),
        F.size(F.collect_set(day)).alias("days"),
        *[F.count_if(type_ == name).alias(name) for name in TYPES],
        F.count_if(F.col("event_time") > F.lit(now + timedelta(days=1))).alias("in_the_future"),
        F.count_if(day < F.lit("1995-01-01").cast("date")).alias("before_1995"),
        F.count_if(quantity == 1).alias("of_one_piece"),
        F.count_if(amount == 0).alias("for_nothing"),
        F.min(day).alias("first_day"),
        F.min(F.when(type_ == goal.event_type, day)).alias("first_of_goal"),
        F.max(day).alias("last_day"),
        *measures,
        F.percentile_approx(quantity, 0.5).alias("median_quantity"),
        F.array_sort(F.collect_set(F.when(is_ordered, F.col("currency")))).alias("currencies"),
    ).collect()
    found: dict[str, Any] = row.asDict(recursive=True)
    found["types"] = {name: number for name in TYPES if (number := found.pop(name))}
    found["cancellations"] = found["types"].get("cancellation", 0)
    found["median_price_minor"] = None if found["median_price_minor"] is None else round(found["median_price_minor"])
    if len(found["currencies"]) > 1:  # else the numbers of all are those of the one
        each = events.where(is_ordered).groupBy("currency").agg(*measures).orderBy(F.desc("sold"), "currency").collect()
        found["by_currency"] = [one.asDict() for one in each]
    return found


def money_of(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What `event_facts` says of amounts, for each currency by itself, that of the most orders' lines first."""
    return list(facts.get("by_currency", ())) or [{**facts, "currency": code} for code in facts["currencies"]]


def hints(check: SourceCheck, *, todos: Sequence[str] = ()) -> list[str]:
    """What a person should look at before cleaning, the worst first. todos: lines of the mapping that ask for an answer."""
    told = []
    if check.quarantined:
        path, problem = check.quarantined[0]
        told.append(f"{len(check.quarantined)} of {len(check.quarantined) + check.files} files would be set aside, such as {path}: {problem}")
    for one in check.tables:
        counts = one.counts
        if one.gets_nothing:
            told.append(f"{one.table}: not one row would be accepted")
        elif counts.rejected > 0.3 * counts.about:
            worst = max(counts.by_reason, key=lambda reason: counts.by_reason[reason])
            told.append(f"{one.table}: {_share(counts.rejected, counts.about)} of the rows would be rejected, most of them as {worst}")
        if one.table == EVENTS and one.equal and counts.accepted:
            told.append(
                f"{one.table}: {one.equal:,} of {counts.about:,} rows are equal to others and count once: lines have no number of their own, so two "
                "purchases of the same look like one that was delivered twice; is a column missing that tells lines apart?"
            )
        elif one.table in (REVIEWS, EXPOSURES) and one.equal and counts.accepted:
            told.append(
                f"{one.table}: {one.equal:,} of {counts.about:,} rows are equal to others and count once: are they different ones all the same? Then "
                "write `equal_rows: each`"
            )
        elif one.table == EVENTS and counts.duplicate > 0.2 * counts.about and counts.accepted:
            told.append(
                f"{one.table}: {_share(counts.duplicate, counts.about)} of the rows are equal to others; is a column missing that tells lines apart?"
            )
        if one.table == EVENTS and counts.superseded > 0.05 * counts.about:
            told.append(
                f"{one.table}: {_share(counts.superseded, counts.about)} of the rows share their event_id with a newer one and would not be counted: "
                "are they versions of one line, or other lines?"
            )
        told += [*_event_hints(one.facts), *odd_hints(one.facts)] if one.facts.get("events") else []
    if not any(one.table in (EVENTS, REVIEWS) for one in check.tables) and check.files:
        told.append("no table of events or reviews: there is nothing to recommend from without silver.events or silver.reviews")
    told += [f"the mapping still asks: {todo}" for todo in todos]
    return told


def _event_hints(facts: Mapping[str, Any]) -> Iterator[str]:
    events, sold = facts["events"], facts["sold"]
    many = events >= MANY_EVENTS
    asked = [
        (facts["in_the_future"] > 0, "{in_the_future:,} events lie in the future: are day and month swapped, or milliseconds taken for seconds?"),
        (facts["before_1995"] > 0, "{before_1995:,} events lie before 1995; the first is of {first_day}"),
        (facts["days"] == 1 and many, "all {events:,} events are of one day, {first_day}: is the right column taken for the time?"),
        (facts["items"] == 1 and many, "all {events:,} events are of one item: is the right column taken for the item?"),
        (facts["users"] == 1 and events > 1, "all events are of one user: is the right column taken for the user?"),
        (facts["users"] >= 0.97 * events and many, "each event has a user of its own: is the user's column a number of the line or the order?"),
        (facts["items"] >= 0.97 * events and many, "each event has an item of its own: is the item's column a number of the line?"),
        (facts["of_one_piece"] == sold >= MANY_EVENTS, "all quantities are 1: is there no column of pieces?"),
        ((facts["median_quantity"] or 0) > 1000, "half of the quantities are above {median_quantity:,}: are they weights or volumes, not pieces?"),
        ("XXX" in facts["currencies"], "currency XXX stands for none: name the shop's in the mapping"),
    ]
    yield from (text.format(**facts) for holds, text in asked if holds)
    if len(facts["currencies"]) > 1:
        yield f"amounts are in {', '.join(facts['currencies'])}: is each line's currency the one that its amount is in?"
    if sold and facts["for_nothing"] == sold:
        yield "all amounts are 0: no column of money is mapped"
    else:
        yield from (hint for money in money_of(facts) if (hint := _hint_of_units(money)))


def _hint_of_units(money: Mapping[str, Any]) -> str | None:
    """What is odd about amounts of one currency, as if minor units were taken for whole ones or the other way round."""
    code, units = money["currency"], minor_units(money["currency"])
    price, many = money["median_price_minor"] / units, money["sold"] >= MANY_EVENTS
    typical = f"a piece typically costs {number_in_words(money['median_price_minor'], code)} {code}"
    if units > 1 and (price >= DEAR or many) and money["of_whole_units"] == money["sold"]:
        return f"{typical}, and no amount has a part of one: are the files' amounts in minor units already (take out * {units})?"
    return f"{typical}: is * {units} missing in amount_minor?" if units > 1 and abs(price) < CHEAP else None


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"
