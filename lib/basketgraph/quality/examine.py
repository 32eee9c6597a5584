"""Holding rows against a suite: which expectation looks at which rows, what it lacks, and what was found as numbers and sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.config import Mistake
from basketgraph.contracts import contract
from basketgraph.quality.engine import broken_in, engine
from basketgraph.quality.lookups import found_column, lookup_of, with_lookups
from basketgraph.quality.past import ALL_ROWS, LOG, WHOLE, Daily
from basketgraph.quality.terms import DISTRIBUTION, LOOKED_UP, MEDIANS, USUAL
from basketgraph.suites import TABLE_LEVEL, Expectation, QualitySettings, Suite, filled, unknown_values
from basketgraph.wording import found_in_words, not_compared_in_words, promise_in_words, usual_in_words

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FOUND = re.compile(r"\bfound\b")
WINDOWED = (DISTRIBUTION, MEDIANS)
NONE_JUDGED = not_compared_in_words("none of the days before the run's own changed")


@dataclass(frozen=True)
class Finding:
    """What one expectation found. Counts are rows; `observed` and `expected` are sentences without any value of a text column."""

    check: str
    severity: str
    success: bool
    observed: str
    expected: str
    notes: str
    element_count: int | None
    unexpected_count: int | None
    scope: str = WHOLE
    value: float | None = None
    usual_low: float | None = None
    usual_high: float | None = None
    anomaly_score: float | None = None
    looked_up_version: int | None = None


@dataclass
class Look:
    """What an examination looks at.

    rows:    the table's rows, or those of the days that changed; `part` says which.
    whole:   the whole table.
    ds:      the day of the run, YYYY-MM-DD.
    changed: the days that changed, where only those are looked at; as all days, YYYY-MM-DD.
    judged:  the days that are compared with what is usual; oldest first.
    window:  all days before the run's own that may be judged; prices and distributions of all of them are compared with the days before.
    lookup:  another table's rows; None where there is no such table.
    looked_up: the version of each other table that is looked up; None where there is no such table.
    history: values of earlier days by check and day.
    known:   those of them that ops.daily_values keeps.
    carried: what an earlier examination found, for expectations that this one does not look at.
    daily:   filled by the examination: the values of this one, by check and day.
    results: filled by the examination: Great Expectations' own results.
    """

    rows: DataFrame
    whole: DataFrame
    part: bool = False
    nothing: bool = False
    scope: str = WHOLE
    ds: str = ""
    changed: Sequence[str] = ()
    judged: Sequence[str] = ()
    window: Sequence[str] = ()
    lookup: Callable[[str], DataFrame | None] = lambda table: None
    looked_up: Mapping[str, int | None] = field(default_factory=dict)
    history: Callable[[str, Expectation], Mapping[str, float | None]] = lambda check, expectation: {}
    known: Daily = field(default_factory=dict)
    carried: Callable[[str], Finding | None] = lambda check: None
    usual: Mapping[str, Any] = field(default_factory=dict)
    daily: Daily = field(default_factory=dict)
    results: list[Any] = field(default_factory=list)


def judged_days(ds: date, days: int) -> list[str]:
    """The days before `ds`, which itself is still arriving."""
    return [(ds - timedelta(days=back)).isoformat() for back in range(days, 0, -1)]


def whole_look(frame: DataFrame, values: Mapping[str, Any]) -> Look:
    """All rows of `frame`, with nothing known of the past and no other table."""
    days = judged_days(values["ds"], values["judged_days"])
    settings = QualitySettings.model_validate({name: values[name] for name in QualitySettings.model_fields})
    return Look(frame, frame, ds=values["ds"].isoformat(), judged=days, window=days, usual=settings.usual)


def examine(frame: DataFrame, terms: Suite, values: Mapping[str, Any], look: Look | None = None) -> list[Finding]:
    """What Great Expectations finds, in the suite's order. An expectation that lacks something is passed over, and says so.

    look:   what is looked at; None: the whole of `frame`.
    errors: Mistake for expectations that GX does not know, refuses, or cannot compute; all of them at once.
    """
    look = look or whole_look(frame, values)
    lacking = {name: why for name, e in terms.expectations.items() if (why := _lacks(e, values, look))}
    noted = [name for name, e in terms.expectations.items() if e.type == USUAL and lacking.get(name) == NONE_JUDGED]  # for later days' history
    runnable = {name: filled(e, values) for name, e in terms.expectations.items() if name not in lacking or name in noted}
    completed = _completed(runnable, look)
    built, faults = _built(completed)
    if faults:
        raise Mistake(f"{terms.file} cannot be used", faults, f"Expectations known here: {', '.join(engine().known())}.")
    results: dict[str, Any] = {}
    for place, names in _places(runnable, look).items():
        frame = _frame(place, look, [runnable[name] for name in names])
        joined = with_lookups(frame, [runnable[name] for name in names], look.lookup)
        results |= engine().validate(joined, terms.table, [built[name] for name in names], frame)
    crashed = broken_in(results)
    if crashed:
        raise Mistake(f"{terms.file}: Great Expectations could not compute {len(crashed)} expectations", crashed)
    look.daily |= {name: results[name].result["daily"] for name in noted}
    look.results += [result for name, result in results.items() if name not in noted]
    rows = next((r.result["element_count"] for r in results.values() if r.result.get("element_count") is not None), None)
    return [
        _passed_over(name, e, values, lacking, look)
        if name in lacking
        else _finding(name, completed[name], results[name], rows, look, terms.table, _scope(e, look))
        for name, e in terms.expectations.items()
    ]


def _lacks(expectation: Expectation, values: Mapping[str, Any], look: Look) -> str:
    """What keeps the expectation from being compared, in words; '' where nothing does."""
    unknown = sorted(set(unknown_values(expectation, values)))
    if unknown:
        return not_compared_in_words(f"no {', '.join(unknown).replace('_', ' ')}")
    table = expectation.kwargs.get("table")
    if expectation.type == LOOKED_UP and table and look.lookup(table) is None:
        return not_compared_in_words(f"this shop has no {table}")
    if look.part and expectation.meta.whole:
        return not_compared_in_words("only the whole table can show it")
    if look.nothing and expectation.type not in TABLE_LEVEL:
        return not_compared_in_words("nothing changed")
    if (expectation.type in WINDOWED or (expectation.type == USUAL and expectation.kwargs.get("day"))) and not look.judged:
        return NONE_JUDGED
    return ""


def _completed(expectations: Mapping[str, Expectation], look: Look) -> dict[str, Expectation]:
    """With what the run fills in: history, the days to be judged, and what is computed in one go with others of the kind."""
    completed = {}
    for name, e in expectations.items():
        more: dict[str, Any] = {}
        if e.type == USUAL:
            limits = {**look.usual, "weekly": e.kwargs.get("weekly", True), "least": e.kwargs.get("least", 0.0)}
            more = {
                "together": _together(expectations, e, "metric"),
                "history": json.dumps(dict(look.history(name, e))),
                "limits": json.dumps(limits),
            }
            more |= {"days": list(look.judged) if e.kwargs.get("day") else [look.ds], "place": name}
            more |= {"looked_at": list(look.changed if look.part else look.known.get(name, {}))}
        elif e.type == DISTRIBUTION:
            more = {"together": _together(expectations, e, "bucket"), "first_day": look.window[0], "place": name}
        elif e.type == MEDIANS:
            more = {"first_day": look.window[0]}
        elif e.type == LOOKED_UP:
            condition = FOUND.sub(found_column(lookup_of(e), e.kwargs.get("take", "")), e.kwargs.get("condition", ""))
            more = {"column": e.kwargs["column_list"][0], "condition": condition}
        kept = {key: value for key, value in e.kwargs.items() if key not in ("row_condition", "condition_parser")}
        completed[name] = e.model_copy(update={"kwargs": {**kept, **more}})
    return completed


def _together(expectations: Mapping[str, Expectation], one: Expectation, argument: str) -> str:
    """The SQL of all expectations of this kind that look at the same rows, so that they are computed in one job."""
    same = {n: e.kwargs[argument] for n, e in expectations.items() if e.type == one.type and _kind(e) == _kind(one)}
    return json.dumps(same)


def _kind(expectation: Expectation) -> tuple[Any, ...]:
    return (expectation.kwargs.get("day"), expectation.kwargs.get("window_days"), expectation.kwargs.get("row_condition"))


def _in_whole(expectation: Expectation, look: Look) -> bool:
    """Whether all rows are looked at, although only some days are."""
    return look.part and (expectation.type in TABLE_LEVEL or (expectation.type == USUAL and not expectation.kwargs.get("day")))


Place = tuple[str, str, str]  # kind, days of the window, condition


def _places(expectations: Mapping[str, Expectation], look: Look) -> dict[Place, list[str]]:
    """Which expectations look at the same rows: the `rows` that are looked at, the `whole` table, or a `window` of so many days; all or those that
    meet a condition. GX would look at all rows once more for each condition; the joined look-ups of the others with them.
    """
    places: dict[Place, list[str]] = {}
    for name, e in expectations.items():
        kind = "window" if e.type in WINDOWED else "whole" if _in_whole(e, look) else "rows"
        days = str(e.kwargs["window_days"]) if kind == "window" else ""
        places.setdefault((kind, days, e.kwargs.get("row_condition") or ""), []).append(name)
    return places


def _frame(place: Place, look: Look, expectations: Sequence[Expectation]) -> DataFrame:
    kind, days, condition = place
    frame = look.rows if kind == "rows" else look.whole
    if kind == "window":
        day = F.col(expectations[0].kwargs["day"])
        first = date.fromisoformat(look.window[0]) - timedelta(days=int(days))
        frame = frame.where(day.between(F.lit(first), F.lit(date.fromisoformat(look.window[-1]))))
    return frame.where(condition) if condition else frame


def _built(expectations: Mapping[str, Expectation]) -> tuple[dict[str, Any], list[str]]:
    """GX's own objects by name, and what it refuses."""
    built, faults = {}, []
    for name, expectation in expectations.items():
        try:
            built[name] = engine().build(name, expectation)
        except KeyError:
            faults.append(f"{name}: want an expectation of Great Expectations, have {expectation.type}")
        except ValueError as error:
            faults += [f"{name}: {line}" for line in str(error).splitlines()[1:] or [str(error)]]
    return built, faults


