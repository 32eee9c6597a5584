"""Which columns an expression of Spark SQL names, and Spark's complaint about one in a line: of its form, or of a row that it fails on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.errors import PySparkException
    from pyspark.sql import Column, DataFrame, SparkSession

CURE_OF_ROWS = (
    "Mend the expression: try_cast(... AS int) and try_divide give null where a value is no number, and a condition that is null does not hold."
)


def names_in(spark: SparkSession, text: str) -> list[str]:
    """The column names that an SQL expression mentions. Raises ParseException."""
    leaves = spark._jsparkSession.sessionState().sqlParser().parseExpression(text).collectLeaves()  # type: ignore[attr-defined]
    found = [leaves.apply(i) for i in range(leaves.size())]
    return sorted({leaf.nameParts().mkString(".") for leaf in found if leaf.nodeName() == "UnresolvedAttribute"})


def short_message(error: PySparkException) -> str:
    """Spark's message without its error class, SQL state, plan and position."""
    message = str(error.getMessage() or error).split("\n")[0]
    return re.sub(r"^\[[A-Z_.]+\]\s*|\s*SQLSTATE:.*$", "", message)[:160]


def row_faults(rows: DataFrame, expressions: Mapping[str, Column]) -> dict[str, str]:
    """The expressions that cannot be worked out for every row, as a text is cast that is no number: name -> Spark's complaint, without the value.

    One pass over the rows where all can be; one for each expression where any cannot.
    """
    if _row_fault(rows, [*expressions.values()]) is None:
        return {}
    found = {name: _row_fault(rows, [expression]) for name, expression in expressions.items()}
    return {name: fault for name, fault in found.items() if fault is not None}


def _row_fault(rows: DataFrame, expressions: list[Column]) -> str | None:
    from pyspark.errors import ArithmeticException, ArrayIndexOutOfBoundsException, DateTimeException, NumberFormatException, SparkRuntimeException
    from pyspark.sql import functions as F

    of_a_row = (ArithmeticException, ArrayIndexOutOfBoundsException, DateTimeException, NumberFormatException, SparkRuntimeException)
    if not expressions:
        return None
    try:
        rows.agg(*(F.max(expression) for expression in expressions)).collect()  # a count would not work out a text that is not null
    except of_a_row as error:
        return re.sub(r"\bThe value '.*?' of the type", "A value of the type", short_message(error))
    return None
