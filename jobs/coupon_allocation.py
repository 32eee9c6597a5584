"""gold.coupon_allocation and gold.campaign_budgets: which coupons each person gets of open campaigns, under what is left of their budgets."""

from __future__ import annotations

import logging
from datetime import date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.persons import Persons, of_persons
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.offers.allocation_limits import coupons_of, limits_of
from basketgraph.offers.campaigns import campaigns_known
from basketgraph.offers.contact_policy import shop_holdout
from basketgraph.offers.contact_settings import ContactSettings
from basketgraph.offers.contacts import CONTACTS
from basketgraph.offers.coupon_allocation import allocate_coupons, allocation_rows, budget_rows
from basketgraph.offers.earlier_coupons import EarlierCoupons, contactable, earlier_coupons, given_coupons, late_budgets, new_scores, set_budgets
from basketgraph.offers.settings import OfferSettings

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, cut = conf.section("offers", OfferSettings), run_cuts(conf, ds, tables).test
    of_cut, in_holdout = F.col("as_of") == F.lit(cut), shop_holdout(conf)(F.col("user_id"))
    every = tables.read("gold.coupon_scores").where(of_cut & F.col("discount_minor").isNotNull() & ~in_holdout)
    earlier, scores = before_today(conf, cut, tables, every, settings)
    coupons = coupons_of(scores)
    if not coupons:
        log.info("coupon_allocation: as of %s no new coupon with a known discount is for somebody who may be contacted: nothing to allocate", cut)
        tables.clear_day("gold.coupon_allocation", cut)
        tables.clear_day("gold.campaign_budgets", cut)
        return StepReport(0, 0)
    error = tables.read("gold.campaign_scores").where(of_cut).agg(F.max("calibration_error")).collect()[0][0]
    found = allocate_coupons(scores, coupons, limits_of(coupons, settings, error, earlier), earlier)
    tables.overwrite_day(allocation_rows(found, cut), "gold.coupon_allocation", cut)
    budgets = tables.rows_of("gold.campaign_budgets", budget_rows(found.metrics, earlier.budgets, cut))
    tables.overwrite_day(budgets, "gold.campaign_budgets", cut)
    tables.check("gold.coupon_allocation", "gold.campaign_budgets")
    told = {**found.metrics, "currency": conf.source["currency"], "held": sum(earlier.counts.values())}
    return StepReport(scores.count(), found.metrics["coupons"], detail={"metrics": {"allocation": told}})


def before_today(conf: Config, cut: date, tables: RunTables, every: DataFrame, settings: OfferSettings) -> tuple[EarlierCoupons, DataFrame]:
    """What plans of days before the cut have given, by person as of the cut; and which of all scores are of new coupons that may reach somebody."""
    persons, campaigns = Persons(tables, conf.source), tables.read("silver.campaigns")
    links, contacts = persons.links(cut), tables.read(CONTACTS)
    given = given_coupons(tables.read("gold.coupon_allocation"), contacts, campaigns, before=cut)
    budgets = set_budgets(tables.read("gold.campaign_budgets"), campaigns, before=cut)
    if links is not None:
        given, contacts = of_persons(given, links), of_persons(contacts, links)
    budgets |= late_budgets(given, every, budgets, settings)
    earlier = earlier_coupons(given, budgets, campaigns_known(tables, persons, cut), before=cut)
    new = new_scores(every, earlier, coupons_a_person=settings.coupons_a_person)
    return earlier, contactable(new, contacts, conf.section("contacts", ContactSettings), before=cut)


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
