"""gold.user_embeddings, gold.item_embeddings: the graph recommender, trained by Horovod ranks on the sealed set of each cut."""

from __future__ import annotations

import logging
from datetime import date
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.contracts import conform
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.graph.results import embedding_files
from basketgraph.graph.settings import GraphSettings
from basketgraph.graph.training import Training, train_each

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, folder, cuts = conf.section("graph", GraphSettings), conf.shared_folder(), run_cuts(conf, ds, tables).days
    trainings = {cut: Training.of_cut(folder, cut) for cut in cuts}

    def say(training: Training, epoch: dict[str, Any]) -> None:
        place = f"{training.shards.name}: epoch {epoch['number'] + 1} of {settings.epochs}"
        log.info("train_graph %s, loss %.4f, %.0f s", place, epoch["loss"], epoch["seconds"])

    wanted = {cut: training for cut, training in trainings.items() if training.has_edges}
    for cut in trainings.keys() - wanted.keys():
        log.info("train_graph %s: nobody bought anything before, there is no graph", cut)
    if wanted:
        log.info("train_graph: starting %d ranks", conf.environment.ranks)
    results = train_each(list(wanted.values()), settings, ranks=conf.environment.ranks, launcher=conf.environment.launcher, on_epoch=say)
    at("writing embeddings")
    of_cuts = {str(cut): result.model_dump(mode="json") for cut, result in zip(wanted, results, strict=True)}
    for cut, training in trainings.items():
        for table, files in embedding_files(training.model).items():
            trained = spark.read.parquet(*files).withColumn("as_of", F.lit(cut)) if cut in wanted else tables.rows_of(table, [])
            tables.overwrite_day(conform(trained, table), table, cut)
    tables.check("gold.user_embeddings", "gold.item_embeddings")
    rows = sum(tables.read(table).count() for table in ("gold.user_embeddings", "gold.item_embeddings"))
    return StepReport(rows_out=rows, detail={"tensorboard": str(folder / "tensorboard"), **of_cuts})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
