"""The command `basketgraph bench graph`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from basketgraph.foundation.progress import running


def graph(
    train: Annotated[Path, typer.Option(help="training edges: `user item item ...` a line")],
    test: Annotated[Path, typer.Option(help="test edges, in the same format")],
    valid: Annotated[Path | None, typer.Option(help="validation edges for --tune; without, a tenth of the training edges")] = None,
    tune: Annotated[bool, typer.Option("--tune", help="choose temperature, own weight, epochs and beta on validation edges")] = False,
    dim: Annotated[int, typer.Option(help="width of the embeddings", min=2)] = 64,
    ranks: Annotated[int, typer.Option(help="Horovod ranks; 1 needs no Horovod", min=1)] = 1,
    epochs: Annotated[int | None, typer.Option(help="passes over the users; without, the recipe's or the tuned number", min=1)] = None,
    seed: Annotated[int, typer.Option(help="of the start, the batches and the validation split")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object as the last line")] = False,
) -> None:
    """Train the graph recommender on a plain edge list and score it on another: Recall@20 and NDCG@20, without Spark."""
    from basketgraph.graph.bench import bench  # torch loads only when it is wanted

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with running("bench graph", say=say):
        result = bench(train, test, valid_file=valid, tuned=tune, dim=dim, ranks=ranks, epochs=epochs, seed=seed, say=say)
    if as_json:
        print(json.dumps(result))
    else:
        print(f"Recall@20 {result['recall@20']:.4f}  NDCG@20 {result['ndcg@20']:.4f}  {result['seconds']:.1f} s")
