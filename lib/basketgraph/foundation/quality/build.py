"""Building Great Expectations' objects of a suite, with the arguments that the run fills in. Unknown types and arguments are refused."""

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
STAND_INS: dict[str, Any] = {
    "ds": date(2000, 1, 1),
    "previous_rows": 1,
    "later_delivery": "a run",
}  # for checking arguments, which do not depend on the run


def completed(expectations: Mapping[str, Expectation], look: Look) -> dict[str, Expectation]:
    """Fill in the run's arguments: history, the days to be judged, and the SQL that is computed together."""
    complete = {}
    for name, e in expectations.items():
        more: dict[str, Any] = {}
        if e.type == USUAL:
            limits = {**look.usual, "weekly": e.kwargs.get("weekly", True), "least": e.kwargs.get("least", 0.0)}
            more = {
                "together": _together(expectations, e, "metric"),
                "history": json.dumps(dict(look.history(name, e))),
                "limits": json.dumps(limits),
                "days": list(look.judged) if e.kwargs.get("day") else [look.ds],
                "place": name,
                "looked_at": list(look.changed if look.part else look.known.get(name, {})),
            }
        elif e.type == DISTRIBUTION:
            more = {"together": _together(expectations, e, "bucket"), "first_day": look.window[0], "place": name}
        elif e.type == MEDIANS:
            more = {"first_day": look.window[0]}
        elif e.type == LOOKED_UP and all(e.kwargs.get(argument) for argument in NEEDED_TO_LOOK_UP):
            condition = FOUND.sub(found_column(lookup_of(e), e.kwargs.get("take", "")), e.kwargs.get("condition", ""))
            more = {"column": e.kwargs["column_list"][0], "condition": condition}
        kept = {key: value for key, value in e.kwargs.items() if key not in ("row_condition", "condition_parser")}
        complete[name] = e.model_copy(update={"kwargs": {**kept, **more}})
    return complete


def _together(expectations: Mapping[str, Expectation], expectation: Expectation, argument: str) -> str:
    """JSON of name -> SQL of all expectations of this type that read the same rows, so that one job computes them."""

    def rows_read(e: Expectation) -> tuple[Any, ...]:
        return e.type, *map(e.kwargs.get, ("day", "window_days", "row_condition"))

    return json.dumps({name: e.kwargs.get(argument) for name, e in expectations.items() if rows_read(e) == rows_read(expectation)})


def built(expectations: Mapping[str, Expectation]) -> tuple[dict[str, Any], list[str]]:
    """GX's objects by name, and the faults of those that it does not know or refuses."""
    objects: dict[str, Any] = {}
    faults: list[str] = []
    for name, expectation in expectations.items():
        try:
            objects[name] = engine().build(name, expectation)
        except KeyError:
            faults.append(f"{name}: want an expectation of Great Expectations, have {expectation.type}")
        except ValueError as error:
            faults += [f"{name}: {line}" for line in str(error).splitlines()[1:] or [str(error)]]
    return objects, faults


def suites_of(tables: Sequence[str]) -> dict[str, Suite]:
    """Each table's suite. errors: UserError, with the faults of all of them at once."""
    suites, errors = {}, []
    for table in tables:
        try:
            suites[table] = suite(table)
        except UserError as error:
            errors.append(error)
    _raise(errors)
    return suites


def refuse_unusable(suites: Sequence[Suite], settings: QualitySettings) -> None:
    """Raises UserError, with the faults of all suites at once, where GX does not know a type or refuses an argument. Nothing is read."""
    values = {**settings.values, **STAND_INS}
    look = whole_table(cast("DataFrame", None), STAND_INS["ds"], settings)
    faults = [built(completed({name: filled(e, values) for name, e in suite.expectations.items()}, look))[1] for suite in suites]
    _raise([cannot_be_used(suite, of_suite) for suite, of_suite in zip(suites, faults, strict=True) if of_suite])


def cannot_be_used(suite: Suite, faults: Sequence[str]) -> UserError:
    return UserError(f"{suite.file} cannot be used", faults, f"Expectations known here: {', '.join(engine().known())}.")


def _raise(errors: Sequence[UserError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        faults = [f"{error.what}: {fault}" for error in errors for fault in error.faults]
        raise UserError(f"{len(errors)} suites cannot be used", faults, "\n".join(dict.fromkeys(error.cure for error in errors)))
