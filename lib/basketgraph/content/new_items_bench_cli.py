"""The command `basketgraph bench new-items`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from basketgraph.foundation.config import UserError
from basketgraph.foundation.progress import running


def new_items(
    train: Annotated[Path | None, typer.Option(help="`user item item ...` a line, in time order")] = None,
    test: Annotated[Path | None, typer.Option(help="the same of the time after it; candidates are its items that no training line has")] = None,
    titles: Annotated[Path | None, typer.Option(help="`id<TAB>title` a line, no header")] = None,
    data: Annotated[Path | None, typer.Option(help="instead of these three: `user item item ...` a line")] = None,
    attributes: Annotated[Path | None, typer.Option(help="JSON with the attributes of the items of --data: {item: [ids]}")] = None,
    held_out: Annotated[float, typer.Option(help="the share of the items of --data that are held out at random", min=0.01, max=0.9)] = 0.15,
    seed: Annotated[int, typer.Option(help="of the items held out, the people of the validation and the intervals")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object as the last line")] = False,
) -> None:
    """Recommend items that nobody has yet, by their titles or attributes: Recall@20 of words, encoder, ridge and their blend, without Spark.

    Example: basketgraph bench new-items --train to_march.txt --test from_april.txt --titles titles.tsv
    """
    from basketgraph.content.new_items_bench import bench_attributes, bench_titles  # scipy and onnxruntime load only when they are wanted

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    by_titles, by_attributes = (train, test, titles), (data, attributes)
    with running("bench new-items", say=say):
        if train and test and titles and not any(by_attributes):
            result = bench_titles(train, test, titles, seed=seed, say=say)
        elif data and attributes and not any(by_titles):
            result = bench_attributes(data, attributes, held_out_share=held_out, seed=seed, say=say)
        else:
            given = {"train": train, "test": test, "titles": titles, "data": data, "attributes": attributes}
            have = " ".join(f"--{name}" for name, path in given.items() if path) or "none of them"
            fault = f"flags: want --train, --test and --titles, or --data and --attributes, have {have}"
            raise UserError("bench new-items: files are missing", [fault], "Give all files of one of the two.")
    if as_json:
        print(json.dumps(result))
        return
    for name in ("popularity", "words", "encoder", "ridge", "blend"):
        if (found := result[name]) is not None:
            print(f"{name:10} Recall@20 {found['recall@20']:.4f} ({found['low']:.4f} .. {found['high']:.4f})")
    gain = result["gain"]
    print(f"blend less words: {gain['recall@20']:+.4f} ({gain['low']:+.4f} .. {gain['high']:+.4f}); {result['seconds']:.0f} s")
    if (places := result.get("places")) is not None:
        print(f"places of a list for new items, by the validation: {places['chosen']}")
        for number, gains in places["gains"].items():
            told = (f"{name} {of[f'{name}@20']:+.4f} ({of['low']:+.4f} .. {of['high']:+.4f})" for name, of in gains.items())
            print(f"{number} places: {', '.join(told)}")
