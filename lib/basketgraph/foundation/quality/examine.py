"""Examination of a table: group a suite's expectations by the rows they read, run Great Expectations, and collect findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException
from pyspark.sql import functions as F

from basketgraph.foundation.config import UserError
from basketgraph.foundation.contracts import contract
from basketgraph.foundation.quality.build import built, cannot_be_used, completed
from basketgraph.foundation.quality.check_results import ALL_ROWS, BROKEN, KEPT, LOG, NO_ROWS, NOT_COMPARED, WINDOW
from basketgraph.foundation.quality.check_scope import Finding, Look, Scope
from basketgraph.foundation.quality.engine import engine, errors_in, first_line
from basketgraph.foundation.quality.lookups import with_lookups
from basketgraph.foundation.quality.metrics import DISTRIBUTION, LOOKED_UP, MEDIANS, USUAL
from basketgraph.foundation.quality.renderers import found_in_words, number_in_words, promise_in_words, usual_in_words
from basketgraph.foundation.quality.suites import TABLE_LEVEL, Expectation, Suite, filled, unknown_names

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WINDOWED = (DISTRIBUTION, MEDIANS)


def examine(suite: Suite, values: Mapping[str, Any], look: Look) -> list[Finding]:
    """A finding per expectation, in the suite's order. An expectation that cannot be compared is skipped; its finding says why.

    values: what `${...}` in limits may name.
    errors: UserError for expectations that GX does not know, refuses, or cannot compute; all of them at once.
    """
    lacking = {name: why for name, e in suite.expectations.items() if (why := _lacks(e, values, look))}
    unjudged = [name for name, e in suite.expectations.items() if name not in lacking and _is_about_judged_days(e) and not look.judged]
    lacking |= dict.fromkeys(unjudged, "not compared: none of the days before the run's own changed")
    noted = [name for name in unjudged if suite.expectations[name].type == USUAL]  # for later days' history
    runnable = {name: filled(e, values) for name, e in suite.expectations.items() if name not in lacking or name in noted}
    complete = completed(runnable, look)
    expectations, faults = built(complete)
    if faults:
        raise cannot_be_used(suite, faults)
    results: dict[str, Any] = {}
    crashed: dict[str, str] = {}
    for place, names in _places(runnable, look).items():
        try:
            frame, joined = _frames(place, look, [runnable[name] for name in names])
        except AnalysisException:  # the others of the place are computed all the same, so that their faults are reported, too
            crashed |= {name: why for name in names if (why := _refused_by_spark(place, look, runnable[name]))}
            names = [name for name in names if name not in crashed]
            frame, joined = _frames(place, look, [runnable[name] for name in names]) if names else (look.rows, look.rows)
        results |= engine().validate(joined, suite.table, [expectations[name] for name in names], frame)
    crashed |= errors_in(results)
    if crashed:
        raise _not_computed(suite, crashed)
    look.daily |= {name: results[name].result["daily"] for name in noted}
    look.results += [result for name, result in results.items() if name not in noted]
    rows = next((r.result["element_count"] for r in results.values() if r.result.get("element_count") is not None), None)
    return [
        _skipped(name, e, values, lacking, look) if name in lacking else _finding(suite, name, complete[name], results[name], rows, look)
        for name, e in suite.expectations.items()
    ]


def _lacks(expectation: Expectation, values: Mapping[str, Any], look: Look) -> str:
    """Why the expectation cannot be compared, in words; '' where it can."""
    if unknown := sorted(set(unknown_names(expectation.kwargs, values))):
        return f"not compared yet: no {', '.join(unknown).replace('_', ' ')}"
    table = expectation.kwargs.get("table")
    if expectation.type == LOOKED_UP and table and look.lookup(table) is None:
        return f"not compared: this shop has no {table}"
    if look.part and expectation.meta.whole:
        return "not compared: only the whole table can show it"
    if look.part and not look.changed and expectation.type not in TABLE_LEVEL:
        return "not compared: nothing changed"
    return ""


def _is_about_judged_days(expectation: Expectation) -> bool:
    return expectation.type in WINDOWED or (expectation.type == USUAL and expectation.kwargs.get("day") is not None)


def _in_whole(expectation: Expectation, look: Look) -> bool:
    """Whether this expectation reads all rows in a partial look."""
    return look.part and (expectation.type in TABLE_LEVEL or (expectation.type == USUAL and not expectation.kwargs.get("day")))


Place = tuple[str, str, str]  # kind, days of the window, condition


def _places(expectations: Mapping[str, Expectation], look: Look) -> dict[Place, list[str]]:
    """Group expectations by the rows they read: the look's `rows`, the `whole` table, or a `window` of days; all of them or those that meet a
    condition. GX would look at all rows once more for each condition; the joined look-ups of the others with them.
    """
    places: dict[Place, list[str]] = {}
    for name, e in expectations.items():
        kind = "window" if e.type in WINDOWED else "whole" if _in_whole(e, look) else "rows"
        days = str(e.kwargs["window_days"]) if kind == "window" else ""
        places.setdefault((kind, days, e.kwargs.get("row_condition") or ""), []).append(name)
    return places


def _frames(place: Place, look: Look, expectations: Sequence[Expectation]) -> tuple[DataFrame, DataFrame]:
    """The rows of the place, without and with their look-ups."""
    kind, days, condition = place
    frame = look.rows if kind == "rows" else look.whole
    if kind == "window":
        first = date.fromisoformat(look.window[0]) - timedelta(days=int(days))
        frame = frame.where(F.col(expectations[0].kwargs["day"]).between(F.lit(first), F.lit(date.fromisoformat(look.window[-1]))))
    frame = frame.where(condition) if condition else frame
    return frame, with_lookups(frame, expectations, look.lookup)


def _refused_by_spark(place: Place, look: Look, expectation: Expectation) -> str:
    """Spark's error in its `row_condition`, `where` or `take`; '' where there is none. Nothing is computed."""
    try:
        _frames(place, look, [expectation])
    except AnalysisException as error:
        return first_line(str(error))
    return ""


