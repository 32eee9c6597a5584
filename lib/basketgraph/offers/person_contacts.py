"""Which of the contacts proposed for one person are sent: plain Python, for `contact_policy` to map over people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from itertools import groupby
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from basketgraph.offers.contact_settings import WEEK, ContactSettings

ALL_CHANNELS = "all"  # in a consent that names no channel


class Proposal(NamedTuple):
    """A contact that a campaign or list wants. proposed_at: an instant with a zone; ends_on: the campaign's last local day, None without an end."""

    campaign_id: str
    channel: str
    purpose: str
    proposed_at: datetime
    ends_on: date | None
    value: float


class Decision(NamedTuple):
    """send_at: None where the contact is withheld; reason: why it is; suppressed_by: the campaign whose contact went before."""

    proposal: Proposal
    send_at: datetime | None
    reason: str | None = None
    suppressed_by: str | None = None


class Sent(NamedTuple):
    campaign_id: str
    channel: str
    day: date


@dataclass
class Person:
    """What is known of a person. consents: dicts with purpose, channel, valid_from, valid_to, granted; sent: contacts of earlier plans."""

    in_holdout: bool
    consents: Sequence[Mapping[str, Any]] = ()
    complaints: Sequence[datetime] = ()
    returns: Sequence[datetime] = ()
    sent: list[Sent] = field(default_factory=list)


def decide(person: Person, proposals: Iterable[Proposal], settings: ContactSettings, zone: ZoneInfo) -> Iterator[Decision]:
    """The decision on each proposal.

    A local day is decided after the other: what is proposed for a later day changes nothing, so all at once is the same as day by day. Of one day the
    higher value goes first; of equal ones the first by campaign, channel and instant. person.sent grows by what is sent.
    """

    def day_of(proposal: Proposal) -> date:
        return proposal.proposed_at.astimezone(zone).date()

    def order(one: Proposal) -> tuple[date, float, str, str, datetime]:
        return day_of(one), -one.value, one.campaign_id, one.channel, one.proposed_at

    for _, of_day in groupby(sorted(proposals, key=order), day_of):
        for one in of_day:
            send_at = after_quiet_hours(one.proposed_at.astimezone(zone), settings.quiet_hours)
            reason, winner = _against(person, one, send_at, settings, zone)
            if reason is None:
                person.sent.append(Sent(one.campaign_id, one.channel, send_at.date()))
            yield Decision(one, None if reason else send_at.astimezone(timezone.utc), reason, winner)


def _against(person: Person, one: Proposal, send_at: datetime, settings: ContactSettings, zone: ZoneInfo) -> tuple[str | None, str | None]:
    """(why a contact is withheld, the campaign that goes before it); None where nothing is against it. send_at: in the shop's zone."""
    day = send_at.date()
    if person.in_holdout:
        return "holdout", None
    if not has_consent(person.consents, one, day, settings):
        return "consent", None
    if one.ends_on is not None and day > one.ends_on:
        return ("campaign_over" if one.proposed_at.astimezone(zone).date() > one.ends_on else "quiet_hours"), None
    for reason, moments, days in (("complaint", person.complaints, settings.complaint_days), ("return", person.returns, settings.return_days)):
        if any(timedelta(0) <= send_at - moment < timedelta(days=days) for moment in moments):
            return reason, None
    return _against_others(person.sent, one, day, settings)


def _against_others(sent: Sequence[Sent], one: Proposal, day: date, settings: ContactSettings) -> tuple[str | None, str | None]:
    """What the person gets already, and what that leaves no room for."""
    own = [other for other in sent if (other.campaign_id, other.channel) == (one.campaign_id, one.channel)]
    if any(abs((other.day - day).days) < settings.repeat_days for other in own):
        return "repeated", None
    for other in sent:
        if other.campaign_id != one.campaign_id and abs((other.day - day).days) < settings.gap_days:
            return "suppressed", other.campaign_id
    days = [other.day for other in sent if other.channel == one.channel]
    cap = settings.cap(one.channel)
    if days.count(day) >= cap.day:
        return "day_cap", None
    weeks = (day + timedelta(days=ahead) for ahead in range(WEEK))  # last days of the weeks that the contact would be in
    if any(sum(last - timedelta(days=WEEK) < other <= last for other in days) >= cap.week for last in weeks):
        return "week_cap", None
    return None, None


def after_quiet_hours(moment: datetime, quiet_hours: tuple[int, int] | None) -> datetime:
    """The moment, or the end of the quiet hours that it is in. moment: in the shop's zone; quiet_hours: from and to, also over midnight."""
    if quiet_hours is None:
        return moment
    begin, end = quiet_hours
    hour = moment.hour
    is_quiet = begin <= hour < end if begin < end else hour >= begin or hour < end
    if not is_quiet:
        return moment
    day = moment.date() + timedelta(days=1 if hour >= end else 0)
    return datetime.combine(day, time(end), tzinfo=moment.tzinfo)


def has_consent(consents: Iterable[Mapping[str, Any]], one: Proposal, day: date, settings: ContactSettings) -> bool:
    """Whether the newest consent of the purpose and channel (or of all channels) that had begun by the day is granted and not ended.

    Of two that began on one day a refusal counts. Without any, the settings say.
    """
    begun = [
        consent
        for consent in consents
        if consent["purpose"] == one.purpose and consent["channel"] in (one.channel, ALL_CHANNELS) and consent["valid_from"] <= day
    ]
    if not begun:
        return settings.is_granted_unless_told(one.purpose)
    newest = max(consent["valid_from"] for consent in begun)
    return all(c["granted"] and (c["valid_to"] is None or c["valid_to"] > day) for c in begun if c["valid_from"] == newest)
