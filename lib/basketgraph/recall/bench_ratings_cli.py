"""The command `basketgraph bench ratings`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from basketgraph.foundation.progress import running


def ratings(
    data: Annotated[Path, typer.Option(help="`user item rating time` a line, with blanks, tabs, `::` or commas between them")],
    seed: Annotated[int, typer.Option(help="of the folds, of ALS and the intervals")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object as the last line")] = False,
) -> None:
    """Collaborative filtering by the textbook on ratings, on Spark: RMSE over five random folds, and after one cut in time.

    Example: basketgraph bench ratings --data ml-100k/u.data
    """
    from basketgraph.recall.bench_ratings import bench  # Spark loads only when it is wanted

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with running("bench ratings", say=say):
        result = bench(data, seed=seed, say=say)
    if as_json:
        print(json.dumps(result))
        return
    print(f"{'RMSE':24}{'five random folds':>24}{'after the cut in time':>26}")
    for name in result["random_folds"]:
        parts = (result[split][name] for split in ("random_folds", "time_cut"))
        print(f"{name:24}" + "".join(f"{_rmse(part):>{width}}" for part, width in zip(parts, (24, 26), strict=True)))


def _rmse(part: dict[str, float]) -> str:
    return f"{part['rmse']:.4f} [{part['low']:.4f}, {part['high']:.4f}]"
