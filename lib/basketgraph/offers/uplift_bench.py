"""`basketgraph bench uplift`: an experiment in a CSV file, judged."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from basketgraph.foundation.config import UserError
from basketgraph.foundation.runs.memory import PeakMemory
from basketgraph.offers.experiment import read_experiment
from basketgraph.offers.rules import named_by_arm, rule_values
from basketgraph.offers.uplift_report import judge_experiment


def bench(
    data: Path,
    *,
    treatment: str,
    control: str,
    outcome: str,
    drop: Sequence[str] = (),
    rules: Sequence[str] = (),
    costs: Sequence[str] = (),
    seed: int = 0,
) -> dict[str, Any]:
    """See `judge_experiment`; also people, seconds, peak_memory_bytes, seed.

    rules: `ARM=SQL` over the file's columns, in Spark SQL, which is started for them only. costs: `ARM=NUMBER`.
    errors: UserError as of `read_experiment`, `named_by_arm` and `rule_values`.
    """
    started = time.monotonic()
    with PeakMemory(seconds=1.0) as memory:
        experiment, rows = read_experiment(data, treatment=treatment, control=control, outcome=outcome, drop=drop)
        of_arms = named_by_arm("--rule", rules, experiment.arms)
        amounts = {arm: _amount(text) for arm, text in named_by_arm("--cost", costs, experiment.arms).items()}
        numbers = {}
        if of_arms:
            from basketgraph.foundation.runs.session import session_without_shop

            numbers = rule_values(session_without_shop("basketgraph bench uplift"), rows, of_arms)
        result = judge_experiment(experiment, rules=numbers, costs=amounts, seed=seed)
    seconds = round(time.monotonic() - started, 2)
    return {**result, "people": len(experiment.arm), "seconds": seconds, "peak_memory_bytes": memory.peak, "seed": seed}


def _amount(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"--cost: want ARM=NUMBER, have {text!r} for the number") from None
