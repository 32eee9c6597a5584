"""Minor units of currencies (ISO 4217): in Python, in SQL, and amounts in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iso4217 import Currency

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

USUAL = 100  # minor units that make one, also of codes that nobody knows
# Withdrawn since 2006: the package has the current list only, and a shop's log may be older.
WITHDRAWN = {"BYR": 1} | dict.fromkeys(
    "ANG BGN CSD CUC CYP EEK GHC HRK LTL LVL MRO MTL MZM SDD SIT SKK SLL STD TMM VEB VEF ZMK ZWL".split(),  # noqa: SIM905 - one a line is longer
    USUAL,
)
UNITS: dict[str, int] = WITHDRAWN | {one.code: 10**one.exponent for one in Currency if one.exponent is not None}  # metals have none
CODES = frozenset(UNITS)
FUNCTION = "minor_units"  # what expressions of mappings call


def minor_units(code: str) -> int:
    """How many minor units make one of a currency: 100 cents a euro, 1 a yen, 1000 fils a dinar of Kuwait."""
    return UNITS.get(code, USUAL)


def minor_units_sql(code: str) -> str:
    """`minor_units` as SQL. code: an expression for the currency's code."""
    alike: dict[int, list[str]] = {}
    for name, units in sorted(UNITS.items()):
        alike.setdefault(units, []).append(f"'{name}'")
    cases = [f"WHEN {code} IN ({', '.join(names)}) THEN {units}" for units, names in sorted(alike.items()) if units != USUAL]
    return f"CASE {' '.join(cases)} ELSE {USUAL} END"


def register(spark: SparkSession) -> None:
    """Let the session's SQL know FUNCTION. Spark puts its body in place of each call, so that it costs no more than the CASE itself."""
    spark.sql(f"CREATE OR REPLACE TEMPORARY FUNCTION {FUNCTION}(code STRING) RETURNS INT RETURN {minor_units_sql('code')}")


def number_in_words(amount_minor: float, code: str) -> str:
    """1,234.50 of 123450 cents: as many decimals as the currency has."""
    units = minor_units(code)
    return f"{amount_minor / units:,.{len(str(units)) - 1}f}"
