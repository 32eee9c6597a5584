"""The sealed hand-off to training: of each cut the graph, ALS factors and features, as shards/<cut> in the warehouse or `work_dir`."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.point_in_time import items_or_sold
from basketgraph.foundation.progress import each
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.shards.content import item_features, user_features
from basketgraph.shards.writer import ShardSettings, seal_shards

READ = ["gold.interactions", "gold.als_user_factors", "gold.als_item_factors", "gold.user_profiles", "silver.items"]


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings = conf.section("shards", ShardSettings)
    edges, folder = 0, conf.shared_folder() / "shards"
    for cut in each(run_cuts(conf, ds, tables).days, "sets sealed"):
        interactions, user_factors, item_factors, profiles = (tables.read(table).where(f"as_of = DATE'{cut}'") for table in READ[:4])
        manifest = seal_shards(
            folder / str(cut),
            interactions.select("user_id", "item_id", "weight"),
            cut=cut,
            tables=tables.versions(READ),
            shards=settings.shards,
            factors=(user_factors.select("user_id", "factors"), item_factors.select("item_id", "factors")),
            user_features=user_features(profiles, buckets=settings.buckets),
            item_features=item_features(
                items_or_sold(tables.read("silver.items"), interactions, conf.source), interactions, as_of=cut, settings=settings
            ),
        )
        edges += manifest.edges
    return StepReport(rows_in=edges, rows_out=edges)


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
