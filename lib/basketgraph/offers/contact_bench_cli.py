"""The command `basketgraph bench contacts`."""

import json
import sys
from typing import Annotated

import typer

from basketgraph.foundation.progress import running


def contacts(
    people: Annotated[int, typer.Option(help="how many people", min=1)],
    days: Annotated[int, typer.Option(help="how many days are simulated", min=1)] = 60,
    campaigns: Annotated[int, typer.Option(help="how many campaigns propose contacts in these days", min=1)] = 20,
    seed: Annotated[int, typer.Option(help="of people, consents, complaints, returns and campaigns")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object as the last line")] = False,
) -> None:
    """Decide on the contacts of made campaigns under the rules of conf/settings.yaml; count breaches and the value that each rule withholds.

    Example: basketgraph bench contacts --people 2000 --days 60 --campaigns 20
    """
    from basketgraph.offers.contact_bench import bench  # Spark loads only when it is wanted

    with running("bench contacts", say=lambda text: print(text, file=sys.stderr, flush=True)):
        result = bench(people=people, days=days, campaigns=campaigns, seed=seed)
    if as_json:
        print(json.dumps(result))
        return
    share = result["value"] / result["value_proposed"] if result["value_proposed"] else 0.0
    print(f"{result['sent']:,} of {result['proposed']:,} contacts are sent, to {result['people_reached']:,} people, with {share:.1%} of the value")
    for reason, of in result["withheld"].items():
        lost = of["value"] / result["value_proposed"] if result["value_proposed"] else 0.0
        print(f"withheld: {reason.replace('_', ' '):<14} {of['contacts']:>9,} contacts, {lost:6.1%} of the value")
    print(f"breaches: {result['breaches_total']}; {result['seconds']:.1f} s")
