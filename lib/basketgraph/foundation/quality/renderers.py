"""Expectations and findings as sentences for people who do not write code. No value of a text column appears in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from basketgraph.foundation.quality.anomaly import WEEKDAYS
from basketgraph.foundation.quality.check_results import ALL_ROWS, DAYS, LOG, WINDOW
from basketgraph.foundation.quality.suites import Expectation

NAMED_DAYS = 3
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}([T ][\d:.+]+)?")


def number_in_words(number: float, noun: str = "") -> str:
    """1,234 rows; 1 row; 0.123."""
    text = f"{number:,}" if isinstance(number, int) else f"{number:,.4g}" if abs(number) < 1000 else f"{number:,.0f}"
    if not noun:
        return text
    plural = noun if number == 1 else re.sub(r"([^aeiou])y$", r"\1ie", noun) + "s"
    return f"{text} {plural}"


def share_in_words(part: int, whole: int) -> str:
    """'0.4 %' and the like; never '0 %' of something or '100 %' of less than all."""
    percent = 100 * part / whole if whole else 0
    text = f"{percent:.0f}" if percent in (0, 100) else "under 0.1" if percent < 0.1 else "over 99.9" if 99.9 < percent < 100 else f"{percent:.1f}"
    return f"{text}\N{NO-BREAK SPACE}%"


def promise_in_words(expectation: Expectation) -> str:
    """What the expectation promises: its own `meta.promise`, or a sentence made from its type and limits."""
    if expectation.meta.promise:
        return expectation.meta.promise
    kwargs, column = expectation.kwargs, ", ".join(expectation.columns).replace("_", " ")
    limits = _limits(kwargs)
    sentences = {
        "expect_column_values_to_not_be_null": f"{column} is always there",
        "expect_column_values_to_be_null": f"{column} is always empty",
        "expect_column_values_to_be_between": f"{column} is {limits}",
        "expect_column_values_to_be_in_set": f"{column} is one of {listed(kwargs.get('value_set') or ['nothing'], 'or')}",
        "expect_column_values_to_match_regex": f"{column} has the form {kwargs.get('regex')}",
        "expect_column_value_lengths_to_be_between": f"the length of {column} is {limits}",
        "expect_column_value_lengths_to_equal": f"the length of {column} is {kwargs.get('value')}",
        "expect_key_to_be_unique": f"no two rows share the same {column}",
        "expect_column_values_to_be_unique": f"no two rows share {column}",
        "expect_compound_columns_to_be_unique": f"no two rows share {column}",
        "expect_column_max_to_be_between": f"the largest {column} is {limits}",
        "expect_column_min_to_be_between": f"the smallest {column} is {limits}",
        "expect_column_mean_to_be_between": f"the mean {column} is {limits}",
        "expect_column_sum_to_be_between": f"the sum of {column} is {limits}",
        "expect_column_unique_value_count_to_be_between": f"the number of different values of {column} is {limits}",
        "expect_column_proportion_of_non_null_values_to_be_between": f"the share of rows with {column} is {limits}",
        "expect_column_proportion_of_unique_values_to_be_between": f"the share of different values of {column} is {limits}",
        "expect_table_row_count_to_be_between": f"the number of rows is {limits}",
        "expect_metric_to_be_usual": f"{expectation.meta.name or 'the metric'} of a day is as usual on its weekday",
        "expect_distribution_to_be_steady": f"the distribution of {expectation.meta.name or 'values'} is as on the days before",
        "expect_medians_to_be_steady": f"the median of {expectation.meta.name or 'values'} of each {column} is as on the days before",
    }
    sentence = sentences.get(expectation.type) or f"{expectation.type.removeprefix('expect_').replace('_', ' ')} ({column})"
    mostly = kwargs.get("mostly", 1)
    return sentence if mostly == 1 else f"{sentence} (in at least {100 * mostly:g} % of rows)"


def _limits(kwargs: Mapping[str, Any]) -> str:
    low, high = _limit(kwargs.get("min_value")), _limit(kwargs.get("max_value"))
    if low and high:
        return f"from {low} to {high}" if low != high else f"exactly {low}"
    above = "above" if kwargs.get("strict_min") else "at least"
    below = "below" if kwargs.get("strict_max") else "at most"
    return f"{above} {low}" if low else f"{below} {high}"


def _limit(value: Any) -> str:
    return "" if value is None else number_in_words(value) if isinstance(value, int | float) else str(value)


def listed(names: Sequence[Any], conjunction: str = "and") -> str:
    """a, b and c."""
    *most, last = map(str, names)
    return f"{', '.join(most)} {conjunction} {last}" if most else last


def scope_in_words(result: Mapping[str, Any]) -> str:
    """The rows that were looked at, from the scope columns of ops.quality_results; empty for a result that lacks them."""
    kind, days, reason = result["scope_kind"], result["scope_days"], result["scope_reason"]
    if kind is None:
        return ""
    if kind == DAYS and not days:
        scope = "nothing changed since the last check; what it found is repeated"
    elif kind == DAYS:
        named = ", ".join(map(str, days)) if len(days) <= NAMED_DAYS else f"{days[0]} to {days[-1]}"
        scope = f"rows of {number_in_words(len(days), 'day')} that {reason}: {named}"
    elif kind == WINDOW:
        scope = f"the days from {days[0]} to {days[-1]}, {reason}"
    else:
        rows = {LOG: "what the table's log knows of all its rows", ALL_ROWS: "all rows of the table"}.get(kind, "the whole table")
        scope = f"{rows}: {reason}" if reason else rows
    return f"looked at for {result['repeated_from']}: {scope}" if result["repeated_from"] else scope


def usual_in_words(judgement: Mapping[str, Any] | None, least_days: int, *, weekly: bool) -> str:
    """A day beside what is usual. judgement: of quality.anomaly, its day as text, and `unusual`, the number of unusual days; None: no day."""
    if judgement is None:
        return "nothing to look at: none of the days has a value"
    day = date.fromisoformat(judgement["day"])
    those = WEEKDAYS[day.weekday()] if weekly else "days"
    value = number_in_words(judgement["value"])
    if judgement["low"] is None:
        return f"it is {value} on {day}; not compared yet: {judgement['days']} of the {least_days} {those} that are needed"
    usual = f"usual on {those} is {number_in_words(judgement['low'])} to {number_in_words(judgement['high'])}"
    more = f"; {judgement['unusual']} of the new days are unusual" if judgement["unusual"] > 1 else ""
    return f"it is {value} on {day}; {usual}{more}"


def found_in_words(expectation: Expectation, found: Mapping[str, Any], *, about_people: bool, noun: str = "row") -> str:
    """The finding, from the `result` that GX gives.

    about_people: whether a column of it is personal; then only counts of rows are told.
    noun:         what is counted.
    """
    if found.get("unexpected_count") is not None:
        broken, rows = int(found["unexpected_count"]), int(found.get("element_count") or 0)
        looked_at = rows - int(found.get("missing_count") or 0)
        if rows == 0:
            return "there is no row to look at" if noun == "row" else f"no {noun} to compare"
        if broken == 0:
            return f"true of all {number_in_words(looked_at, noun)}" if looked_at else "no row has a value"
        return f"not true of {number_in_words(broken, noun)} of {number_in_words(looked_at)} ({share_in_words(broken, looked_at)})"
    observed = found.get("observed_value")
    if observed is None:
        return "nothing to look at"
    if isinstance(observed, bool) or (about_people and expectation.type != "expect_table_row_count_to_be_between"):
        return "looked at; values of personal columns are not told"
    if isinstance(observed, int | float):
        return f"it is {number_in_words(observed)}"
    if ISO_DAY.fullmatch(str(observed)):  # a date, a moment, or either as text
        return f"it is {str(observed)[:10]}"
    return "looked at; texts are not told"
