"""gold.sequence_user_vectors, gold.sequence_item_vectors: the Transformer over sequences, trained by Horovod ranks on the sealed set of each cut."""

from __future__ import annotations

import logging
import shutil
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
from basketgraph.sequences.results import vector_files
from basketgraph.sequences.settings import SequencesSection
from basketgraph.sequences.training import train_sequences
from basketgraph.shards.manifest import read_manifest

TABLES = ("gold.sequence_user_vectors", "gold.sequence_item_vectors")
log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    section, folder, cuts = conf.section("sequences", SequencesSection), conf.shared_folder(), run_cuts(conf, ds, tables).days
    if not section.train:
        log.info("train_sequences: off (sequences.train)")
        shutil.rmtree(folder / "models/sequences", ignore_errors=True)
        for table in TABLES:
            tables.empty(table)
        return StepReport()
    settings, results = section.of_training(), {}
    for cut in cuts:
        shards, model = folder / "sequences" / str(cut), folder / "models/sequences" / str(cut)
        there_is_order = read_manifest(shards).sequences > 0

        def say(epoch: dict[str, Any], cut: date = cut) -> None:
            at(f"epochs done of {cut}", epoch["number"] + 1, settings.epochs)
            log.info("train_sequences %s: epoch %d, loss %.4f, %.0f s", cut, epoch["number"] + 1, epoch["loss"], epoch["seconds"])

        if there_is_order:
            ranks, launcher = conf.environment.ranks, conf.environment.launcher
            results[str(cut)] = train_sequences(shards, model, settings, ranks=ranks, launcher=launcher, on_epoch=say, vectors=True)
        for table, files in vector_files(model).items():
            vectors = spark.read.parquet(*files).withColumn("as_of", F.lit(cut)) if there_is_order else tables.rows_of(table, [])
            tables.overwrite_day(conform(vectors, table), table, cut)
    tables.check("gold.sequence_user_vectors", "gold.sequence_item_vectors")
    rows = sum(tables.read(table).count() for table in TABLES)
    return StepReport(rows_out=rows, detail={cut: result.model_dump(mode="json") for cut, result in results.items()})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
