"""Business rules as SQL: a number for each person, higher first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from basketgraph.foundation.config import UserError, did_you_mean
from basketgraph.foundation.sql_names import CURE_OF_ROWS, row_faults

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession

    from basketgraph.offers.experiment import Floats


def named_by_arm(flag: str, texts: Sequence[str], arms: Sequence[str]) -> dict[int, str]:
    """What `ARM=TEXT` says of each treated arm; an arm's name may hold `=`, too.

    errors: UserError for each text that names no treated arm, and for an arm that is named twice.
    """
    by_arm: dict[int, str] = {}
    faults = []
    for text in texts:
        arm = next((arm for arm, name in enumerate(arms) if arm > 0 and text.startswith(f"{name}=")), None)
        if arm is None:
            faults.append(f"{flag}: want ARM=..., have {text!r}{did_you_mean(text.partition('=')[0], arms[1:])}")
        elif arm in by_arm:
            faults.append(f"{flag}: want one for each arm, have another for {arms[arm]}")
        else:
            by_arm[arm] = text[len(arms[arm]) + 1 :]
    if faults:
        raise UserError(f"{flag} cannot be used", faults, f"Arms: {', '.join(arms[1:])}.")
    return by_arm


def rule_values(spark: SparkSession, rows: pd.DataFrame, rules: Mapping[int, str]) -> dict[int, Floats]:
    """The rules worked out for each row: by arm, float64 [rows], -inf where a rule gives null.

    rows:   with the columns that the rules name; a missing value is null.
    rules:  by arm, an expression of Spark SQL that gives a number.
    errors: UserError with every rule that Spark cannot use, or cannot work out for every row.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql import functions as F

    table = spark.createDataFrame(pa.Table.from_pandas(rows, preserve_index=False))
    faults = []
    for rule in rules.values():
        try:
            table.selectExpr(f"CAST(({rule}) AS DOUBLE)")
        except PySparkException as error:
            faults.append(f"{rule}: want an expression over {', '.join(rows.columns)}, have: {str(error).splitlines()[0]}")
    if faults:
        raise UserError("--rule: Spark SQL cannot use it", faults, "Write it as in a SELECT; names of odd letters go between backticks.")
    if of_rows := row_faults(table, {rule: F.expr(f"CAST(({rule}) AS DOUBLE)") for rule in rules.values()}):
        raise UserError("--rule: some rows have no number by it", [f"{rule}: {fault}" for rule, fault in of_rows.items()], CURE_OF_ROWS)
    values = table.selectExpr(*[f"CAST(({rule}) AS DOUBLE) AS rule_{arm}" for arm, rule in rules.items()]).toArrow()
    numbers = {arm: values[f"rule_{arm}"].to_numpy() for arm in rules}  # a null is NaN there
    return {arm: np.where(np.isnan(of_arm), -np.inf, of_arm) for arm, of_arm in numbers.items()}
