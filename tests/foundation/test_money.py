"""Minor units follow ISO 4217, in Python and in SQL."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.money import CODES, FUNCTION, minor_units, number_in_words, register


@pytest.mark.parametrize(("code", "units"), [("EUR", 100), ("JPY", 1), ("XOF", 1), ("KWD", 1000), ("IQD", 1000), ("CLF", 10_000)])
def test_units_are_those_of_the_standard_not_of_custom(code: str, units: int) -> None:
    assert minor_units(code) == units
    assert code in CODES


def test_withdrawn_codes_are_known_and_what_no_money_is_is_not() -> None:
    assert {"BGN", "HRK", "BYR"} <= CODES
    assert not {"XXX", "XAU", "XTS", "USA", "ABC"} & CODES
    assert (minor_units("BYR"), minor_units("XXX")) == (1, 100)


def test_amounts_have_as_many_decimals_as_their_currency() -> None:
    assert [number_in_words(1234567, code) for code in ("EUR", "JPY", "KWD")] == ["12,345.67", "1,234,567", "1,234.567"]


def test_sql_knows_the_units_of_all_codes(spark: SparkSession) -> None:
    register(spark)
    codes = spark.createDataFrame([(code,) for code in [*sorted(CODES), "XXX", None]], "code string")
    found = {row["code"]: row["units"] for row in codes.selectExpr("code", f"{FUNCTION}(code) as units").collect()}
    assert found == {code: minor_units(code) for code in [*CODES, "XXX"]} | {None: 100}
