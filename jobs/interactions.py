"""gold.interactions: weighted user-item edges before each of the run's cuts, held against the leak check."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from basketgraph.config import Config
from basketgraph.cuts import run_cuts
from basketgraph.history import items_or_sold, kept_before, known_before, want_purchases
from basketgraph.interactions import InteractionsSettings, check_no_leak, interactions
from basketgraph.progress import each
from basketgraph.runs import StepReport, job_main
from basketgraph.tables import Release

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(spark: SparkSession, conf: Config, ds: date, release: Release) -> StepReport:
    settings = conf.section("interactions", InteractionsSettings)
    events, kept = release.read("silver.events"), release.read("gold.kept_purchases")
    items = items_or_sold(release.read("silver.items"), events, conf.source)
    want_purchases(events, conf.source_name, items=2)
    for cut in each(run_cuts(conf, ds, release).days, "cuts done"):
        edges = interactions(kept_before(events, kept, as_of=cut), items, as_of=cut, half_life_days=settings.half_life_days)
        release.overwrite_day(edges, "gold.interactions", cut)
        # By the instants, too: a day taken in another zone than the shop's would let the first hours after the cut in.
        training = events.where(events.event_date < cut)
        check_no_leak(
            training,
            cut=cut,
            columns=["event_date", "event_time"],
            what="silver.events",
            time_zone=conf.source["time_zone"],
        )
        check_no_leak(
            known_before(kept, cut),
            cut=cut,
            columns=["valid_from", "cancelled_at"],
            what="gold.kept_purchases",
            time_zone=conf.source["time_zone"],
        )
        written = release.read("gold.interactions").where(f"as_of = DATE'{cut}'")
        check_no_leak(
            written,
            cut=cut,
            columns=["first_date", "last_date"],
            what="gold.interactions",
        )
    release.check("gold.interactions")
    return StepReport(rows_in=events.count(), rows_out=release.read("gold.interactions").count())


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
