"""Great Expectations' objects of a suite: what the run fills in, and what GX does not know or refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, cast

from basketgraph.foundation.config import UserError
from basketgraph.foundation.quality.check_scope import Look, whole_table
from basketgraph.foundation.quality.engine import engine
from basketgraph.foundation.quality.lookups import found_column, lookup_of
from basketgraph.foundation.quality.metrics import DISTRIBUTION, LOOKED_UP, MEDIANS, USUAL
from basketgraph.foundation.quality.suites import Expectation, QualitySettings, Suite, filled, suite

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FOUND = re.compile(r"\bfound\b")
NEEDED_TO_LOOK_UP = ("table", "column_list", "keys")  # GX says which of them is missing
STAND_INS: dict[str, Any] = {"ds": date(2000, 1, 1), "previous_rows": 1, "later_delivery": "a run"}  # arguments are the same for every run


def completed(expectations: Mapping[str, Expectation], look: Look) -> dict[str, Expectation]:
    """With what the run fills in: history, the days to be judged, and what is computed in one go with others of the kind."""
    filled_in = {}
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
        elif e.type == LOOKED_UP and all(e.kwargs.get(argument) for argument in NEEDED_TO_LOOK_UP):
            condition = FOUND.sub(found_column(lookup_of(e), e.kwargs.get("take", "")), e.kwargs.get("condition", ""))
            more = {"column": e.kwargs["column_list"][0], "condition": condition}
        kept = {key: value for key, value in e.kwargs.items() if key not in ("row_condition", "condition_parser")}
        filled_in[name] = e.model_copy(update={"kwargs": {**kept, **more}})
    return filled_in


def _together(expectations: Mapping[str, Expectation], one: Expectation, argument: str) -> str:
    """The SQL of all expectations of this kind that look at the same rows, so that they are computed in one job."""
    same = {n: e.kwargs.get(argument) for n, e in expectations.items() if e.type == one.type and _kind(e) == _kind(one)}
    return json.dumps(same)


def _kind(expectation: Expectation) -> tuple[Any, ...]:
    return (expectation.kwargs.get("day"), expectation.kwargs.get("window_days"), expectation.kwargs.get("row_condition"))


def built(expectations: Mapping[str, Expectation]) -> tuple[dict[str, Any], list[str]]:
    """GX's own objects by name, and what it refuses."""
    made: dict[str, Any] = {}
    faults: list[str] = []
    for name, expectation in expectations.items():
        try:
            made[name] = engine().build(name, expectation)
        except KeyError:
            faults.append(f"{name}: want an expectation of Great Expectations, have {expectation.type}")
        except ValueError as error:
            faults += [f"{name}: {line}" for line in str(error).splitlines()[1:] or [str(error)]]
    return made, faults


def suites_of(tables: Sequence[str]) -> dict[str, Suite]:
    """Each table's suite. errors: UserError, with the faults of all of them at once."""
    found, mistakes = {}, []
    for table in tables:
        try:
            found[table] = suite(table)
        except UserError as mistake:
            mistakes.append(mistake)
    _raise(mistakes)
    return found


def refuse_unusable(suites: Sequence[Suite], settings: QualitySettings) -> None:
    """Raises UserError, with the faults of all suites at once, where GX does not know a type or refuses an argument. Nothing is read."""
    values, mistakes = {**settings.values, **STAND_INS}, []
    look = whole_table(cast("DataFrame", None), STAND_INS["ds"], settings)
    for terms in suites:
        _, faults = built(completed({name: filled(e, values) for name, e in terms.expectations.items()}, look))
        if faults:
            mistakes.append(cannot_be_used(terms, faults))
    _raise(mistakes)


def cannot_be_used(terms: Suite, faults: Sequence[str]) -> UserError:
    return UserError(f"{terms.file} cannot be used", faults, f"Expectations known here: {', '.join(engine().known())}.")


def _raise(mistakes: Sequence[UserError]) -> None:
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        faults = [f"{mistake.what}: {fault}" for mistake in mistakes for fault in mistake.faults]
        raise UserError(f"{len(mistakes)} suites cannot be used", faults, "\n".join(dict.fromkeys(mistake.cure for mistake in mistakes)))
