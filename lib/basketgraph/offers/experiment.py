"""A randomised campaign as arrays: who was in which arm, what they did after it, and what was known of them before."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from basketgraph.foundation.config import UserError, did_you_mean

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

ARM_ROWS = 100  # an arm of fewer people tells nothing about targeting
LEVEL_ROWS = 50  # a level of fewer people has no column of its own
LEVELS = 50  # of a column at most: the most frequent


@dataclass(frozen=True)
class Experiment:
    """People of a randomised campaign, one row each; rows that look alike are different people.

    features: float64 [people, features], numbers standardised, categories as 0 and 1.
    arm:      int64 [people], the place in `arms`.
    outcome:  float64 [people].
    arms:     names; the first is the control.
    """

    features: Floats
    arm: Ints
    outcome: Floats
    arms: tuple[str, ...]

    @property
    def shares(self) -> Floats:
        """The arms' shares [arms]: the propensity of every person by design, which is never modelled."""
        return np.bincount(self.arm, minlength=len(self.arms)) / len(self.arm)


def read_experiment(path: Path, *, treatment: str, control: str, outcome: str, drop: Sequence[str] = ()) -> tuple[Experiment, pd.DataFrame]:
    """The experiment in a CSV file with a header, and the file's rows as they are.

    treatment: the column that names the arm; control: its value for people who got nothing.
    drop:      columns that were not known before the campaign, or tell nothing.
    errors:    UserError for a file that cannot be read, unknown columns, an arm of fewer than ARM_ROWS people, an outcome that is no number.
    """
    try:
        rows = pd.read_csv(path, converters={treatment: str}, encoding="utf-8-sig", low_memory=False)
    except (OSError, ValueError) as error:  # pandas' own errors of parsing are ValueErrors
        raise UserError(f"{path}: cannot be read", [f"--data: want a CSV file with a header, have: {error}"], "Name such a file.") from None
    named = {"--treatment": [treatment], "--outcome": [outcome], "--drop": drop}
    unknown = [(flag, name) for flag, names in named.items() for name in names if name not in rows.columns]
    if unknown:
        faults = [f"{flag}: want a column, have {name}{did_you_mean(name, rows.columns)}" for flag, name in unknown]
        raise UserError(f"{path}: columns are not there", faults, f"Columns: {', '.join(rows.columns)}.")
    counts = rows[treatment].value_counts()
    if control not in counts.index:
        raise UserError(f"--control: want a value of {treatment}, have {control!r}{did_you_mean(control, counts.index)}", cure=_arms(counts))
    faults = [f"{treatment} = {name}: want {ARM_ROWS} people or more, have {people}" for name, people in counts.items() if people < ARM_ROWS]
    if len(counts) < 2:
        faults.append(f"{treatment}: want the control and another arm, have {control} only")
    if not pd.api.types.is_numeric_dtype(rows[outcome]):
        faults.append(f"{outcome}: want a number in each row, have texts such as {rows[outcome].dropna().iloc[0]!r}")
    elif rows[outcome].isna().any():
        faults.append(f"{outcome}: want a number in each row, have {int(rows[outcome].isna().sum())} rows without")
    if faults:
        raise UserError(f"{path}: no experiment that can be judged", faults, _arms(counts))
    arms = (control, *sorted(set(counts.index) - {control}))
    features = feature_matrix(rows.drop(columns=[treatment, outcome, *drop]))
    arm = pd.Categorical(rows[treatment], categories=arms).codes.astype(np.int64)
    return Experiment(features, arm, rows[outcome].to_numpy(np.float64), arms), rows


def _arms(counts: "pd.Series[int]") -> str:
    return "Values of the treatment's column: " + ", ".join(f"{name} ({people})" for name, people in counts.head(20).items()) + "."


def feature_matrix(rows: pd.DataFrame) -> Floats:
    """Columns as numbers, by their type: float64 [rows, features].

    A number is standardised; where values are missing they become the mean, and a column says so. Anything else is a category with a column of 0
    and 1 for each of its LEVELS most frequent levels of LEVEL_ROWS rows or more; missing is a level.
    """
    columns: list[Floats] = []
    for name in rows.columns:
        values = rows[name]
        if pd.api.types.is_numeric_dtype(values):
            numbers = values.to_numpy(np.float64, na_value=np.nan)
            numbers[~np.isfinite(numbers)] = np.nan
            missing = np.isnan(numbers)
            columns += [missing.astype(np.float64), np.where(missing, np.nanmean(numbers) if not missing.all() else 0.0, numbers)]
        else:
            levels = values.astype(object).where(values.notna(), "").astype(str)
            counts = levels.value_counts()
            kept = counts[counts >= LEVEL_ROWS].index[:LEVELS]
            columns += [(levels == level).to_numpy(np.float64) for level in kept]
    matrix = np.column_stack(columns) if columns else np.zeros((len(rows), 0))
    spread = matrix.std(axis=0)
    told = spread > 0
    standardised: Floats = (matrix[:, told] - matrix[:, told].mean(axis=0)) / spread[told]
    return standardised
