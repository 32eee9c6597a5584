"""gold.campaign_scores and gold.coupon_scores: who will redeem something of which open campaign, and which of its coupons, as of the test cut."""

from __future__ import annotations

import logging
from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.persons import Persons
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.offers.campaigns import campaigns_known, judged_from, open_from, unscorable
from basketgraph.offers.redemption_scores import campaign_score_rows, coupon_score_rows, judged_scores, score_campaigns
from basketgraph.offers.settings import OfferSettings

log = logging.getLogger("basketgraph")
WRITTEN = ("gold.campaign_scores", "gold.coupon_scores")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, cut = conf.section("offers", OfferSettings), run_cuts(conf, ds, tables).test
    rows = campaigns_known(tables, Persons(tables, conf.source), cut)
    scored = open_from(rows.campaigns, cut)
    why_not = unscorable(rows, scored, cut)
    if why_not is not None:
        log.info("campaign_scores: %s", why_not)
        for table in WRITTEN:
            tables.clear_day(table, cut)
        return StepReport(0, 0, detail={"nothing_scored": why_not})
    scores = score_campaigns(rows, scored, cut=cut, settings=settings)
    if not scores.model.evidence:
        log.warning("campaign_scores: no evidence: fewer than %d earlier redeemers; everybody has the base rate", settings.least_redeemers)
    tables.overwrite_day(campaign_score_rows(scores, as_of=cut), "gold.campaign_scores", cut)
    tables.overwrite_day(coupon_score_rows(scores, scored, as_of=cut, known_before=cut, settings=settings), "gold.coupon_scores", cut)
    tables.check("gold.campaign_scores", "gold.coupon_scores")
    metrics = judged_scores(scores, judged_from(scored, cut, ds), cut=cut, known_to=ds, settings=settings)
    written = tables.read("gold.coupon_scores").where(F.col("as_of") == F.lit(cut)).count()
    return StepReport(scores.pairs.count(), written, detail={"metrics": metrics})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
