"""gold.contacts: which contacts of coupons or published lists are sent, and why the others are withheld."""

from __future__ import annotations

import logging
from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.persons import Persons, by_actor, of_persons
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables, released_rows
from basketgraph.offers.contact_policy import contact_policy, shop_holdout
from basketgraph.offers.contact_settings import ContactSettings
from basketgraph.offers.contacts import contact_counts, coupon_contacts, has_coupon_contacts, list_contacts, plain_words

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, persons, cut = conf.section("contacts", ContactSettings), Persons(tables, conf.source), run_cuts(conf, ds, tables).test
    tables.create("gold.contacts")
    allocation, zone = tables.read("gold.coupon_allocation").where(F.col("as_of") == F.lit(cut)), conf.source["time_zone"]
    lists, listed_day = released_rows(tables, "gold.recommendations")
    if not allocation.isEmpty():
        day, what = cut, "coupons"
        proposed = coupon_contacts(allocation, tables.read("silver.campaigns"), day=day, settings=settings, time_zone=zone)
    elif listed_day is not None and listed_day != cut and has_coupon_contacts(tables.read("gold.contacts"), listed_day):
        log.info("contacts: coupons were proposed as of %s, the day of the published lists: what was sent of them stays", listed_day)
        return StepReport(0, 0)
    elif listed_day is not None:
        day, what = listed_day, "lists"
        proposed = list_contacts(lists.where(F.col("as_of") == F.lit(day)), day=day, settings=settings, time_zone=zone)
    else:
        log.warning("contacts: neither coupons were allocated nor lists published: nobody is to be contacted")
        return StepReport(0, 0)
    known, planned = F.col("event_date") < F.lit(day), F.col("as_of") < F.lit(day)
    first = F.lit(day - timedelta(days=settings.memory_days + 1)).cast("timestamp")  # a day more for zones ahead of UTC
    links = persons.links(day)

    def whose(rows: DataFrame) -> DataFrame:
        """By person; of those, too, who did more than a person can: their refusals count."""
        return rows if links is None else of_persons(rows, links)

    decided = contact_policy(
        proposed,
        whose(plain_words(tables.read("silver.consents").where(F.col("valid_from") <= F.lit(day)))),
        whose(by_actor(tables.read("silver.messages").where(known))),
        whose(persons.events).where(known),
        whose(tables.read("gold.contacts").where(planned & (F.col("send_at") >= first))),
        settings=settings,
        time_zone=zone,
        in_holdout=shop_holdout(conf),
    )
    tables.overwrite_day(decided.withColumn("as_of", F.lit(day)), "gold.contacts", day)
    tables.check("gold.contacts")
    counts = contact_counts(tables.read("gold.contacts").where(F.col("as_of") == F.lit(day)))
    told = {"as_of": day.isoformat(), "of": what, "currency": conf.source["currency"], **counts}
    return StepReport(counts["proposed"], counts["proposed"], detail={"metrics": {"contacts": told}})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
