"""The command `basketgraph bench related`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from basketgraph.foundation.progress import running


def related(
    train: Annotated[Path, typer.Option(help="`user item item ...` a line, in time order")],
    test: Annotated[Path, typer.Option(help="the same of the time after it; judged are its items that no training line has")],
    titles: Annotated[Path, typer.Option(help="`id<TAB>title` a line, no header")],
    seed: Annotated[int, typer.Option(help="of the training and the intervals")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object as the last line")] = False,
) -> None:
    """Which known items people have together with a new one, by its title: frozen text vectors, and fine-tuned ones, without Spark.

    Example: basketgraph bench related --train to_march.txt --test from_april.txt --titles titles.tsv
    """
    from basketgraph.content.related_bench import bench_related  # scipy, torch and onnxruntime load only when they are wanted

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with running("bench related", say=say):
        result = bench_related(train, test, titles, seed=seed, say=say)
    if as_json:
        print(json.dumps(result))
        return
    for name in ("words", "encoder", "tuned", "encoder_words", "tuned_words"):
        found = result[name]
        print(f"{name:14} Recall@20 {found['recall@20']:.4f} ({found['low']:.4f} .. {found['high']:.4f})")
    gain, verdict = result["gain"], "kept" if result["kept"] else "not kept"
    told = f"{gain['recall@20']:+.4f} ({gain['low']:+.4f} .. {gain['high']:+.4f})"
    print(f"tuned less frozen, both with words: {told}; the validation says: {verdict}; {result['judged']:,} items, {result['seconds']:.0f} s")
