"""The command `basketgraph bench allocation`."""

import json
import sys
from typing import Annotated

import typer

from basketgraph.foundation.progress import running


def allocation(
    people: Annotated[int, typer.Option(help="how many people the instance has", min=1)],
    coupons: Annotated[int, typer.Option(help="how many coupons, at least one for each of its 8 categories", min=1)],
    exact: Annotated[bool, typer.Option("--exact", help="also solve the exact linear program, for up to 10,000 people")] = False,
    seed: Annotated[int, typer.Option(help="of the instance and of the sample that the first prices come from")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object as the last line")] = False,
) -> None:
    """Allocate coupons to people of a made instance, under budgets, floors and two coupons a person, on Spark.

    Example: basketgraph bench allocation --people 100000 --coupons 40
    """
    from basketgraph.offers.allocation_bench import bench  # Spark loads only when it is wanted

    with running("bench allocation", say=lambda text: print(text, file=sys.stderr, flush=True)):
        result = bench(people=people, coupons=coupons, exact=exact, seed=seed)
    if as_json:
        print(json.dumps(result))
        return
    print(
        f"value {result['value']:,.2f}, at most {result['dual']:,.2f}: gap {result['gap']:.3%}, {result['passes']} passes, {result['seconds']:.1f} s"
    )
    if exact:
        print(f"exact linear program {result['exact']:,.2f}: the dual is {result['exact_difference']:.5%} above")
    short = ", ".join(f"category {category} by {missing:,}" for category, missing in result["shortfall"].items())
    print(f"violations: {result['violations']}; floors that are not met: {short or 'none'}")
