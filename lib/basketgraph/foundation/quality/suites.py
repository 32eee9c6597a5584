"""What must hold: the suites below expectations/, held against the contracts, with the run's own values filled in."""

from __future__ import annotations

import hashlib
import json
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from basketgraph.foundation.code_hash import module_code
from basketgraph.foundation.config import Settings, UserError, data_files, data_yaml, parsed
from basketgraph.foundation.contracts import contract
from basketgraph.foundation.recommenders import NAMES

COLUMN_ARGUMENTS = ("column", "column_A", "column_B", "column_list", "column_set", "day", "by")
TABLE_LEVEL = ("expect_table_row_count_to_be_between", "expect_column_max_to_be_between")  # Delta's log answers them, or the newest files do
NUMBER = re.compile(r"\d+(\.\d+)?")
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
CHECKS = "basketgraph.foundation.quality.check"  # with all that it imports
OF_THE_RUN = ("ds", "previous_rows", "later_delivery")  # what `${...}` may name beside the settings
DOLLAR = re.compile(r"\$\{[^}]*\}?")
PLACEHOLDER = re.compile(r"\$\{\s*(?P<name>\w+)\s*(?:(?P<sign>[-+*])\s*(?P<other>[\w.]+)\s*)?\}")

Day = Annotated[  # 2026-05-01, which YAML makes a date of, or 12-25 for every year
    str, BeforeValidator(lambda value: f"{value:%Y-%m-%d}" if isinstance(value, date) else value), Field(pattern=r"^(\d{4}-)?\d{2}-\d{2}$")
]


class QualitySettings(Settings):
    """Section `quality` of conf/settings.yaml: the numbers that suites name as `${...}`."""

    history_days: int
    fresh_days: int
    rejected_share: float
    volume_share: float
    whole_days: int
    judged_days: int
    usual_weeks: int
    usual_least_days: int
    usual_score: float
    usual_least_share: float
    closed_days: tuple[Day, ...]
    late_days: int
    late_share: float
    steady_days: int
    shift_index: float
    price_factor: float
    price_share: float
    bot_lines: int
    bot_orders: int
    bot_views: int
    data_docs: bool
    time_zone: str = "UTC"  # no setting: what the shop's mapping says

    @property
    def limits(self) -> dict[str, Any]:
        """Those that a check's verdict depends on."""
        return self.model_dump(exclude={"history_days", "data_docs"})

    @property
    def values(self) -> dict[str, Any]:
        """What `${...}` may name, beside the values of the run; `KNOWN_VALUES` are the names."""
        scores = ", ".join(f"{name}_score" for name in NAMES)
        return {**self.model_dump(), "on_time_share": 1 - self.late_share, "steady_price_share": 1 - self.price_share, "recommender_scores": scores}

    @property
    def usual(self) -> dict[str, Any]:
        """As basketgraph.foundation.quality.anomaly.Limits takes them."""
        return {
            "weeks": self.usual_weeks,
            "least_days": self.usual_least_days,
            "score": self.usual_score,
            "least_share": self.usual_least_share,
            "closed": list(self.closed_days),
        }


KNOWN_VALUES = (*QualitySettings.model_fields, "on_time_share", "steady_price_share", "recommender_scores", *OF_THE_RUN)


class Meta(Settings):
    """promise: the limit in words. name: what tells the check from others of its type, where columns do not. whole: says something about the whole
    table only, so that it is left out where only changed days are looked at.
    """

    promise: str = ""
    name: str = ""
    whole: bool = False


class Expectation(Settings):
    """One expectation, in Great Expectations' own vocabulary. `notes` is the limit's reason."""

    type: str
    kwargs: dict[str, Any]
    severity: Literal["critical", "warning"]
    notes: str
    meta: Meta = Meta()

    @property
    def columns(self) -> list[str]:
        """The columns that it names."""
        named = [self.kwargs.get(argument) for argument in COLUMN_ARGUMENTS]
        return [column for value in named for column in (value if isinstance(value, list) else [value]) if column is not None]


class SuiteFile(Settings):
    name: str
    expectations: list[Expectation]


@dataclass(frozen=True)
class Suite:
    """A table's expectations, each under the name that ops.quality_results and people call it by."""

    table: str
    expectations: Mapping[str, Expectation]

    @property
    def file(self) -> str:
        return suite_file(self.table)

    def hash(self, limits: Mapping[str, Any]) -> str:
        """Of all that a verdict depends on besides the rows: the expectations, the settings and the code that checks."""
        terms = [(name, e.type, e.kwargs, e.severity, e.meta.whole) for name, e in self.expectations.items()]
        return hashlib.sha256(json.dumps([terms, limits, module_code(CHECKS)], sort_keys=True, default=str).encode()).hexdigest()[:16]


