"""gold.search_indexes: titles of the items that may be shown, prepared for questions, as files below the warehouse that this table names."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.content.encoder import model_files
from basketgraph.content.index_files import FOLDER, NAME_DIGITS, upload_index, write_index
from basketgraph.content.search_indexes import Sales, catalogue_of, indexed_items, want_few, want_vectors, why_no_index
from basketgraph.content.settings import ContentSettings
from basketgraph.foundation.config import Config
from basketgraph.foundation.point_in_time import known_before
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings = conf.section("content", ContentSettings)
    items, texts = known_before(tables.read("silver.items"), ds), tables.read("gold.item_texts")
    sales = Sales(tables.read("silver.events"), tables.read("gold.kept_purchases"), ds, settings.sold_days, conf.source["currency"])
    indexed = indexed_items(items, texts, sales).persist()
    if (reason := why_no_index(indexed, settings, conf.source_name)) is not None:
        log.warning("search_index: no index of questions: %s", reason)
        indexed.unpersist()
        tables.empty("gold.search_indexes")
        return StepReport(0, 0, detail={"metrics": {"search_index": {"titles": 0, "why": reason}}})
    want_few(indexed.select("text_hash").distinct().count(), settings.max_titles)  # before they come to the driver
    model_id = model_files(settings.model).id
    of_model = tables.read("gold.item_text_vectors").where(F.col("model") == model_id)
    vectors = of_model.join(indexed.select("text_hash").distinct(), "text_hash", how="left_semi")
    found, of_texts = indexed.toArrow(), vectors.select("text_hash", "vector").toArrow()
    indexed.unpersist()
    want_vectors(found, of_texts, model_id)
    at("indexing titles")
    catalogue = catalogue_of(found, of_texts, model=settings.model, settings=settings)
    by_characters = int((~catalogue.index.vectors.any(axis=1)).sum())
    with TemporaryDirectory() as private:  # which nobody else may read
        (folder := Path(private, "index")).mkdir()
        sha256 = write_index(folder, catalogue, model_id=model_id)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        place = f"{tables.root}/{FOLDER}/{sha256[:NAME_DIGITS]}"
        is_new = upload_index(tables.files, folder, place, sha256=sha256)
    counts = {"items": found.num_rows, "titles": len(catalogue.items), "by_characters": by_characters, "bytes": size}
    row = {"name": sha256[:NAME_DIGITS], "sha256": sha256, "model": model_id, **counts}
    tables.overwrite(tables.rows_of("gold.search_indexes", [row]), "gold.search_indexes")
    tables.check("gold.search_indexes")
    return StepReport(found.num_rows, 1, detail={"index": place, "metrics": {"search_index": {**counts, "is_new": is_new}}})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
