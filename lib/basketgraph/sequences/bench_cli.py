"""The command `basketgraph bench sequences`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from basketgraph.foundation.progress import running


def sequences(
    data: Annotated[Path, typer.Option(help="`user item item ...` a line, in time order; the last item is the test, the one before it validation")],
    minutes: Annotated[float, typer.Option(help="training time of the Transformer")] = 5.0,
    ranks: Annotated[int, typer.Option(help="Horovod ranks; 1 needs no Horovod", min=1)] = 1,
    dim: Annotated[int | None, typer.Option(help="width of the Transformer; without, that of its settings", min=2)] = None,
    epochs: Annotated[int | None, typer.Option(help="passes over the sequences at most; without, that of its settings", min=1)] = None,
    seed: Annotated[int, typer.Option(help="of the start, the batches, the negatives and dropout")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object as the last line")] = False,
) -> None:
    """Predict each person's last item: popularity, transition counts, a Transformer, and a blend of both, without Spark."""
    from basketgraph.sequences.bench import bench  # torch loads only when it is wanted
    from basketgraph.sequences.settings import SequenceSettings

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    given = {"dim": dim, "epochs": epochs}
    fixed = {name: value for name, value in given.items() if value is not None}
    settings = SequenceSettings.model_validate({"minutes": minutes, "seed": seed, **fixed})
    with running("bench sequences", say=say):
        result = bench(data, settings, ranks=ranks, say=say)
    if as_json:
        print(json.dumps(result))
        return
    for name in ("popularity", "counts", "transformer", "blend"):
        found = result[name]
        print(f"{name:12} HR@10 {found['hr@10']:.4f} ({found['low']:.4f} .. {found['high']:.4f})  NDCG@10 {found['ndcg@10']:.4f}")
    gain = result["gain"]
    print(f"blend less counts: HR@10 {gain['hr@10']:+.4f} ({gain['low']:+.4f} .. {gain['high']:+.4f}); {result['seconds']:.0f} s")
