"""gold.coupon_allocation: which coupons of the open campaigns each person gets, under the campaigns' budgets, as of the test cut."""

from __future__ import annotations

import logging
from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.privacy.pseudonyms import pseudonym_function, pseudonym_key
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.offers.allocation_limits import coupons_of, limits_of
from basketgraph.offers.contact_policy import holdout
from basketgraph.offers.contact_settings import ContactSettings
from basketgraph.offers.coupon_allocation import allocate_coupons, allocation_rows
from basketgraph.offers.settings import OfferSettings

log = logging.getLogger("basketgraph")
TABLE = "gold.coupon_allocation"


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, cut = conf.section("offers", OfferSettings), run_cuts(conf, ds, tables).test
    of_cut = F.col("as_of") == F.lit(cut)
    share = conf.section("contacts", ContactSettings).holdout_share
    in_holdout = holdout(pseudonym_function(conf.shop, pseudonym_key()), share)(F.col("user_id"))
    scores = tables.read("gold.coupon_scores").where(of_cut & F.col("discount_minor").isNotNull() & ~in_holdout)
    coupons = coupons_of(scores)
    if not coupons:
        log.info("coupon_allocation: gold.coupon_scores has no coupon with a known discount as of %s: nothing to allocate", cut)
        tables.clear_day(TABLE, cut)
        return StepReport(0, 0)
    error = tables.read("gold.campaign_scores").where(of_cut).agg(F.max("calibration_error")).collect()[0][0]
    found = allocate_coupons(scores, coupons, limits_of(coupons, settings, error))
    tables.overwrite_day(allocation_rows(found, cut), TABLE, cut)
    tables.check("gold.coupon_allocation")
    told = {**found.metrics, "currency": conf.source["currency"], "holdout_share": share}
    return StepReport(scores.count(), found.metrics["coupons"], detail={"metrics": {"allocation": told}})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
