"""The command `basketgraph bench uplift`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from basketgraph.foundation.progress import running


def uplift(
    data: Annotated[Path, typer.Option(help="a CSV file with a header: one row for each person of a randomised campaign")],
    treatment: Annotated[str, typer.Option(metavar="COLUMN", help="the column that names each person's arm")],
    control: Annotated[str, typer.Option(metavar="VALUE", help="its value for people who got nothing")],
    outcome: Annotated[str, typer.Option(metavar="COLUMN", help="what people did after it, a number")],
    drop: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="leave this column out: it was not known before the campaign")] = None,
    rule: Annotated[list[str] | None, typer.Option(metavar="ARM=SQL", help="the business rule of an arm: a number, higher first")] = None,
    cost: Annotated[list[str] | None, typer.Option(metavar="ARM=NUMBER", help="of treating one person, in units of the outcome")] = None,
    seed: Annotated[int, typer.Option(help="of the folds, the random order and the bootstrap")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object as the last line")] = False,
) -> None:
    """Judge uplift models on a randomised campaign, beside random, a response model and a business rule; say whether the data supports targeting.

    Example: basketgraph bench uplift --data hillstrom.csv --treatment segment --control "No E-Mail" --outcome visit --drop conversion --drop spend
    --rule "Womens E-Mail=womens * 10000 + history"
    """
    from basketgraph.offers.uplift_bench import bench  # pandas and Spark load only when they are wanted

    with running("bench uplift", say=lambda text: print(text, file=sys.stderr, flush=True)):
        result = bench(data, treatment=treatment, control=control, outcome=outcome, drop=drop or [], rules=rule or [], costs=cost or [], seed=seed)
    if as_json:
        print(json.dumps(result))
    else:
        _print(result)


def _print(result: Mapping[str, Any]) -> None:
    for arm, figures in result["arms"].items():
        print(f"{arm}: effect {_told(figures['ate'])} a person")
        for name, of in figures["learners"].items():
            qini = f"{of['qini']:.2f} ({of['qini_low']:.2f} .. {of['qini_high']:.2f})"
            top = f"{of['uplift_top30']:.4f} ({of['uplift_top30_low']:.4f} .. {of['uplift_top30_high']:.4f})"
            print(f"  {name:12} Qini {qini:28} uplift in the top 30 % {top}")
    for name, value in result["policies"].items():
        print(f"policy {name}: {_told(value)}")
    for name, value in result["gains"].items():
        print(f"policy model less {name}: {_told(value)}")
    print("the data supports targeting" if result["evidence"] else "no evidence: the data does not support targeting for this outcome")


def _told(value: Mapping[str, float]) -> str:
    return f"{value['value']:.4f} ({value['low']:.4f} .. {value['high']:.4f})"
