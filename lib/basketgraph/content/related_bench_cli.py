"""The command `basketgraph bench related`."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from basketgraph.foundation.progress import running


class Tune(StrEnum):
    """What is trained."""

    head = "head"
    lora = "lora"
    full = "full"


def related(
    train: Annotated[Path, typer.Option(help="`user item item ...` a line, in time order")],
    test: Annotated[Path, typer.Option(help="the same of the time after it; judged are its items that no training line has")],
    titles: Annotated[Path, typer.Option(help="`id<TAB>title` a line, no header")],
    tune: Annotated[Tune, typer.Option(help="a linear head on frozen vectors, or the encoder's weights: low-rank additions, or all")] = Tune.head,
    model: Annotated[Path | None, typer.Option(help="for lora and full: folder with config.json, model.safetensors, tokenizer.json")] = None,
    ranks: Annotated[int, typer.Option(help="for lora and full: Horovod ranks", min=1)] = 1,
    steps: Annotated[int | None, typer.Option(help="of the training, at most; the validation chooses", min=1)] = None,
    seed: Annotated[int, typer.Option(help="of the training and the intervals")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object as the last line")] = False,
) -> None:
    """Which known items people have together with a new one, by its title: frozen text vectors, and fine-tuned ones, without Spark.

    Several lines of a person are their baskets: what lies in one basket counts beside what one person has.

    Example: basketgraph bench related --train to_march.txt --test from_april.txt --titles titles.tsv
    """
    from basketgraph.content.related_bench import bench_related  # scipy, torch and onnxruntime load only when they are wanted
    from basketgraph.content.tuners import Tuning

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with running("bench related", say=say):
        result = bench_related(train, test, titles, Tuning(tune.value, model, ranks, steps, seed), say=say)
    if as_json:
        print(json.dumps(result))
        return
    for name in ("words", "encoder", "tuned", "encoder_words", "tuned_words", "new_items_encoder", "new_items_tuned"):
        if (found := result.get(name)) is not None:
            print(f"{name:18} Recall@20 {found['recall@20']:.4f} ({found['low']:.4f} .. {found['high']:.4f})")
    gain, verdict = result["gain"], "kept" if result["kept"] else "not kept"
    told = f"{gain['recall@20']:+.4f} ({gain['low']:+.4f} .. {gain['high']:+.4f})"
    print(f"tuned less frozen, both with words: {told}; the validation says: {verdict}; {result['judged']:,} items")
    print(f"{result['tune']}: {result['steps']} steps in {result['training_seconds']:.0f} s; {result['seconds']:.0f} s in all")
