"""Campaign and coupon scores on Spark: what was known before each campaign's own start, and both jobs on a small shop."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.cli.offers import plan, told
from basketgraph.cli.runner import load_job
from basketgraph.foundation.config import Config, UserError, load, parsed
from basketgraph.foundation.privacy.pseudonyms import pseudonym_function, pseudonym_key
from basketgraph.foundation.runs.job import quality_checker
from basketgraph.foundation.tables.releases import publish
from basketgraph.foundation.tables.warehouse import LiveRelease, RunTables
from basketgraph.offers.campaign_file import CampaignFile
from basketgraph.offers.campaigns import SILVER, CampaignRows, campaign_rows, pairs_of
from basketgraph.offers.contact_policy import holdout
from basketgraph.offers.contact_settings import ContactSettings
from basketgraph.offers.coupon_features import coupon_discounts, coupon_options, coupon_popularity, own_purchases
from basketgraph.offers.earlier_coupons import Budget, contactable, earlier_coupons, given_coupons, late_budgets, new_scores, set_budgets
from basketgraph.offers.redemption_features import purchases_before, redemption_features
from basketgraph.offers.settings import OfferSettings
from basketgraph.report.campaigns import campaign_page
from support.contract_rows import rows

GOOD_FOR = (("sweet", "jam"), ("sweet", "honey"), ("hot", "tea"))
START, CUT, DS = date(2026, 3, 1), date(2017, 10, 2), date(2017, 12, 1)


def bought(user: str, item: str, day: date, **more: Any) -> dict[str, Any]:
    money = {"amount_minor": 500, "discount_minor": 0, "coupon_minor": 0, "quantity": 1, "currency": "USD", "order_id": f"{user} {day}"}
    return {"user_id": user, "item_id": item, "event_date": day, "event_type": "purchase", **money, **more}


def known(spark: SparkSession, **given: list[dict[str, Any]]) -> CampaignRows:
    silver = {table: rows(spark, table, given.get(table.removeprefix("silver."), [])) for table in SILVER}
    return campaign_rows(
        silver, events=rows(spark, "silver.events", given["events"]), kept=rows(spark, "gold.kept_purchases", given.get("kept", [])), links=None
    )


@pytest.mark.slow
def test_only_what_was_known_before_a_campaigns_own_start_counts_for_it(spark: SparkSession) -> None:
    campaigns = [
        {"campaign_id": "old", "campaign_type": "A", "start_date": date(2026, 2, 15), "end_date": date(2026, 3, 10)},
        {"campaign_id": "new", "campaign_type": "A", "start_date": START, "end_date": START + timedelta(days=29)},
    ]
    events = [
        bought("ann", "jam", date(2026, 2, 28), coupon_minor=50, discount_minor=10),
        bought("ann", "jam", START, amount_minor=9000),  # the campaign's first day
        bought("ann", "tea", date(2025, 12, 1), amount_minor=70),  # 90 days before
        bought("ann", "tea", date(2025, 11, 30), amount_minor=3),  # 91 days before
        bought("ann", "jam", date(2026, 2, 10), event_id="back", amount_minor=40),
        bought("bob", "oil", date(2026, 2, 28)),
    ]
    found = known(
        spark,
        campaigns=campaigns,
        campaign_targets=[{"campaign_id": c, "user_id": u} for c, u in (("old", "ann"), ("new", "ann"), ("new", "bob"))],
        coupons=[{"campaign_id": c, "coupon_id": k, "item_id": i} for c in ("old", "new") for k, i in GOOD_FOR],
        redemptions=[
            {"campaign_id": "old", "coupon_id": k, "user_id": "ann", "redemption_date": day}
            for k, day in (("sweet", date(2026, 2, 28)), ("hot", START))
        ],
        events=events,
        kept=[{"event_id": "back", "valid_from": date(2026, 2, 20), "valid_to": None, "kept_quantity": 0}],
    )  # fmt: skip
    pairs = pairs_of(found, found.campaigns)
    past = purchases_before(found, pairs, days=365).localCheckpoint()
    got = {(row.campaign_id, row.user_id): row for row in redemption_features(found, pairs, past).collect()}
    ann = got["new", "ann"]
    assert (ann.spend_90d, ann.spend_year, ann.lines_90d, ann.recency_days) == (570, 573, 2, 1), "what was taken back before the start is not counted"
    assert (ann.campaign_spend_90d, ann.campaign_items_90d, ann.coupon_lines_28d, ann.discounted_share) == (570, 2, 1, 0.5)
    assert (ann.past_campaigns, ann.past_redeemed, ann.past_coupons, ann.redeemed_days_ago) == (1, 1, 1, 1)
    assert ann.past_rate == pytest.approx((1 + 0.2) / (1 + 2))
    assert got["old", "ann"].spend_28d == 40, "it was not taken back yet"
    assert (got["new", "bob"].campaign_lines_365d, got["new", "bob"].past_rate, got["new", "bob"].spend_90d) == (0, 0.1, 500)
    assert (ann.campaign_coupons, ann.campaign_products, ann.campaign_people, ann.campaign_days) == (2, 3, 2, 30)

    popularity = coupon_popularity(found, found.campaigns)
    told_of = {(row.campaign_id, row.coupon_id): row for row in popularity.collect()}
    sweet = told_of["new", "sweet"]
    assert (sweet.products, sweet.popularity, sweet.line_minor, sweet.people) == (2, 2, 270.0, 2), "what everybody bought, taken back or not"
    options = coupon_options(pairs, popularity, own_purchases(found, past, recent_days=90))
    own = {(row.user_id, row.coupon_id): (row.own_lines, row.own_recent_minor) for row in options.where("campaign_id = 'new'").collect()}
    assert own == {("ann", "sweet"): (1, 500), ("ann", "hot"): (2, 70), ("bob", "sweet"): (0, 0), ("bob", "hot"): (0, 0)}
    cost = {row.coupon_id: row.discount_minor for row in coupon_discounts(found, found.campaigns[1:], before=START, least_lines=1).collect()}
    assert cost == {"sweet": 50.0, "hot": 50.0}, "nothing of `hot` was redeemed with a discount: the mean of its type"


def shop(spark: SparkSession) -> dict[str, DataFrame]:
    """Six finished campaigns and an open one with four coupons; those who buy with coupons redeem, what they bought before."""
    rng, first = np.random.default_rng(0), date(2017, 1, 1)
    people, items = [f"{number:032x}" for number in range(80)], [f"i{number}" for number in range(8)]
    keen = rng.random(len(people)) < 0.4
    campaigns = [(f"c{n}", "A", first + timedelta(days=60 + 30 * n), first + timedelta(days=80 + 30 * n)) for n in range(6)]
    campaigns.append(("open", "A", CUT + timedelta(days=5), CUT + timedelta(days=30)))
    targets, coupons, redemptions, events = [], [], [], []
    own = rng.integers(0, 4, len(people))
    for place, user in enumerate(people):
        for day in range(0, 330, 6):
            item = items[2 * own[place] + day % 2] if rng.random() < 0.7 else items[rng.integers(8)]
            events.append(bought(user, item, first + timedelta(days=day), coupon_minor=40 if keen[place] and day % 12 == 0 else 0))
    for name, _, start, _ in campaigns:
        coupons += [{"campaign_id": name, "coupon_id": f"k{n // 2}", "item_id": item} for n, item in enumerate(items)]
        for place, user in enumerate(people):
            targets.append({"campaign_id": name, "user_id": user})
            if rng.random() < (0.75 if keen[place] else 0.05):
                day = start + timedelta(days=3)
                redemptions.append({"campaign_id": name, "coupon_id": f"k{own[place]}", "user_id": user, "redemption_date": day})
                events.append(bought(user, items[2 * own[place]], day, coupon_minor=100, order_id=f"{user} {name}"))
    columns = ("campaign_id", "campaign_type", "start_date", "end_date")
    given = {
        "silver.campaigns": [dict(zip(columns, one, strict=True)) for one in campaigns],
        "silver.campaign_targets": targets,
        "silver.coupons": coupons,
        "silver.redemptions": redemptions,
        "silver.events": events,
        "silver.items": [
            {"item_id": item, "valid_from": first, "category": "jam" if item < "i4" else "tea", "recommendable": True} for item in items
        ],
        "gold.user_profiles": [{"as_of": CUT, "user_id": user, "lifecycle": "active", "orders_90d": place} for place, user in enumerate(people)],
        "gold.kept_purchases": [],
    }
    return {table: rows(spark, table, of) for table, of in given.items()}


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Config:
    place = str(tmp_path_factory.mktemp("offers") / "warehouse")
    return load("local", "complete_journey", {"warehouse": place, "offers.draws": "20", "offers.reserve_draws": "100"}, pipeline="offer")


@pytest.fixture(scope="module")
def tables(spark: SparkSession, conf: Config) -> RunTables:
    made = RunTables(spark, conf.warehouse, "run-1", checker=quality_checker(conf, {}), ds=DS)
    for table, of in shop(spark).items():
        made.overwrite(of, table)
    return made


@pytest.mark.long
def test_the_jobs_score_open_campaigns_and_keep_their_budgets(spark: SparkSession, conf: Config, tables: RunTables) -> None:
    scored = load_job("campaign_scores")(spark, conf, DS, tables)
    allocated = load_job("coupon_allocation")(spark, conf, DS, tables)
    assert scored is not None
    assert allocated is not None
    scores = tables.read("gold.campaign_scores").collect()
    assert {(row.as_of, row.campaign_id, row.features_as_of, row.evidence) for row in scores} == {(CUT, "open", CUT + timedelta(days=5), True)}
    metrics = scored.detail["metrics"]
    quality = metrics["redemption"]["all"]
    assert quality["scores"]["model"]["auc"]["low"] > quality["scores"]["base_rate"]["auc"]["value"]
    assert metrics["coupons"]["scores"]["model"]["top_5"]["value"] == 1.0
    assert "not randomised" in metrics["redemption"]["note"]
    best = {row.user_id: row.coupon_id for row in tables.read("gold.coupon_scores").where("rank = 1").collect()}
    used = {row.user_id: row.coupon_id for row in tables.read("silver.redemptions").where("campaign_id = 'open'").collect()}
    assert sum(best[user] == coupon for user, coupon in used.items()) > 0.8 * len(used)

    in_holdout = holdout(pseudonym_function(conf.shop, pseudonym_key()), conf.section("contacts", ContactSettings).holdout_share)
    held_out = tables.read("gold.coupon_scores").where(in_holdout(F.col("user_id"))).select("user_id")
    assert not held_out.isEmpty()
    assert tables.read("gold.coupon_allocation").join(held_out, "user_id", how="left_semi").isEmpty(), "no campaign touches the holdout"

    budget = allocated.detail["metrics"]["allocation"]["budgets"]["open"]
    given = tables.read("gold.coupon_allocation").collect()
    assert 0 < sum(row.cost_minor for row in given) == pytest.approx(budget["expected_cost"], abs=0.01)
    assert budget["expected_cost"] <= budget["planned"] + 0.01 < budget["budget"]
    assert budget["within_budget"] >= 0.95
    assert allocated.detail["metrics"]["allocation"]["reserve_price"] > 0
    load_job("coupon_allocation")(spark, conf, DS, tables)
    assert sorted(tables.read("gold.coupon_allocation").collect()) == sorted(given), "a second run leaves the same rows"


@pytest.mark.long
def test_a_campaign_of_a_file_is_planned_on_the_live_release(spark: SparkSession, conf: Config, tables: RunTables) -> None:
    publish(tables, as_of=CUT, now=datetime(2017, 12, 1, tzinfo=timezone.utc))
    live = LiveRelease(spark, conf.warehouse)
    terms = {
        "campaign": "new one", "type": "A", "start": CUT, "end": CUT + timedelta(days=20), "audience": "orders_90d >= 20", "budget": 8.0,
        "coupons": [{"coupon": "sweet", "items": ["i0", "i1"]}, {"coupon": "hot", "items": ["i6"], "discount": 0.75, "category": "tea"}],
        "floors": {"tea": 3}, "coupons_a_person": 1,
    }  # fmt: skip
    facts, given = plan(conf, parsed(CampaignFile, terms, "file"), live)
    assert facts.people == 60
    assert given.groupBy("user_id").count().where("count > 1").isEmpty()
    discounts = {row.coupon_id: row.discount_minor for row in given.select("coupon_id", "discount_minor").distinct().collect()}
    assert discounts == {"sweet": pytest.approx(100.0), "hot": 75.0}
    (budget,) = told(facts, "page")["budgets"].values()
    assert (budget["budget"], facts.metrics["floors"]["tea"]["short"], facts.metrics["violations"]) == (800.0, 0, 0)
    assert budget["within_budget"] >= 0.95
    page = campaign_page(facts, shop="a <shop>", made_at=datetime(2017, 10, 1, tzinfo=timezone.utc))
    for text in ("a &lt;shop&gt;", "Budget: kept", "Targeting was not randomised", "orders_90d &gt;= 20", f"of {facts.people} people"):
        assert text in page.replace("A &lt;shop&gt;", "a &lt;shop&gt;"), text
    for changed, fault in (
        ({"audience": "orders_90d >= 1000"}, "its audience holds nobody"),
        ({"audience": "ordres >= 1"}, "audience: want a condition in SQL"),
        ({"coupons": [{"coupon": "lost"}]}, "coupon lost: want items"),
        ({"end": None}, "end: want a value"),
    ):
        with pytest.raises(UserError, match=fault):
            plan(conf, parsed(CampaignFile, {**terms, "floors": {}, **changed}, "file"), live)


def test_a_shop_without_campaigns_is_told_what_was_looked_for(spark: SparkSession, tmp_path: Path) -> None:
    conf = load("local", "complete_journey", {"warehouse": str(tmp_path)}, pipeline="offer")
    report = load_job("campaign_scores")(spark, conf, DS, RunTables(spark, str(tmp_path), "run-1", ds=DS))
    assert report is not None
    assert report.detail == {"nothing_scored": "silver.campaigns has no rows: nothing is scored"}


def test_what_people_hold_and_what_it_cost_is_told_of_days_before_today_alone(spark: SparkSession) -> None:
    began, today = date(2026, 3, 2), date(2026, 3, 5)
    campaign = {"campaign_id": "c", "campaign_type": "A", "start_date": began, "end_date": date(2026, 3, 31)}
    planned = [
        ("early", date(2026, 3, 1)),  # before the campaign began: a plan that gave nothing
        ("unasked", began),  # no contacts were planned yet
        ("sent", date(2026, 3, 3)),
        ("withheld", date(2026, 3, 3)),
        ("failed", date(2026, 3, 4)),  # a run that did not come to its contacts
        ("today", today),
    ]
    allocation = [{"as_of": day, "campaign_id": "c", "user_id": user, "coupon_id": "k", "probability": 0.5} for user, day in planned]
    allocation.append({**allocation[1], "user_id": "sent", "probability": 0.25})  # given a first time: it counts
    of_plan = {"as_of": date(2026, 3, 3), "campaign_id": "c", "channel": "email", "purpose": "marketing", "send_at": None}
    contacts = [
        {**of_plan, "user_id": "sent", "sent": True, "send_at": datetime(2026, 3, 3, 9, tzinfo=timezone.utc)},
        {**of_plan, "user_id": "withheld", "sent": False, "reason": "consent"},
        {**of_plan, "user_id": "new", "sent": False, "reason": "day_cap"},
    ]
    budgets = [
        {"as_of": day, "campaign_id": "c", "budget_minor": amount, "set_on": day}
        for day, amount in ((date(2026, 3, 1), 700.0), (began, 900.0), (today, 1.0))
    ]
    found = known(
        spark,
        campaigns=[campaign],
        coupons=[{"campaign_id": "c", "coupon_id": k, "item_id": "jam"} for k in ("k", "other")],
        redemptions=[
            {"campaign_id": "c", "coupon_id": k, "user_id": user, "redemption_date": day}
            for k, user, day in (("k", "sent", began), ("other", "sent", began), ("k", "unasked", today), ("k", "old", date(2026, 3, 1)))
        ],
        events=[
            bought("sent", "jam", began, coupon_minor=30),  # of two coupons, and paid once
            bought("unasked", "jam", today, coupon_minor=500),
            bought("old", "jam", date(2026, 3, 1), coupon_minor=500),  # before the budget was set
        ],
    )
    campaigns = rows(spark, "silver.campaigns", [campaign])
    planned_contacts = rows(spark, "gold.contacts", contacts)
    given = given_coupons(rows(spark, "gold.coupon_allocation", allocation), planned_contacts, campaigns, before=today)
    budget = set_budgets(rows(spark, "gold.campaign_budgets", budgets), campaigns, before=today)
    assert budget == {"c": Budget(900.0, began)}
    earlier = earlier_coupons(given, budget, found, before=today)
    held = {row.user_id: (row.as_of, row.probability, row.is_redeemed) for row in earlier.given.collect()}
    assert held == {"sent": (began, 0.25, True), "unasked": (began, 0.5, False)}
    assert (earlier.counts, earlier.spent) == ({"c": 2}, {"c": 30.0})
    scores = rows(spark, "gold.coupon_scores", [{"campaign_id": "c", "user_id": u, "coupon_id": k} for u in ("sent", "new") for k in ("k", "other")])
    new = new_scores(scores, earlier, coupons_a_person=2).select("user_id", "coupon_id", "held").collect()
    assert sorted(new) == [("new", "k", 0), ("new", "other", 0), ("sent", "other", 1)], "the same coupon is not given twice"
    assert {row.user_id for row in new_scores(scores, earlier, coupons_a_person=1).collect()} == {"new"}, "a coupon that is held counts for the cap"

    settings = load("local", "complete_journey").section("contacts", ContactSettings)
    asked = rows(spark, "gold.coupon_scores", [{"campaign_id": c, "user_id": u} for c in ("c", "d") for u in ("sent", "withheld", "new")])
    for day, reached in ((today, [("c", "new"), ("d", "new"), ("d", "sent")]), (date(2026, 3, 3 + settings.repeat_days), None)):
        found_of_day = sorted((row.campaign_id, row.user_id) for row in contactable(asked, planned_contacts, settings, before=day).collect())
        assert found_of_day == (reached or sorted((row.campaign_id, row.user_id) for row in asked.collect()))

    offers = load("local", "complete_journey", {"offers.coupons_a_person": "1", "offers.budget_share": "0.5"}).section("offers", OfferSettings)
    worth = {"campaign_id": "c", "probability": 0.5, "discount_minor": 40.0}
    scored = [("sent", "k", 100.0), ("sent", "other", 60.0), ("unasked", "k", 10.0)]
    priced = rows(spark, "gold.coupon_scores", [{**worth, "user_id": u, "coupon_id": k, "expected_spend_minor": e} for u, k, e in scored])
    assert late_budgets(given, priced, {}, offers) == {"c": Budget(20.0, began)}, "half of the best coupon of each, held or not"
    assert late_budgets(given, priced, budget, offers) == {}


@pytest.mark.long
def test_a_running_campaign_spends_what_earlier_days_have_left_of_its_budget(spark: SparkSession, conf: Config, tables: RunTables) -> None:
    first, later = CUT + timedelta(days=5), CUT + timedelta(days=9)  # redemptions of the open campaign are of the day before

    if tables.read("gold.campaign_scores").isEmpty():
        load_job("campaign_scores")(spark, conf, DS, tables)

    def allocated(day: date) -> dict[str, Any]:
        of_day = replace(conf, source={**conf.source, "cuts": {"validation": CUT, "test": day}})
        for table in ("gold.campaign_scores", "gold.coupon_scores"):
            scores = tables.read(table).where(F.col("as_of") == F.lit(CUT)).withColumn("as_of", F.lit(day)).localCheckpoint()
            tables.overwrite_day(scores, table, day)
        report = load_job("coupon_allocation")(spark, of_day, DS, tables)
        assert report is not None
        budget: dict[str, Any] = report.detail["metrics"]["allocation"]["budgets"]["open"]
        return budget

    begun, now = allocated(first), allocated(later)
    assert now["budget"] == begun["budget"], "a budget that was set stays"
    given = tables.read("gold.coupon_allocation").where(F.col("as_of") == F.lit(first)).collect()
    used = {(row.user_id, row.coupon_id) for row in tables.read("silver.redemptions").where("campaign_id = 'open'").collect()}
    assert now["spent"] == 100 * len({user for user, _ in used}), "what was redeemed costs, whoever gave it"
    assert now["outstanding"] == pytest.approx(sum(row.cost_minor for row in given if (row.user_id, row.coupon_id) not in used), abs=0.01)
    assert now["expected_cost"] <= max(0.0, now["budget"] - now["spent"] - now["outstanding"]) + 0.01
    both = tables.read("gold.coupon_allocation").where(F.col("as_of").isin(first, later))
    assert both.groupBy("user_id", "coupon_id").count().where("count > 1").isEmpty()
    kept = tables.read("gold.campaign_budgets").where(F.col("as_of") == F.lit(later)).collect()
    assert [(row.set_on, row.spent_minor) for row in kept] == [(first, now["spent"])]
