"""`basketgraph bench contacts`: the contact policy on made people and campaigns, its breaches and what each rule costs."""

from __future__ import annotations

import time
from typing import Any

from pyspark.sql import functions as F

from basketgraph.foundation.config import data_yaml, parsed
from basketgraph.foundation.contracts import contract
from basketgraph.foundation.privacy.pseudonyms import PseudonymKey, pseudonym_function
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.memory import PeakMemory
from basketgraph.foundation.runs.session import session_without_shop
from basketgraph.offers.contact_audit import breaches
from basketgraph.offers.contact_instance import CHANNELS, PURPOSE, made_instance
from basketgraph.offers.contact_policy import contact_policy, holdout
from basketgraph.offers.contact_settings import OTHER, ContactSettings
from basketgraph.offers.contacts import contact_counts

TIME_ZONE = "Europe/Berlin"
ROUNDS = 2  # partitions for each core


def bench_settings() -> ContactSettings:
    """Those of conf/settings.yaml; of whom no consent is known is written to, else their contacts would all be withheld for one reason."""
    given = {**data_yaml("conf/settings.yaml")["contacts"], "missing_consent": {PURPOSE: "granted", OTHER: "withheld"}}
    return parsed(ContactSettings, given, "settings.contacts")


def bench(*, people: int, days: int, campaigns: int, seed: int = 0) -> dict[str, Any]:
    """breaches (by rule, and `breaches_total`), proposed, sent, people_reached, value (sent), withheld (by reason: contacts, value), value_proposed,
    seconds (of deciding, Spark started and the instance drawn), total_seconds, peak_memory_bytes (all processes together), people, days, campaigns,
    seed. Values are in minor units of the made campaigns.
    """
    settings, began = bench_settings(), time.monotonic()
    with PeakMemory(seconds=1.0) as memory:
        spark = session_without_shop("basketgraph bench contacts")
        partitions = min(spark.sparkContext.defaultParallelism * ROUNDS, -(-people // 1_000))
        at("drawing the instance")
        made = made_instance(spark, people=people, days=days, campaigns=campaigns, seed=seed, partitions=partitions)
        proposed = made.proposed.localCheckpoint()
        in_holdout = holdout(pseudonym_function("bench", PseudonymKey(f"bench {seed}".encode().ljust(16))), settings.holdout_share)
        earlier = spark.createDataFrame([], contract("gold.contacts").struct)
        rest, rules = (made.consents, made.messages, made.events), {"settings": settings, "time_zone": TIME_ZONE, "in_holdout": in_holdout}
        at("deciding")
        started = time.monotonic()
        contacts = contact_policy(proposed, *rest, earlier, **rules).localCheckpoint()  # type: ignore[arg-type]
        seconds = time.monotonic() - started
        at("counting breaches")
        broken = breaches(contacts, *rest, **rules)  # type: ignore[arg-type]
        counts = contact_counts(contacts)
        of_all = contacts.agg(F.sum("value")).collect()[0][0]
    return {
        "breaches": broken,
        "breaches_total": sum(broken.values()),
        "proposed": counts["proposed"],
        "sent": counts["sent"],
        "people_reached": counts["people"],
        "value_proposed": round(of_all or 0.0, 2),
        "value": counts["value"],
        "withheld": counts["withheld"],
        "channels": list(CHANNELS),
        "seconds": round(seconds, 2),
        "total_seconds": round(time.monotonic() - began, 2),
        "peak_memory_bytes": memory.peak,
        "people": people,
        "days": days,
        "campaigns": campaigns,
        "seed": seed,
    }
