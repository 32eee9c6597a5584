"""gold.contacts: the contacts that coupons or lists propose, and what came of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.offers.contact_settings import ContactSettings

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ALLOCATION, CONTACTS = "gold.coupon_allocation", "gold.contacts"
LISTS_OF = "lists "  # and a day: the campaign_id of lists


def coupon_contacts(allocation: DataFrame, campaigns: DataFrame, *, day: date, settings: ContactSettings, time_zone: str) -> DataFrame:
    """One contact on `day` for each person and running campaign that gives the person coupons.

    allocation: gold.coupon_allocation rows of one cut.
    campaigns:  silver.campaigns rows; what is over or has not begun is left out: until a campaign begins, consents and complaints may come.
    returns:    rows as `contact_policy` takes them; value is that of all the person's coupons of the campaign.
    """
    runs = F.lit(day).between(F.col("start_date"), F.col("end_date"))
    running = campaigns.where(runs).select("campaign_id", F.col("end_date").alias("ends_on"))
    coupons = allocation.groupBy("campaign_id", "user_id").agg(F.sum("value_minor").alias("value"))
    proposed = coupons.join(F.broadcast(running), "campaign_id", how="inner")  # one row a campaign
    return proposed.select("user_id", "campaign_id", *_by_settings(settings), _sent_on(F.lit(day), settings, time_zone), "ends_on", "value")


def plain_words(consents: DataFrame) -> DataFrame:
    """silver.consents rows whose purpose and channel are in lower case without hyphens and blanks: `E-Mail` is conf's `email`."""
    return consents.withColumns({name: F.regexp_replace(F.lower(name), r"[\s_-]", "") for name in ("purpose", "channel")})


def list_contacts(lists: DataFrame, *, day: date, settings: ContactSettings, time_zone: str) -> DataFrame:
    """One contact a person who has a list. Its value is 0: nobody measured what a list brings, so coupons go before it.

    lists:   gold.recommendations rows as of `day`.
    returns: rows as `contact_policy` takes them; a list of each day is a campaign of its own.
    """
    users = lists.select("user_id").distinct()
    name, end = F.lit(f"{LISTS_OF}{day}").alias("campaign_id"), F.lit(day + timedelta(days=settings.list_days - 1)).alias("ends_on")
    return users.select("user_id", name, *_by_settings(settings), _sent_on(F.lit(day), settings, time_zone), end, F.lit(0.0).alias("value"))


def has_coupon_contacts(contacts: DataFrame, day: date) -> bool:
    """Whether a plan of that day proposed coupons.   contacts: gold.contacts rows."""
    return not contacts.where((F.col("as_of") == F.lit(day)) & ~F.col("campaign_id").startswith(LISTS_OF)).isEmpty()


def _by_settings(settings: ContactSettings) -> tuple[Column, Column]:
    return F.lit(settings.channel).alias("channel"), F.lit(settings.purpose).alias("purpose")


def _sent_on(day: Column, settings: ContactSettings, time_zone: str) -> Column:
    """The instant of `send_hour` on a local day."""
    local = day.cast("timestamp") + F.make_dt_interval(hours=F.lit(settings.send_hour))
    return F.to_utc_timestamp(local, time_zone).alias("proposed_at")


def contact_counts(contacts: DataFrame) -> dict[str, Any]:
    """proposed, sent, people (who are sent something), value (sent), and withheld by reason: contacts and value, most first.

    contacts: rows of `contact_policy`.
    """
    counts = contacts.groupBy("reason").agg(F.count("*").alias("contacts"), F.sum("value").alias("value"), F.countDistinct("user_id").alias("people"))
    rows = sorted(counts.collect(), key=lambda row: (-row["contacts"], str(row["reason"])))
    sent = next((row for row in rows if row["reason"] is None), None)
    return {
        "proposed": sum(row["contacts"] for row in rows),
        "sent": sent["contacts"] if sent else 0,
        "people": sent["people"] if sent else 0,
        "value": round(sent["value"], 2) if sent else 0.0,
        "withheld": {row["reason"]: {"contacts": row["contacts"], "value": round(row["value"], 2)} for row in rows if row["reason"] is not None},
    }
