"""What one person is sent: a contact on each side of every bound, and the reason that is told."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from basketgraph.foundation.config import UserError, data_yaml, load, parsed
from basketgraph.offers.contact_settings import ContactSettings
from basketgraph.offers.person_contacts import Decision, Person, Proposal, Sent, decide

ZONE = ZoneInfo("Europe/Berlin")  # clocks go forward on 29 March 2026
DAY = date(2026, 3, 10)
OPEN = {
    "caps": {"email": {"day": 9, "week": 9}, "other": {"day": 9, "week": 9}}, "gap_days": 0, "repeat_days": 0, "quiet_hours": None,
    "complaint_days": 0, "return_days": 0, "missing_consent": {"other": "granted"}, "holdout_share": 0.0,
}  # fmt: skip


def settings(**changed: Any) -> ContactSettings:
    """Conf's own, without a rule but those that are named."""
    return parsed(ContactSettings, {**data_yaml("conf/settings.yaml")["contacts"], **OPEN, **changed}, "settings.contacts")


def at(hour: float, day: date = DAY) -> datetime:
    """An instant by the clock of the shop."""
    return (datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(hours=hour)).astimezone(timezone.utc)


def proposal(campaign: str = "a", moment: datetime | None = None, value: float = 1.0, **changed: Any) -> Proposal:
    return Proposal(campaign, "email", "marketing", moment or at(10), None, value)._replace(**changed)


def decided(given: list[Proposal], person: Person | None = None, **rules: Any) -> list[Decision]:
    return list(decide(person or Person(False), given, settings(**rules), ZONE))


def reasons(given: list[Proposal], person: Person | None = None, **rules: Any) -> list[str | None]:
    """In the order in which they are given."""
    by_proposal = {one.proposal: one.reason for one in decided(given, person, **rules)}
    return [by_proposal[one] for one in given]


@pytest.mark.parametrize(
    ("day", "hour", "expected"),
    [
        (DAY, 20.99, at(20.99)),
        (DAY, 21, at(32)),
        (DAY, 7.99, at(8)),
        (DAY, 8, at(8)),
        (date(2026, 3, 28), 22, datetime(2026, 3, 29, 6, tzinfo=timezone.utc)),  # 8 o'clock is an hour earlier by then
    ],
)
def test_what_would_be_sent_in_quiet_hours_waits_for_their_end(day: date, hour: float, expected: datetime) -> None:
    (found,) = decided([proposal(moment=at(hour, day))], quiet_hours=(21, 8))
    assert (found.send_at, found.reason) == (expected, None)


def test_a_campaign_that_ends_meanwhile_sends_nothing() -> None:
    late = at(22)
    given = [proposal("a", late, ends_on=DAY), proposal("b", late, ends_on=DAY + timedelta(days=1)), proposal("c", ends_on=DAY - timedelta(days=1))]
    assert reasons(given, quiet_hours=(21, 8)) == ["quiet_hours", None, "campaign_over"]
    assert [one.send_at is None for one in decided(given[:1], quiet_hours=(21, 8))] == [True]


def consent(granted: bool, begins: int, channel: str = "all", purpose: str = "marketing", ends: int | None = None) -> dict[str, Any]:
    end = None if ends is None else DAY + timedelta(days=ends)
    return {"purpose": purpose, "channel": channel, "valid_from": DAY + timedelta(days=begins), "valid_to": end, "granted": granted}


@pytest.mark.parametrize(
    ("consents", "is_sent"),
    [
        ([], False),
        ([consent(True, 0)], True),
        ([consent(True, 1)], False),  # tomorrow
        ([consent(True, -9, purpose="service")], False),
        ([consent(True, -9, "sms")], False),
        ([consent(False, -9), consent(True, -8, "email")], True),  # the newest counts, of the channel or of all
        ([consent(True, -9, "email"), consent(False, -8)], False),
        ([consent(True, -8, "email"), consent(False, -8)], False),  # of one day the refusal
        ([consent(True, -9, ends=0)], False),
        ([consent(True, -9, ends=1)], True),
    ],
)
def test_the_newest_consent_of_the_purpose_and_channel_counts(consents: list[dict[str, Any]], is_sent: bool) -> None:
    told = reasons([proposal()], Person(False, consents), missing_consent={"service": "granted", "other": "withheld"})
    assert told == [None if is_sent else "consent"]
    assert reasons([proposal()], Person(True, consents), missing_consent={"other": "granted"}) == ["holdout"], "whatever they agreed to"


@pytest.mark.parametrize(("kind", "rule", "reason"), [("complaints", "complaint_days", "complaint"), ("returns", "return_days", "return")])
def test_after_a_complaint_or_return_nothing_is_sent_for_a_while(kind: str, rule: str, reason: str) -> None:
    moments = [proposal(f"c{n}", at(10) + timedelta(minutes=n)) for n in (-1, 0, 2 * 1440 - 1, 2 * 1440)]
    assert reasons(moments, Person(False, **{kind: [at(10)]}), **{rule: 2}) == [None, reason, reason, None]


def test_of_two_campaigns_the_higher_value_goes_first_and_equal_ones_by_name() -> None:
    given = [proposal("low", at(8), 1.0), proposal("high", at(12), 2.0), proposal("tie", at(9), 2.0), proposal("next", at(9, DAY + timedelta(1)))]
    found = {one.proposal.campaign_id: (one.reason, one.suppressed_by) for one in decided(given, gap_days=1)}
    assert found == {"high": (None, None), "tie": ("suppressed", "high"), "low": ("suppressed", "high"), "next": (None, None)}
    before = Person(False, sent=[Sent("old", "sms", DAY - timedelta(days=1))])
    assert reasons(given, before, gap_days=2) == ["suppressed", "suppressed", "suppressed", None], "what was sent is sent, of whatever value"


def test_caps_hold_in_a_day_and_in_any_seven() -> None:
    caps = {"email": {"day": 1, "week": 2}, "other": {"day": 9, "week": 9}}
    day = [proposal("a", value=2.0), proposal("b"), proposal("c", channel="sms")]
    assert reasons(day, caps=caps) == [None, "day_cap", None]
    days = [proposal("a", at(10, DAY + timedelta(days=n))) for n in (0, 5, 6, 7)]
    assert reasons(days, caps=caps) == [None, None, "week_cap", None]
    later = Person(False, sent=[Sent("x", "email", DAY + timedelta(days=n)) for n in (3, 6)])  # an earlier plan may have sent for later days
    assert reasons([proposal()], later, caps=caps) == ["week_cap"]


def test_a_campaign_repeats_itself_after_some_days_only() -> None:
    days = [proposal("a", at(10, DAY + timedelta(days=n))) for n in (0, 6, 7)]
    assert reasons([*days, proposal("a", channel="sms")], repeat_days=7) == [None, "repeated", None, None]


def test_settings_that_leave_a_channel_or_purpose_open_are_refused() -> None:
    wrong = {"contacts.caps": "{email: {day: 1, week: 1}}", "contacts.missing_consent": "{marketing: maybe}", "contacts.quiet_hours": "[8, 8]"}
    with pytest.raises(UserError) as refused:
        load("local", "complete_journey", wrong).section("contacts", ContactSettings)
    places = ("caps", "missing_consent", "quiet_hours")
    assert all(any(f"settings.contacts.{place}" in fault for fault in refused.value.faults) for place in places)
