"""The command `basketgraph bench search`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from basketgraph.foundation.progress import running


def search(
    titles: Annotated[Path, typer.Option(help="`id<TAB>title` a line, no header")],
    queries: Annotated[Path, typer.Option(help="`query<TAB>relevant ids, comma separated` a line, no header")],
    seed: Annotated[int, typer.Option(help="of the intervals")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object as the last line")] = False,
) -> None:
    """Answer questions by titles: by words, by character n-grams, by a transformer's vectors, and routed between them, without Spark.

    Example: basketgraph bench search --titles titles.tsv --queries needs.tsv
    """
    from basketgraph.content.search_bench import bench  # scipy and onnxruntime load only when they are wanted

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with running("bench search", say=say):
        result = bench(titles, queries, seed=seed, say=say)
    if as_json:
        print(json.dumps(result))
        return
    for name in ("lexical", "ngram", "dense", "routed"):
        found = result[name]
        of_ten = f"hit@10 {found['hit@10']:.3f} ({found['low']:.3f} .. {found['high']:.3f})  P@10 {found['p@10']:.3f}"
        print(f"{name:8} hit@1 {found['hit@1']:.3f}  {of_ten}  MRR {found['mrr']:.3f}")
    took = f"{result['milliseconds_per_query']:.1f} ms a query, {result['seconds']:.0f} s in all"
    print(f"{result['queries']:,} queries, {result['skipped']:,} skipped; {took}")
