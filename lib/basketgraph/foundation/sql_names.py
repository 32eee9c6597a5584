"""Which columns an expression of Spark SQL names, and Spark's complaint about one in a line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession


def names_in(spark: SparkSession, text: str) -> list[str]:
    """The column names that an SQL expression mentions. Raises ParseException."""
    leaves = spark._jsparkSession.sessionState().sqlParser().parseExpression(text).collectLeaves()  # type: ignore[attr-defined]
    found = [leaves.apply(i) for i in range(leaves.size())]
    return sorted({leaf.nameParts().mkString(".") for leaf in found if leaf.nodeName() == "UnresolvedAttribute"})


def short_message(error: PySparkException) -> str:
    """Spark's message without its error class, SQL state, plan and position."""
    message = str(error.getMessage() or error).split("\n")[0]
    return re.sub(r"^\[[A-Z_.]+\]\s*|\s*SQLSTATE:.*$", "", message)[:160]
