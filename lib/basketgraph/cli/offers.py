"""`basketgraph offer`: one campaign, planned by a file, allocated on the live release, with its page."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer

from basketgraph.cli.options import Options, command, print_json
from basketgraph.foundation.config import UserError, user_path

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import DataFrame

    from basketgraph.foundation.config import Config
    from basketgraph.foundation.tables.warehouse import LiveRelease
    from basketgraph.offers.campaign_file import CampaignFile
    from basketgraph.offers.campaigns import CampaignRows
    from basketgraph.offers.coupon_allocation import CouponAllocation
    from basketgraph.offers.planned_campaign import PlannedCampaign
    from basketgraph.offers.redemption_scores import CampaignScores
    from basketgraph.report.campaigns import CampaignFacts

MOST_COUPONS = 12  # on the page


@command
def offer(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN.yaml", help="audience, coupons, budget, dates and caps (docs/offers.md)")],
    options: Options,
    coupons: Annotated[str | None, typer.Option("--coupons", metavar="FOLDER", help="also write who gets which coupon there, as Parquet")] = None,
) -> None:
    """Choose who gets which coupons of a campaign under its budget, from the live release. Ends with the campaign's page; no table is written.

    Example: basketgraph offer autumn.yaml --source myshop --set warehouse=/data/warehouse
    """
    from basketgraph.foundation.runs.session import announce_spark, spark_session
    from basketgraph.offers.campaign_file import read_campaign_file

    conf = options.config(pipeline="offer")
    file = read_campaign_file(user_path(campaign, "CAMPAIGN.yaml"))
    folder = None if coupons is None else user_path(coupons, "--coupons")
    if folder is not None and folder.exists():
        raise UserError(f"--coupons: want a folder that is not there yet, have {folder}", cure="Name another, or remove it.")
    announce_spark(conf)
    from basketgraph.foundation.tables.warehouse import LiveRelease
    from basketgraph.report.campaigns import campaign_page

    live = LiveRelease(spark_session(conf, "basketgraph offer"), conf.warehouse)
    facts, rows = plan(conf, file, live)
    name = re.sub(r"[^\w.-]", "_", facts.campaign_id)
    page = f"{live.root}/reports/campaigns/{name}.html"
    live.files.overwrite(page, campaign_page(facts, shop=conf.shop, made_at=datetime.now(timezone.utc)))
    if folder is not None:
        rows.write.parquet(folder.as_uri())
    if options.as_json:
        print_json(told(facts, page))
    else:
        print_plan(facts, page)


def plan(conf: Config, file: CampaignFile, live: LiveRelease) -> tuple[CampaignFacts, DataFrame]:
    """What the page tells, and the coupons given."""
    from pyspark.sql import functions as F

    from basketgraph.foundation.persons import Persons
    from basketgraph.foundation.point_in_time import known_before
    from basketgraph.foundation.progress import at
    from basketgraph.offers.allocation_limits import coupons_of
    from basketgraph.offers.campaign_summary import chosen_beside_others, intervals, most_given, segments
    from basketgraph.offers.campaigns import campaigns_known, finished_before
    from basketgraph.offers.contact_policy import shop_holdout
    from basketgraph.offers.contact_settings import ContactSettings
    from basketgraph.offers.coupon_allocation import allocate_coupons
    from basketgraph.offers.planned_campaign import coupons_with_categories, limits_of_file, planned_campaign, priced_scores
    from basketgraph.offers.redemption_scores import coupon_score_rows, score_campaigns
    from basketgraph.offers.settings import OfferSettings
    from basketgraph.report.campaigns import CampaignFacts

    settings, currency = conf.section("offers", OfferSettings), conf.source["currency"]
    at("the campaign's people")
    start = file.start or _start_of(live.read("silver.campaigns"), file.campaign)
    profiles, as_of = _profiles(live, start)
    rows = campaigns_known(live, Persons(live, conf.source), start)
    planned = planned_campaign(file, rows, profiles, currency=currency)
    chosen = planned.campaign
    scores = score_campaigns(planned.rows, [chosen], cut=chosen.start, settings=settings)
    every = coupon_score_rows(scores, [chosen], as_of=chosen.start, known_before=chosen.start, settings=settings).localCheckpoint()
    share = conf.section("contacts", ContactSettings).holdout_share
    priced = priced_scores(every, planned.discounts).where(~shop_holdout(conf)(F.col("user_id")))
    offered = coupons_with_categories(file, coupons_of(priced))
    limits = limits_of_file(file, offered, settings, error=scores.model.calibration.error, currency=currency)
    found = allocate_coupons(priced, offered, limits)
    at("the campaign's page")
    finished = finished_before(planned.rows.campaigns, chosen.start)
    facts = CampaignFacts(
        campaign_id=chosen.campaign_id,
        campaign_type=chosen.campaign_type,
        start=chosen.start,
        end=chosen.end,
        audience=file.audience,
        people=planned.people,
        currency=currency,
        metrics=found.metrics,
        intervals=intervals(found, limits),
        segments=segments(scores.pairs, profiles, found.rows),
        coupons=most_given(found.rows, planned.rows.coupons, known_before(live.read("silver.items"), start), most=MOST_COUPONS),
        beside=chosen_beside_others(scores.pairs, found.rows),
        learned={"campaigns": len(finished), "people": scores.learned_people, "redeemers": scores.learned_redeemers},
        evidence=scores.model.evidence,
        error=scores.model.calibration.error,
        unpriced=every.select("coupon_id").distinct().count() - len(offered),
        profiles_as_of=as_of if file.audience else None,
        level=limits.level,
        holdout_share=share,
        outcome=outcome(conf, live, rows, planned, scores, found),
    )
    return facts, found.rows


def outcome(
    conf: Config, live: LiveRelease, rows: CampaignRows, planned: PlannedCampaign, scores: CampaignScores, found: CouponAllocation
) -> dict[str, Any] | None:
    """What came of the campaign among those of its audience whom the shop had listed; None where it still runs, or the shop listed nobody.

    rows: what the shop's tables have.
    """
    from pyspark.sql import functions as F

    from basketgraph.offers.campaign_forecasts import BACK_TEST, PLANNED, Forecasts
    from basketgraph.offers.campaign_outcomes import campaign_outcomes, outcome_terms
    from basketgraph.offers.contacts import CONTACTS
    from basketgraph.offers.earlier_coupons import Budget
    from basketgraph.offers.settings import OfferSettings

    chosen = planned.campaign
    last = live.read("silver.events").agg(F.max("event_date")).collect()[0][0]
    if last is None or chosen.end > last:
        return None
    name, pair = chosen.campaign_id, ["campaign_id", "user_id"]
    (budget,) = found.metrics["budgets"].values()
    forecasts = Forecasts(
        people=scores.pairs.join(rows.targets, pair, how="left_semi").withColumn("probability", F.col("campaign_probability")),
        kinds={name: BACK_TEST},
        days={name: chosen.start},
        errors={name: scores.model.calibration.error},
        coupons=found.rows.join(rows.targets, pair, how="left_semi").select(*pair, "coupon_id", "probability", "cost_minor"),
        coupons_of={name: PLANNED},
        budgets={name: Budget(budget["budget"], chosen.start)},
    )
    has_contacts = not conf.source.get("cuts") and live.row is not None and CONTACTS in live.row["versions"]
    contacted = has_contacts and not live.read(CONTACTS).where((F.col("campaign_id") == name) & F.col("sent")).isEmpty()
    terms = outcome_terms(conf, conf.section("offers", OfferSettings))
    made = campaign_outcomes(rows, [chosen], forecasts, [name] if contacted else [], terms, known_to=last + timedelta(days=1))
    return made[0] if made else None


def _start_of(campaigns: DataFrame, campaign_id: str) -> date:
    from pyspark.sql import functions as F

    row = campaigns.where(F.col("campaign_id") == campaign_id).select("start_date").first()
    if row is None:
        fault = f"start: want a date, since silver.campaigns has no campaign {campaign_id}"
        raise UserError(f"campaign {campaign_id} cannot be planned", [fault], "Name type, start and end in the file, or a campaign of the shop.")
    start: date = row.start_date
    return start


def _profiles(live: LiveRelease, start: date) -> tuple[DataFrame, date]:
    """gold.user_profiles rows of the newest day up to the start, and that day. errors: UserError where there is none."""
    from pyspark.sql import functions as F

    profiles = live.read("gold.user_profiles")
    as_of = profiles.where(F.col("as_of") <= F.lit(start)).agg(F.max("as_of")).collect()[0][0]
    if as_of is None:
        fault = f"gold.user_profiles: want rows as of {start} or earlier, have none"
        raise UserError("the audience is not known", [fault], "Run `basketgraph run profiles`, or let the campaign start later.")
    return profiles.where(F.col("as_of") == F.lit(as_of)), as_of


def told(facts: CampaignFacts, page: str) -> dict[str, Any]:
    """The JSON object."""
    from basketgraph.offers.campaign_outcomes import as_metrics

    return {
        "campaign": facts.campaign_id,
        "start": facts.start,
        "end": facts.end,
        "audience": facts.people,
        **facts.metrics,
        "intervals": {name: list(bounds) for name, bounds in facts.intervals.items()},
        "evidence": facts.evidence,
        "calibration_error": facts.error,
        "currency": facts.currency,
        "outcome": None if facts.outcome is None else as_metrics([facts.outcome])[0],
        "page": page,
    }


def print_plan(facts: CampaignFacts, page: str) -> None:
    from basketgraph.cli.summary import console
    from basketgraph.report.campaigns import lights

    out, metrics = console(), facts.metrics
    out.print(f"campaign {facts.campaign_id} from {facts.start}: {metrics['people']:,} of {facts.people:,} people get {metrics['coupons']:,} coupons")
    low, high = facts.intervals["redemptions"]
    out.print(f"expected redemptions {metrics['expected_redemptions']:,.0f} ({low:,.0f} .. {high:,.0f} in 90 of 100 cases)")
    for light in lights(facts):
        out.print(f"{light['subject'].lower()}: {light['words']}. {light['sentence']}", soft_wrap=True)
    out.print("targeting was not randomised: who redeems is not whom the campaign changes")
    out.print(f"page      {page}", soft_wrap=True)
