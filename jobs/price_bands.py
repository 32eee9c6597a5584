"""gold.price_bands and gold.category_price_bands: what people pay for a piece of a category, at each of the run's cuts."""

from __future__ import annotations

import logging
from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.persons import Persons
from basketgraph.foundation.point_in_time import items_or_sold, kept_before
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.offers.price_band_choice import choose
from basketgraph.offers.price_bands import (
    PriceBandSettings,
    after,
    category_bands,
    category_histograms,
    paid_prices,
    person_histograms,
    price_bands,
    quality_by_bucket,
    written_bands,
)

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, cuts, currency = conf.section("price_bands", PriceBandSettings), run_cuts(conf, ds, tables), conf.source["currency"]
    persons, kept = Persons(tables, conf.source), tables.read("gold.kept_purchases")
    items = items_or_sold(tables.read("silver.items"), persons.events, conf.source)

    def prices(known_on: date, seen_on: date) -> DataFrame:
        """Prices of the days before `seen_on`, by what was known of persons and items before `known_on`."""
        return paid_prices(kept_before(persons.at(known_on), kept, as_of=seen_on), items, as_of=known_on, currency=currency)

    at("choosing how much a person's own prices count")
    chosen = choose(prices(cuts.validation, cuts.validation), after(prices(cuts.validation, cuts.test), cuts.validation), cuts.validation, settings)
    log.info("price_bands: %g lines of the category, half-life %g days, quantiles that hold %g", chosen.prior, chosen.half_life_days, chosen.level)
    at("ranges as of the test cut")
    end = cuts.test + timedelta(days=settings.judged_days)
    past, later = prices(cuts.test, cuts.test), after(prices(cuts.test, end), cuts.test)
    categories = category_histograms(past, as_of=cuts.test, half_life_days=chosen.half_life_days).localCheckpoint()
    people = person_histograms(past, as_of=cuts.test, half_life_days=chosen.half_life_days)
    bands = price_bands(people, categories, prior=chosen.prior, levels=[chosen.level]).localCheckpoint()
    of_categories = category_bands(categories, levels=[chosen.level])
    tables.overwrite_day(written_bands(bands, cuts.test, currency), "gold.price_bands", cuts.test)
    tables.overwrite_day(written_bands(of_categories, cuts.test, currency), "gold.category_price_bands", cuts.test)
    tables.check("gold.price_bands", "gold.category_price_bands")
    found = quality_by_bucket(later, bands, of_categories, level=settings.level)
    metrics = {"level": settings.level, "chosen": chosen._asdict(), "judged_to": end.isoformat(), "buckets": found}
    return StepReport(past.count(), tables.read("gold.price_bands").count(), detail={"metrics": {"price_bands": metrics}} if found else {})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
