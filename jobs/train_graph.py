"""gold.user_embeddings, gold.item_embeddings: the graph recommender, trained by Horovod ranks on the sealed set of each cut."""

from __future__ import annotations

import logging
from datetime import date
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.config import Config
from basketgraph.contracts import conform
from basketgraph.graph.results import embedding_files
from basketgraph.graph.settings import GraphSettings
from basketgraph.graph.training import Training, train_each
from basketgraph.progress import at
from basketgraph.runs import StepReport, job_main
from basketgraph.tables import Release

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, release: Release) -> StepReport:
    settings, folder = conf.section("graph", GraphSettings), conf.shared_folder()
    cuts = conf.cuts(ds).days
    trainings = {
        cut: Training(
            shards=folder / "shards" / str(cut),
            model=folder / "models" / "graph" / str(cut),
            tensorboard=folder / "tensorboard" / "graph" / str(cut),
        )
        for cut in cuts
    }

    def say(training: Training, epoch: dict[str, Any]) -> None:
        place = f"{training.shards.name}: epoch {epoch['number'] + 1} of {settings.epochs}"
        log.info("train_graph %s, loss %.4f, %.0f s", place, epoch["loss"], epoch["seconds"])

    log.info("train_graph: starting %d ranks", conf.environment.ranks)
    results = train_each(list(trainings.values()), settings, ranks=conf.environment.ranks, launcher=conf.environment.launcher, on_epoch=say)
    at("writing embeddings")
    detail: dict[str, Any] = {"tensorboard": str(folder / "tensorboard")}
    for (cut, training), result in zip(trainings.items(), results, strict=True):
        detail[str(cut)] = result.model_dump(mode="json")
        for table, files in embedding_files(training.model).items():
            embeddings = spark.read.parquet(*files).withColumn("as_of", F.lit(cut))
            release.overwrite_day(conform(embeddings, table), table, cut)
    release.check("gold.user_embeddings", "gold.item_embeddings")
    rows = sum(release.read(table).count() for table in ("gold.user_embeddings", "gold.item_embeddings"))
    return StepReport(rows_out=rows, detail=detail)


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
