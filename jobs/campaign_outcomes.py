"""gold.campaign_outcomes: what came of campaigns that have ended lately, beside what was expected of them when they began."""

from __future__ import annotations

import logging
from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.persons import Persons, of_persons
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.offers.campaign_forecasts import forecasts_of
from basketgraph.offers.campaign_outcomes import as_metrics, campaign_outcomes, outcome_terms
from basketgraph.offers.campaigns import campaigns_known, ended_between
from basketgraph.offers.settings import OfferSettings

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, persons = conf.section("offers", OfferSettings), Persons(tables, conf.source)
    rows, links = campaigns_known(tables, persons, ds), persons.links(ds)
    ended = ended_between(rows.campaigns, ds - timedelta(days=settings.outcome_days), ds)
    if not ended:
        log.info("campaign_outcomes: silver.campaigns has no campaign that ended in the %d days before %s", settings.outcome_days, ds)
        tables.clear_day("gold.campaign_outcomes", ds)
        return StepReport(0, 0)

    def whose(frame: DataFrame) -> DataFrame:
        return frame if links is None else of_persons(frame, links)

    contacts, is_back_test = whose(tables.read("gold.contacts")), run_cuts(conf, ds, tables).test < ds
    forecasts = forecasts_of(
        ended,
        whose(tables.read("gold.campaign_scores")),
        whose(tables.read("gold.coupon_allocation")),
        contacts,
        tables.read("gold.campaign_budgets"),
        tables.read("silver.campaigns"),
        known_to=ds,
        is_back_test=is_back_test,
    )
    sent = contacts.where("sent").select("campaign_id").distinct().collect()
    contacted = set() if is_back_test else {row.campaign_id for row in sent}
    found = campaign_outcomes(rows, ended, forecasts, contacted, outcome_terms(conf, settings), known_to=ds)
    outcomes = tables.rows_of("gold.campaign_outcomes", [{"as_of": ds, **one} for one in found])
    tables.overwrite_day(outcomes, "gold.campaign_outcomes", ds)
    tables.check("gold.campaign_outcomes")
    metrics = {"as_of": ds.isoformat(), "currency": conf.source["currency"], "campaigns": as_metrics(found)}
    return StepReport(len(ended), len(found), detail={"metrics": {"outcomes": metrics}})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
