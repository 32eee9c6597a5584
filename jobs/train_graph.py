"""gold.user_embeddings, gold.item_embeddings: the graph recommender, trained by Horovod ranks on the sealed set of each cut."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.config import Config
from basketgraph.contracts import conform
from basketgraph.graph.results import embedding_files
from basketgraph.graph.settings import GraphSettings
from basketgraph.graph.training import train_shards
from basketgraph.runs import StepReport, job_main
from basketgraph.tables import Release

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, release: Release) -> StepReport:
    settings, warehouse = conf.section("graph", GraphSettings), Path(conf.warehouse)
    detail: dict[str, Any] = {"tensorboard": str(warehouse / "tensorboard")}
    for cut in conf.cuts(ds).days:

        def say(epoch: dict[str, Any], cut: date = cut) -> None:
            log.info("train_graph %s: epoch %d of %d, loss %.4f, %.0f s", cut, epoch["number"] + 1, settings.epochs, epoch["loss"], epoch["seconds"])

        model = warehouse / "models" / "graph" / str(cut)
        result = train_shards(
            warehouse / "shards" / str(cut),
            model,
            settings,
            ranks=conf.environment.ranks,
            launcher=conf.environment.launcher,
            tensorboard=warehouse / "tensorboard" / "graph" / str(cut),
            on_epoch=say,
        )
        detail[str(cut)] = result.model_dump(mode="json")
        for table, files in embedding_files(model).items():
            embeddings = spark.read.parquet(*files).withColumn("as_of", F.lit(cut))
            release.overwrite_day(conform(embeddings, table), table, cut)
    release.check("gold.user_embeddings", "gold.item_embeddings")
    rows = sum(release.read(table).count() for table in ("gold.user_embeddings", "gold.item_embeddings"))
    return StepReport(rows_out=rows, detail=detail)


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
