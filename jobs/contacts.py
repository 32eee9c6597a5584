"""gold.contacts: which contacts of coupons or published lists are sent, and why the others are withheld."""

from __future__ import annotations

import logging
from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.persons import Persons, by_actor, of_persons
from basketgraph.foundation.privacy.pseudonyms import pseudonym_function, pseudonym_key
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables, newest_release
from basketgraph.offers.contact_policy import contact_policy, holdout
from basketgraph.offers.contact_settings import ContactSettings
from basketgraph.offers.contacts import contact_counts, coupon_contacts, list_contacts, plain_words

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, persons = conf.section("contacts", ContactSettings), Persons(tables, conf.source)
    tables.create("gold.contacts")
    proposals = proposed_contacts(conf, ds, tables, settings)
    if proposals is None:
        log.warning("contacts: neither coupons were allocated nor lists published: nobody is to be contacted")
        return StepReport(0, 0)
    proposed, day, what = proposals
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
        time_zone=conf.source["time_zone"],
        in_holdout=holdout(pseudonym_function(conf.shop, pseudonym_key()), settings.holdout_share),
    )
    tables.overwrite_day(decided.withColumn("as_of", F.lit(day)), "gold.contacts", day)
    tables.check("gold.contacts")
    counts = contact_counts(tables.read("gold.contacts").where(F.col("as_of") == F.lit(day)))
    told = {"as_of": day.isoformat(), "of": what, "currency": conf.source["currency"], **counts}
    return StepReport(counts["proposed"], counts["proposed"], detail={"metrics": {"contacts": told}})


def proposed_contacts(conf: Config, ds: date, tables: RunTables, settings: ContactSettings) -> tuple[DataFrame, date, str] | None:
    """What is proposed, the day that it is for and what proposes it: allocated coupons, else the lists that customers see; None of neither."""
    zone, cut = conf.source["time_zone"], run_cuts(conf, ds, tables).test
    allocation = tables.read("gold.coupon_allocation").where(F.col("as_of") == F.lit(cut))
    if not allocation.isEmpty():
        return coupon_contacts(allocation, tables.read("silver.campaigns"), day=cut, settings=settings, time_zone=zone), cut, "coupons"
    live = newest_release(tables)
    version = live["versions"].get("gold.recommendations") if live else None
    if live is None or version is None or live["as_of"] is None:
        return None
    day = live["as_of"]
    lists = tables.read_version("gold.recommendations", version).where(F.col("as_of") == F.lit(day))
    return list_contacts(lists, day=day, settings=settings, time_zone=zone), day, "lists"


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
