"""The command `basketgraph bench reviews`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from basketgraph.foundation.progress import running


def reviews(
    data: Annotated[Path, typer.Option(help="CSV with a header, or Parquet; a review a row")],
    text: Annotated[list[str], typer.Option(help="a column of the review's words; may be given several times")],
    label: Annotated[str, typer.Option(help="the column to predict: whether the product is recommended, its department, ...")],
    learn: Annotated[int, typer.Option(help="reviews to learn from", min=50)] = 6_000,
    few: Annotated[int, typer.Option(help="so many of them alone, in a second try", min=50)] = 200,
    judge: Annotated[int, typer.Option(help="other reviews to be judged by, at most", min=50)] = 4_000,
    seed: Annotated[int, typer.Option(help="of the draw and of the intervals")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object as the last line")] = False,
) -> None:
    """Predict a label of reviews from their words: by words, characters, a transformer's vectors, and words with vectors, without Spark.

    Example: basketgraph bench reviews --data reviews.parquet --text Title --text 'Review Text' --label 'Recommended IND'
    """
    from basketgraph.content.reviews_bench import bench_reviews  # scipy and onnxruntime load only when they are wanted
    from basketgraph.content.text_spaces import SPACES

    def say(told: str) -> None:
        print(told, file=sys.stderr, flush=True)

    with running("bench reviews", say=say):
        result = bench_reviews(data, text, label, learn=learn, few=few, judge=judge, seed=seed, say=say)
    if as_json:
        print(json.dumps(result))
        return
    for name in (*SPACES, *(f"few:{name}" for name in SPACES)):
        if (found := result.get(name)) is not None:
            area = f"AUC {found['auc']:.3f} ({found['auc_low']:.3f} .. {found['auc_high']:.3f})  " if "auc" in found else ""
            right = f"accuracy {found['accuracy']:.3f} ({found['accuracy_low']:.3f} .. {found['accuracy_high']:.3f})"
            print(f"{name:20} {area}{right}  calibration error {found['calibration_error']:.3f}")
    print(f"the validation prefers {result['chosen']}; the commonest label alone: accuracy {result['majority']:.3f}; {result['seconds']:.0f} s")
