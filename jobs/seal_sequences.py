"""What each person took, in order, sealed for training: of each cut a set, as sequences/<cut> in the warehouse or `work_dir`."""

from __future__ import annotations

import logging
import shutil
from datetime import date

from pyspark.sql import SparkSession

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.point_in_time import items_or_sold, kept_before
from basketgraph.foundation.progress import each
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.interactions.item_sequences import item_sequences
from basketgraph.sequences.settings import SequencesSection
from basketgraph.shards.sequence_writer import seal_item_sequences
from basketgraph.shards.writer import ShardSettings

READ = ["silver.events", "gold.kept_purchases", "silver.items", "silver.identities", "gold.impossible_visitors"]
log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, folder = conf.section("sequences", SequencesSection), conf.shared_folder() / "sequences"
    if not settings.train:
        log.info("seal_sequences: off (sequences.train)")
        shutil.rmtree(folder, ignore_errors=True)
        return StepReport()
    persons, kept = GoalEvents(tables, conf.source), tables.read("gold.kept_purchases")
    items = items_or_sold(tables.read("silver.items"), persons.events, conf.source)
    people = 0
    for cut in each(run_cuts(conf, ds, tables).days, "sets sealed"):
        bought = kept_before(persons.at(cut), kept, as_of=cut)
        sequences = item_sequences(bought, items, as_of=cut, longest=settings.longest).localCheckpoint()  # read four times
        versions, shards = tables.versions(READ), conf.section("shards", ShardSettings).shards
        people += seal_item_sequences(folder / str(cut), sequences, cut=cut, tables=versions, shards=shards).sequences
    return StepReport(rows_out=people)


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
