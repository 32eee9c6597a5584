"""The command `basketgraph bench sessions`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from basketgraph.foundation.progress import running


def sessions(
    train: Annotated[Path, typer.Option(help="training sessions in the order of time: `session item item ...` a line, in the order of clicks")],
    test: Annotated[Path, typer.Option(help="sessions after them, in the same format")],
    valid: Annotated[Path | None, typer.Option(help="sessions to learn weights on; without, the last fifth of the training sessions")] = None,
    seed: Annotated[int, typer.Option(help="of the trees and the intervals")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object as the last line")] = False,
) -> None:
    """Predict the next click of a session from the clicks before it: hit rate and mean reciprocal rank at 20, without Spark.

    Example: basketgraph bench sessions --train days_1_to_6.txt --test day_7.txt
    """
    from basketgraph.recall.bench_sessions import bench  # scipy loads only when it is wanted

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with running("bench sessions", say=say):
        result = bench(train, test, valid_file=valid, seed=seed, say=say)
    if as_json:
        print(json.dumps(result))
        return
    print(f"{'HR@20/MRR@20':14}{'all clicks':>14}{'another item than the click before':>38}")
    for name in ("popularity", "transitions", "neighbours", "shipped"):
        every, different = (f"{result[name][f'hr@20{part}']:.3f}/{result[name][f'mrr@20{part}']:.3f}" for part in ("", "_different"))
        print(f"{name:14}{every:>14}{different:>38}")