def _passed_over(name: str, expectation: Expectation, values: Mapping[str, Any], lacking: Mapping[str, str], look: Look) -> Finding:
    """What was found when it was last looked at; else that it was not compared."""
    carried = look.carried(name) if look.part else None
    if carried is not None:
        return carried
    kept = {
        key: value for key, value in expectation.kwargs.items() if not unknown_values(expectation.model_copy(update={"kwargs": {key: value}}), values)
    }
    told = filled(expectation.model_copy(update={"kwargs": kept}), values)
    return Finding(
        name, expectation.severity, True, lacking[name], promise_in_words(told), expectation.notes, None, None, look.scope, **_version(told, look)
    )


def _version(expectation: Expectation, look: Look) -> dict[str, int | None]:
    return {"looked_up_version": look.looked_up.get(expectation.kwargs.get("table", ""))}


def _scope(expectation: Expectation, look: Look) -> str:
    if expectation.type in WINDOWED:
        return f"the days from {look.window[0]} to {look.window[-1]}, and the {expectation.kwargs['window_days']} days before them"
    if not _in_whole(expectation, look):
        return look.scope
    return LOG if expectation.type in TABLE_LEVEL and not expectation.kwargs.get("row_condition") else ALL_ROWS


def _finding(name: str, expectation: Expectation, result: Any, rows: int | None, look: Look, table: str, scope: str) -> Finding:
    found = result.result
    about_people = any(column in contract(table).personal for column in expectation.columns)
    broken, count = found.get("unexpected_count"), found.get("element_count", None if expectation.type in WINDOWED else rows)
    value = _value(expectation, found, about_people)
    score: dict[str, Any] = {}
    if expectation.type == USUAL:
        observed = usual_in_words(found["judgement"], look.usual["least_days"], weekly=expectation.kwargs.get("weekly", True))
        look.daily[name] = {day: known for day, known in found["daily"].items() if expectation.kwargs.get("day")}
        if found["judgement"]:
            score = {column: found["judgement"][key] for column, key in (("usual_low", "low"), ("usual_high", "high"), ("anomaly_score", "score"))}
    else:
        noun = expectation.kwargs["by"].removesuffix("_id").replace("_", " ") if expectation.type == MEDIANS else "row"
        observed = found_in_words(expectation, found, about_people=about_people, noun=noun)
    success, promise = bool(result.success), promise_in_words(expectation)
    return Finding(
        name, expectation.severity, success, observed, promise, expectation.notes, count, broken, scope, value, **score, **_version(expectation, look)
    )


def _value(expectation: Expectation, found: Mapping[str, Any], about_people: bool) -> float | None:
    """The share of rows that break it, or the number itself."""
    if found.get("unexpected_count") is not None:
        looked_at = int(found.get("element_count") or 0) - int(found.get("missing_count") or 0)
        return int(found["unexpected_count"]) / looked_at if looked_at else None
    observed = found.get("observed_value")
    personal = about_people and expectation.type not in (*TABLE_LEVEL, USUAL, DISTRIBUTION)
    if personal or isinstance(observed, bool) or not isinstance(observed, int | float):
        return None
    return float(observed)
