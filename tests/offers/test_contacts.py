"""The contact policy over 60 days and 20 campaigns, held against a count in plain Python; what coupons and lists propose."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta, timezone
from itertools import combinations
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from typer.testing import CliRunner

from basketgraph.cli.bench import app
from basketgraph.foundation.privacy.pseudonyms import PseudonymKey, pseudonym_function
from basketgraph.offers.contact_audit import breaches
from basketgraph.offers.contact_bench import bench_settings
from basketgraph.offers.contact_instance import made_instance
from basketgraph.offers.contact_policy import REASONS, contact_policy, holdout
from basketgraph.offers.contacts import contact_counts, coupon_contacts, has_coupon_contacts, list_contacts, plain_words
from basketgraph.offers.person_contacts import Person, Proposal, decide
from support.contract_rows import rows

ZONE = ZoneInfo("Europe/Berlin")
SETTINGS = bench_settings()


class Simulated(NamedTuple):
    """Rows of the simulation, collected, and the frames that breaches are counted of."""

    contacts: list[Any]
    consents: dict[str, list[Any]]
    complaints: dict[str, list[datetime]]
    returns: dict[str, list[datetime]]
    holdout: set[str]
    frames: tuple[DataFrame, DataFrame, DataFrame, DataFrame]
    rules: dict[str, Any]


@pytest.fixture(scope="module")
def simulated(spark: SparkSession) -> Simulated:
    in_holdout = holdout(pseudonym_function("shop", PseudonymKey(b"a key of the tests, long enough")), 0.05)
    rules: dict[str, Any] = {"settings": SETTINGS, "time_zone": str(ZONE), "in_holdout": in_holdout}
    made = made_instance(spark, people=250, days=60, campaigns=20, seed=3, partitions=1)
    consents, messages, events = (frame.localCheckpoint() for frame in made[1:])
    decided = contact_policy(made.proposed, consents, messages, events, rows(spark, "gold.contacts", []), **rules).localCheckpoint()
    of_user: list[dict[str, list[Any]]] = [defaultdict(list) for _ in range(3)]
    for place, frame in enumerate((consents, messages, events)):
        for row in frame.collect():
            of_user[place][row.user_id].append(row if place == 0 else row.event_time.astimezone(timezone.utc))
    kept_out = {row.user_id for row in decided.select("user_id").distinct().where(in_holdout(F.col("user_id"))).collect()}
    return Simulated(decided.collect(), *of_user, kept_out, (decided, consents, messages, events), rules)


def counted(sent: list[tuple[Any, datetime]], of: Simulated) -> Counter[str]:
    """Breaches of each rule by contacts (row, instant of sending): day by day and pair by pair, as the rules are written in conf/settings.yaml."""
    broken: Counter[str] = Counter()
    by_user = defaultdict(list)
    for row, moment in sent:
        local = moment.astimezone(ZONE)
        by_user[row.user_id].append((row, local.date()))
        begun = [c for c in of.consents[row.user_id] if c.channel in ("all", row.channel) and c.valid_from <= local.date()]
        newest = sorted(begun, key=lambda c: (c.valid_from, not c.granted))[-1:]
        broken["holdout"] += row.user_id in of.holdout
        broken["consent"] += any(not c.granted for c in newest)  # of whom nothing is known marketing is granted
        broken["campaign_over"] += local.date() > row.ends_on
        broken["quiet_hours"] += local.hour in (21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7)
        broken["complaint"] += any(m <= moment < m + timedelta(days=14) for m in of.complaints[row.user_id])
        broken["return"] += any(m <= moment < m + timedelta(days=3) for m in of.returns[row.user_id])
    caps = {"email": (1, 3), "sms": (1, 1), "push": (2, 5)}
    for contacts in by_user.values():
        for (one, day), (other, other_day) in combinations(contacts, 2):
            days, same = abs((day - other_day).days), one.campaign_id == other.campaign_id
            broken["suppressed"] += not same and days < 2
            broken["repeated"] += same and one.channel == other.channel and days < 7
        for channel, (of_day, of_week) in caps.items():
            days = sorted(day for row, day in contacts if row.channel == channel)
            for day in set(days):
                of_days = days.count(day)
                broken["day_cap"] += of_days if of_days > of_day else 0
                broken["week_cap"] += of_days if sum(day - timedelta(days=7) < other <= day for other in days) > of_week else 0
    return broken


@pytest.mark.slow
def test_in_60_days_with_20_campaigns_no_contact_breaks_a_rule(simulated: Simulated) -> None:
    sent = [(row, row.send_at.astimezone(timezone.utc)) for row in simulated.contacts if row.sent]
    assert len(sent) > 2000
    assert sum(counted(sent, simulated).values()) == 0
    withheld = {row.reason for row in simulated.contacts if not row.sent}
    assert withheld == set(REASONS) - {"day_cap"}, "every rule was put to the test; a gap of two days leaves the cap of a day nothing to do"
    every_one = [(row, row.proposed_at.astimezone(timezone.utc)) for row in simulated.contacts]
    decided, *rest = simulated.frames
    assert breaches(decided, *rest, **simulated.rules) == dict.fromkeys(REASONS, 0)
    without_policy = decided.withColumns({"sent": F.lit(True), "send_at": F.col("proposed_at")})
    assert breaches(without_policy, *rest, **simulated.rules) == dict(counted(every_one, simulated)), "the audit counts what was counted here by hand"


@pytest.mark.slow
def test_all_days_at_once_are_decided_as_one_day_after_the_other(simulated: Simulated) -> None:
    by_user = defaultdict(list)
    for row in simulated.contacts:
        by_user[row.user_id].append(row)
    for user, contacts in list(by_user.items())[:60]:
        consents = [row.asDict() for row in simulated.consents[user]]
        person = Person(user in simulated.holdout, consents, simulated.complaints[user], simulated.returns[user])
        given = [
            Proposal(*(row[name] for name in Proposal._fields))._replace(proposed_at=row.proposed_at.astimezone(timezone.utc)) for row in contacts
        ]
        days = sorted({one.proposed_at.astimezone(ZONE).date() for one in given})
        found = {}
        for day in days:
            of_day = [one for one in given if one.proposed_at.astimezone(ZONE).date() == day]
            found.update({one.proposal: one for one in decide(person, of_day, SETTINGS, ZONE)})
        for row, one in zip(contacts, given, strict=True):
            assert (row.reason, row.suppressed_by) == (found[one].reason, found[one].suppressed_by)


def test_the_holdout_is_the_same_every_day_and_a_larger_one_holds_the_smaller(spark: SparkSession) -> None:
    pseudonym = pseudonym_function("shop", PseudonymKey(b"a key of the tests, long enough"))
    other = pseudonym_function("shop", PseudonymKey(b"another key of the tests, long"))
    people = spark.range(4000).select(F.concat(F.lit("u"), F.col("id")).alias("user_id"))
    chosen = {"small": holdout(pseudonym, 0.05), "again": holdout(pseudonym, 0.05), "large": holdout(pseudonym, 0.1), "other": holdout(other, 0.05)}
    found = people.select("user_id", *(of(F.col("user_id")).alias(name) for name, of in chosen.items())).collect()
    small, again, large, elsewhere = ({row.user_id for row in found if row[name]} for name in chosen)
    assert small == again
    assert small < large
    assert (0.035 < len(small) / 4000 < 0.065, 0.08 < len(large) / 4000 < 0.12) == (True, True)
    assert len(small & elsewhere) < len(small) / 2, "who it is follows from the key"


def test_coupons_and_lists_propose_one_contact_a_person_and_campaign(spark: SparkSession) -> None:
    day = date(2026, 3, 10)
    spans = {"soon": (12, 20), "running": (1, 10), "over": (1, 9)}
    campaigns = [{"campaign_id": name, "start_date": day.replace(day=a), "end_date": day.replace(day=b)} for name, (a, b) in spans.items()]
    coupons = [
        ("soon", "ann", "x", 2.0),
        ("soon", "ann", "y", 3.0),
        ("running", "ann", "x", 1.0),
        ("over", "ann", "x", 9.0),
        ("lost", "ann", "x", 9.0),
    ]
    allocation = spark.createDataFrame(coupons, "campaign_id string, user_id string, coupon_id string, value_minor double")
    terms: dict[str, Any] = {"day": day, "settings": SETTINGS, "time_zone": str(ZONE)}
    of_coupons = coupon_contacts(allocation, rows(spark, "silver.campaigns", campaigns), **terms)
    lists = rows(
        spark, "gold.recommendations", [{"user_id": user, "setting": setting} for user in ("ann", "bob") for setting in ("rebuy", "discovery")]
    )
    of_lists = list_contacts(lists, **terms)
    found = [
        (row.user_id, row.campaign_id, row.proposed_at.astimezone(ZONE).strftime("%d %H"), row.ends_on.day, row.value)
        for row in of_coupons.unionByName(of_lists).orderBy("campaign_id", "user_id").collect()
    ]
    told = rows(spark, "silver.consents", [{"purpose": "Marketing", "channel": "E-Mail"}])
    assert [(row.purpose, row.channel) for row in plain_words(told).collect()] == [("marketing", "email")]
    lists_of_day = "lists 2026-03-10"
    assert found == [
        ("ann", lists_of_day, "10 10", 10, 0.0),
        ("bob", lists_of_day, "10 10", 10, 0.0),
        ("ann", "running", "10 10", 10, 1.0),
    ]
    planned = rows(spark, "gold.contacts", [{"as_of": day, "campaign_id": lists_of_day}, {"as_of": day.replace(day=9), "campaign_id": "running"}])
    assert [has_coupon_contacts(planned, day.replace(day=at)) for at in (9, 10, 11)] == [True, False, False]
    verdicts = [{"user_id": "ann", "value": 5.0}, {"user_id": "bob", "value": 2.5, "sent": False, "reason": "consent"}]
    assert contact_counts(rows(spark, "gold.contacts", verdicts)) == {
        **{"proposed": 2, "sent": 1, "people": 1, "value": 5.0},
        "withheld": {"consent": {"contacts": 1, "value": 2.5}},
    }


@pytest.mark.long
def test_the_command_prints_breaches_and_what_each_rule_withholds(spark: SparkSession) -> None:
    result = CliRunner().invoke(app, ["contacts", "--people", "100", "--days", "20", "--campaigns", "8", "--json"], catch_exceptions=False)
    found = json.loads(result.stdout.splitlines()[-1])
    assert (found["breaches_total"], found["people"], found["days"], found["campaigns"], found["seed"]) == (0, 100, 20, 8, 0)
    assert found["breaches"].keys() == set(REASONS)
    withheld = sum(of["value"] for of in found["withheld"].values())
    assert found["value"] + withheld == pytest.approx(found["value_proposed"], abs=0.1)
    assert found["sent"] + sum(of["contacts"] for of in found["withheld"].values()) == found["proposed"]