def _not_computed(suite: Suite, crashed: Mapping[str, str]) -> UserError:
    """The error for expectations whose SQL names no column, is no SQL, or fails on a row. crashed: name -> error."""
    tables = dict.fromkeys([suite.table, *(other for name in crashed if (other := suite.expectations[name].kwargs.get("table")))])
    columns = " ".join(f"Columns of {table}: {', '.join(contract(table).columns)}." for table in tables)
    faults = [f"{name}: {why}" for name, why in crashed.items()]
    return UserError(f"{suite.file}: {number_in_words(len(crashed), 'expectation')} could not be computed", faults, f"Mend the SQL there. {columns}")


def _skipped(name: str, expectation: Expectation, values: Mapping[str, Any], lacking: Mapping[str, str], look: Look) -> Finding:
    """In a partial look the finding of its last check; else a finding that it was not compared."""
    if look.part and (repeated := look.repeated(name)):
        return repeated
    kwargs = {key: value for key, value in expectation.kwargs.items() if not unknown_names(value, values)}
    expected = promise_in_words(filled(expectation.model_copy(update={"kwargs": kwargs}), values))
    version = _version(expectation, look)
    return Finding(
        name, expectation.severity, True, NOT_COMPARED, lacking[name], expected, expectation.notes, scope=look.scope, looked_up_version=version
    )


def _version(expectation: Expectation, look: Look) -> int | None:
    return look.looked_up.get(expectation.kwargs.get("table", ""))


def _scope(expectation: Expectation, look: Look, window_days: int | None) -> Scope:
    if expectation.type in WINDOWED:
        days = [date.fromisoformat(day) for day in look.window]
        return Scope(WINDOW, days, f"and the {window_days} days before them")
    if not _in_whole(expectation, look):
        return look.scope
    return Scope(LOG if expectation.type in TABLE_LEVEL and not expectation.kwargs.get("row_condition") else ALL_ROWS)


def _finding(suite: Suite, name: str, expectation: Expectation, result: Any, rows: int | None, look: Look) -> Finding:
    found, success = result.result, bool(result.success)
    about_people = any(column in contract(suite.table).personal for column in expectation.columns)
    usual: dict[str, Any] = {}
    if expectation.type == USUAL:
        judged = found["judgement"]
        observed = usual_in_words(judged, look.usual["least_days"], weekly=expectation.kwargs.get("weekly", True))
        look.daily[name] = found["daily"] if expectation.kwargs.get("day") else {}
        if judged:
            usual = {"usual_low": judged["low"], "usual_high": judged["high"], "anomaly_score": judged["score"]}
            usual["judged_day"] = date.fromisoformat(judged["day"])
    else:
        noun = expectation.kwargs["by"].removesuffix("_id").replace("_", " ") if expectation.type == MEDIANS else "row"
        observed = found_in_words(expectation, found, about_people=about_people, noun=noun)
    return Finding(
        name,
        expectation.severity,
        success,
        BROKEN if not success else _outcome(expectation, found),
        observed,
        promise_in_words(expectation),
        expectation.notes,
        found.get("element_count", None if expectation.type in WINDOWED else rows),
        found.get("unexpected_count"),
        _scope(suite.expectations[name], look, expectation.kwargs.get("window_days")),
        _value(expectation, found, about_people),
        looked_up_version=_version(expectation, look),
        **usual,
    )


def _outcome(expectation: Expectation, found: Mapping[str, Any]) -> str:
    """The outcome of an expectation that is not broken."""
    if expectation.type == USUAL:
        return NO_ROWS if found["judgement"] is None else NOT_COMPARED if found["judgement"]["low"] is None else KEPT
    if found.get("unexpected_count") is not None:
        return KEPT if _looked_at(found) else NO_ROWS
    return NO_ROWS if found.get("observed_value") is None else KEPT


def _looked_at(found: Mapping[str, Any]) -> int:
    return int(found.get("element_count") or 0) - int(found.get("missing_count") or 0)


def _value(expectation: Expectation, found: Mapping[str, Any], about_people: bool) -> float | None:
    """The share of rows that break the expectation, or the observed number."""
    if found.get("unexpected_count") is not None:
        return int(found["unexpected_count"]) / _looked_at(found) if _looked_at(found) else None
    observed = found.get("observed_value")
    personal = about_people and expectation.type not in (*TABLE_LEVEL, USUAL, DISTRIBUTION)
    if personal or isinstance(observed, bool) or not isinstance(observed, int | float):
        return None
    return float(observed)