def suite_file(table: str) -> str:
    return f"expectations/{table.replace('.', '/')}.yaml"


def suite(table: str) -> Suite:
    """The suite of `<layer>.<table>`.

    errors: UserError, with every fault at once, for keys it does not know, columns that the contract lacks, limits without a reason and `${...}` that
            name no value: a promise about it would never be compared.
    """
    relative = suite_file(table)
    content = parsed(SuiteFile, data_yaml(relative), relative)
    faults = [] if content.name == table else [f"name: want {table}, have {content.name}"]
    expectations: dict[str, Expectation] = {}
    for number, e in enumerate(content.expectations):
        other = e.kwargs.get("table")
        columns = [(table, column) for column in e.columns] + [(other, key) for key in e.kwargs.get("keys", []) if isinstance(other, str)]
        wrong = [f"want a column of {contract(of).file}, have {column}" for of, column in columns if column not in contract(of).columns]
        wrong += [*_misnamed(e), *([] if e.notes.strip() else ["want the reason of the limit in `notes`, have nothing"])]
        faults += [f"expectations[{number}] {e.type}: {fault}" for fault in wrong]
        expectations[_unique_name(e, expectations)] = e
    if faults:
        raise UserError(f"{relative} cannot be used", faults, f"Columns of {table}: {', '.join(contract(table).columns)}.")
    return Suite(table, expectations)


def _misnamed(expectation: Expectation) -> Iterator[str]:
    """What is wrong with its `${...}`."""
    for text in (*_texts(expectation.kwargs), expectation.meta.promise):
        for placeholder in DOLLAR.findall(text):
            if not PLACEHOLDER.fullmatch(placeholder):
                yield f"want ${{name}}, or ${{name * other}} with one of - + *, have {placeholder}"
            for name in _names(placeholder):
                if name not in KNOWN_VALUES:
                    yield f"want a value of the run or a key of settings.quality, have {name} in {placeholder}"


def _unique_name(expectation: Expectation, taken: Mapping[str, Any]) -> str:
    subject = expectation.meta.name or ",".join(expectation.columns)
    name = f"{expectation.type.removeprefix('expect_')}{f':{subject}' if subject else ''}"
    same = sum(1 for other in taken if other == name or other.startswith(f"{name}#"))
    return f"{name}#{same + 1}" if same else name


def suites() -> dict[str, Suite]:
    """Every suite by table, in order of layer and name."""
    tables = [f"{layer}.{stem}" for layer in ("silver", "gold", "ops") for stem, _ in data_files(f"expectations/{layer}")]
    return {table: suite(table) for table in tables}


def unknown_names(limits: Any, values: Mapping[str, Any]) -> list[str]:
    """The names in the `${...}` of limits for which the run has no value: not in `values`, or None there."""
    return [name for name in _names(limits) if values.get(name) is None]


def uses(expectation: Expectation, name: str) -> bool:
    """Whether a limit of it names the value `name`."""
    return name in _names(expectation.kwargs)


def filled(expectation: Expectation, values: Mapping[str, Any]) -> Expectation:
    """`${ds}`, `${ds - fresh_days}`, `${previous_rows * volume_share}` and the like replaced by the run's values; also in the promise.

    A string that is one placeholder and nothing else takes the value's own type; days become ISO text.
    """
    kwargs = {key: _filled(value, values) for key, value in expectation.kwargs.items()}
    promise = str(_filled(expectation.meta.promise, values))
    return expectation.model_copy(update={"kwargs": kwargs, "meta": expectation.meta.model_copy(update={"promise": promise})})


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)


def _names(value: Any) -> list[str]:
    """What the `${...}` in these texts name, numbers left out."""
    named = [name for text in _texts(value) for match in PLACEHOLDER.finditer(text) for name in match.group("name", "other")]
    return [name for name in named if name and not NUMBER.fullmatch(name)]


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    if isinstance(value, Mapping):
        return {key: _filled(inner, values) for key, inner in value.items()}
    if not isinstance(value, str):
        return value
    whole = PLACEHOLDER.fullmatch(value)
    return _value(whole, values) if whole else PLACEHOLDER.sub(lambda match: str(_value(match, values)), value)


def _value(match: re.Match[str], values: Mapping[str, Any]) -> Any:
    value = values[match["name"]]
    text = match["other"]
    if value is None or (text in values and values[text] is None):
        return "(not known yet)"  # in a promise; a limit that names it is passed over
    if match["sign"]:
        other = values[text] if text in values else float(text) if "." in text else int(text)
        result = OPERATORS[match["sign"]](value, timedelta(days=other) if isinstance(value, date) else other)
        value = math.ceil(result) if isinstance(value, int) else result  # 0.9 of 9 rows are 9: rows are whole
    return value.isoformat() if isinstance(value, date) else value
