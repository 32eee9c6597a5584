"""The command `basketgraph bench behaviours`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from basketgraph.foundation.progress import running


def behaviours(
    train: Annotated[Path, typer.Option(help="purchases: `user item item ...` a line")],
    also: Annotated[list[str], typer.Option(metavar="NAME=FILE", help="another behaviour, in the same format; a name with `cart...` is reminded of")],
    test: Annotated[Path, typer.Option(help="later purchases, in the same format")],
    valid: Annotated[Path | None, typer.Option(help="purchases to learn weights on; without, one training purchase of each user")] = None,
    seed: Annotated[int, typer.Option(help="of the validation purchases and the intervals")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object as the last line")] = False,
) -> None:
    """What carts, views or favourites add to purchases, split by who bought out of the own open cart, without Spark.

    Example: basketgraph bench behaviours --train buys.txt --also carts=carts.txt --test next_buys.txt
    """
    from basketgraph.recall.bench_behaviours import bench, parse_also  # scipy loads only when it is wanted

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with running("bench behaviours", say=say):
        result = bench(train, parse_also(also), test, valid_file=valid, seed=seed, say=say)
    if as_json:
        print(json.dumps(result))
        return
    print(f"{'HR@10/NDCG@10':16}{'all':>14}{'in own cart':>16}{'not in own cart':>18}")
    for arm in ("popularity", "purchases", "reminder", "behaviours"):
        groups = (result[arm][group] for group in ("all", "in_own_cart", "not_in_own_cart"))
        print(f"{arm:16}" + "".join(f"{_pair(group):>{width}}" for group, width in zip(groups, (14, 16, 18), strict=True)))
    gain = result["gain_not_in_own_cart"]
    print(f"HR@10 of behaviours less purchases, not in own cart: {gain['hr@10']:+.4f} [{gain['low']:+.4f}, {gain['high']:+.4f}]")


def _pair(group: dict[str, float | None]) -> str:
    return "nobody" if group["hr@10"] is None else f"{group['hr@10']:.4f}/{group['ndcg@10']:.4f}"
