"""The commands `basketgraph bench ...`: each measures a part of the suite alone, on plain files."""

import typer

from basketgraph.content.new_items_bench_cli import new_items
from basketgraph.content.related_bench_cli import related
from basketgraph.content.reviews_bench_cli import reviews
from basketgraph.content.search_bench_cli import search
from basketgraph.graph.bench_cli import graph
from basketgraph.offers.allocation_bench_cli import allocation
from basketgraph.offers.contact_bench_cli import contacts
from basketgraph.offers.uplift_bench_cli import uplift
from basketgraph.recall.bench_behaviours_cli import behaviours
from basketgraph.recall.bench_ratings_cli import ratings
from basketgraph.recall.bench_sessions_cli import sessions
from basketgraph.sequences.bench_cli import sequences

app = typer.Typer(help="Measure a part of the suite alone, on plain files.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Measure a part of the suite alone, on plain files."""


for function in (graph, behaviours, sessions, ratings, sequences, new_items, related, search, reviews, uplift, allocation, contacts):
    app.command()(function)
