"""The sealed hand-off to training: of each cut the graph, ALS factors and features, as shards/<cut> in the warehouse or `work_dir`."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame, SparkSession

from basketgraph.content.settings import ContentSettings
from basketgraph.content.text_features import text_features, vector_features, vectors_of_kinds
from basketgraph.content.text_vectors import item_texts
from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.point_in_time import items_or_sold, known_before
from basketgraph.foundation.progress import each
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.shards.content import item_features, user_features
from basketgraph.shards.features import Features, with_more
from basketgraph.shards.writer import ShardSettings, seal_shards

READ = ["gold.interactions", "gold.als_user_factors", "gold.als_item_factors", "gold.user_profiles", "silver.items"]


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings = conf.section("shards", ShardSettings)
    edges, folder, vectors = 0, conf.shared_folder() / "shards", tables.read("gold.item_text_vectors")
    for cut in each(run_cuts(conf, ds, tables).days, "sets sealed"):
        interactions, user_factors, item_factors, profiles = (tables.read(table).where(f"as_of = DATE'{cut}'") for table in READ[:4])
        items = items_or_sold(tables.read("silver.items"), interactions, conf.source)
        of_items = item_features(items, interactions, as_of=cut, settings=settings)
        if settings.text > 0 and not vectors.isEmpty():
            of_items = with_text(of_items, items, vectors, conf, cut=cut, width=settings.text)
        if settings.vectors > 0:
            for kind, of_kind in vectors_of_kinds(known_before(items, cut)).items():
                of_items = with_more(of_items, vector_features(of_kind, settings.vectors, kind), "item_id")
        manifest = seal_shards(
            folder / str(cut),
            interactions.select("user_id", "item_id", "weight"),
            cut=cut,
            tables=tables.versions(READ),
            shards=settings.shards,
            factors=(user_factors.select("user_id", "factors"), item_factors.select("item_id", "factors")),
            user_features=user_features(profiles, buckets=settings.buckets),
            item_features=of_items,
        )
        edges += manifest.edges
    return StepReport(rows_in=edges, rows_out=edges)


def with_text(features: Features, items: DataFrame, vectors: DataFrame, conf: Config, *, cut: date, width: int) -> Features:
    """Features with the text vector of what was written about each item before the cut."""
    texts = item_texts(known_before(items, cut), conf.section("content", ContentSettings).text).select("item_id", "text_hash")
    return with_more(features, text_features(texts, vectors, width), "item_id")


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
