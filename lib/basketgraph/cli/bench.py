"""The commands `basketgraph bench ...`: each measures a part of the suite alone, on plain files."""

import typer

from basketgraph.graph.bench_cli import graph
from basketgraph.offers.allocation_bench_cli import allocation
from basketgraph.offers.uplift_bench_cli import uplift

app = typer.Typer(help="Measure a part of the suite alone, on plain files.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Measure a part of the suite alone, on plain files."""


for function in (graph, uplift, allocation):
    app.command()(function)
