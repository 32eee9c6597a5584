"""Breaches of the contact rules among contacts that are sent, counted by joins and windows: another way than the one that decides."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from basketgraph.offers.contact_settings import OTHER, WEEK, ContactSettings

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def breaches(
    contacts: DataFrame,
    consents: DataFrame,
    messages: DataFrame,
    events: DataFrame,
    *,
    settings: ContactSettings,
    time_zone: str,
    in_holdout: Callable[[Column], Column],
) -> dict[str, int]:
    """Rule -> contacts (of the rules about two contacts: pairs) that break it.   The arguments are those of `contact_policy`; contacts: its rows."""
    local = F.from_utc_timestamp("send_at", time_zone)
    sent = contacts.where("sent").withColumns({"day": F.to_date(local), "hour": F.hour(local), "id": F.monotonically_increasing_id()})
    sent = sent.localCheckpoint()  # every rule looks at them
    complaints, returns = messages.where("message_type = 'complaint'"), events.where("event_type = 'cancellation'")
    broken = {
        "holdout": sent.where(in_holdout(F.col("user_id"))),
        "consent": _without_consent(sent, consents, settings),
        "campaign_over": sent.where("day > ends_on"),
        "quiet_hours": sent.where(_is_quiet(settings)),
        "complaint": _soon_after(sent, complaints, settings.complaint_days),
        "return": _soon_after(sent, returns, settings.return_days),
        "repeated": _too_close(sent, same=True, days=settings.repeat_days),
        "suppressed": _too_close(sent, same=False, days=settings.gap_days),
        "day_cap": _above_cap(sent, settings, days=1),
        "week_cap": _above_cap(sent, settings, days=WEEK),
    }
    counted = [rows.agg(F.count("*").alias("contacts")).select(F.lit(rule).alias("rule"), "contacts") for rule, rows in broken.items()]
    return {row["rule"]: row["contacts"] for row in reduce(lambda a, b: a.unionByName(b), counted).collect()}


def _is_quiet(settings: ContactSettings) -> Column:
    if settings.quiet_hours is None:
        return F.lit(False)
    begin, end = settings.quiet_hours
    hours = range(begin, end) if begin < end else (*range(begin, 24), *range(end))
    return F.col("hour").isin(*hours)


def _soon_after(sent: DataFrame, events: DataFrame, days: int) -> DataFrame:
    moments = events.select("user_id", F.unix_micros("event_time").alias("happened"))
    since = F.unix_micros("send_at") - F.col("happened")
    near = sent.join(moments, "user_id", how="inner")  # a row for each event of the person
    return near.where((since >= 0) & (since < days * 86_400_000_000)).select("id").distinct()


def _without_consent(sent: DataFrame, consents: DataFrame, settings: ContactSettings) -> DataFrame:
    """Contacts whose newest consents are not all granted, or that have none where that means no."""
    told = consents.select("user_id", "purpose", F.col("channel").alias("of_channel"), "valid_from", "valid_to", "granted")
    joined = sent.join(told, ["user_id", "purpose"], how="left")  # a row for each consent of the purpose
    fits = F.col("of_channel").isin("all") | (F.col("of_channel") == F.col("channel"))
    begun = fits & (F.col("valid_from") <= F.col("day"))
    is_good = F.col("granted") & (F.col("valid_to").isNull() | (F.col("valid_to") > F.col("day")))
    # The newest day that began, and of that day a refusal before a consent.
    newest = F.max(F.when(begun, F.struct("valid_from", (~is_good).alias("is_bad")))).alias("newest")
    default = {purpose: settings.is_granted_unless_told(purpose) for purpose in settings.missing_consent}
    granted_unless_told = reduce(
        lambda so_far, one: F.when(F.col("purpose") == one[0], one[1]).otherwise(so_far), default.items(), F.lit(default[OTHER])
    )
    return joined.groupBy("id", "purpose").agg(newest).where(F.coalesce(F.col("newest.is_bad"), ~granted_unless_told))


def _too_close(sent: DataFrame, *, same: bool, days: int) -> DataFrame:
    """Pairs of one person's contacts on less than `days` days: of one campaign and channel, or of two campaigns."""
    others = sent.select("user_id", *(F.col(name).alias(f"other_{name}") for name in ("id", "day", "campaign_id", "channel")))
    pairs = sent.join(others, "user_id", how="inner").where("id < other_id")  # every pair once
    is_same = F.col("campaign_id") == F.col("other_campaign_id")
    counts = is_same & (F.col("channel") == F.col("other_channel")) if same else ~is_same
    return pairs.where(counts & (F.abs(F.datediff("day", "other_day")) < days))


def _above_cap(sent: DataFrame, settings: ContactSettings, *, days: int) -> DataFrame:
    """Contacts that are above the cap of the days that end with theirs."""
    number = F.unix_date("day")
    of_days = Window.partitionBy("user_id", "channel").orderBy(number).rangeBetween(1 - days, 0)
    caps = {channel: cap.day if days == 1 else cap.week for channel, cap in settings.caps.items()}
    cap = reduce(lambda so_far, one: F.when(F.col("channel") == one[0], one[1]).otherwise(so_far), caps.items(), F.lit(caps[OTHER]))
    return sent.withColumn("so_far", F.count("*").over(of_days)).where(F.col("so_far") > cap)
