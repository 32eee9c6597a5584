"""The rules of contact that a shop sets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from basketgraph.foundation.config import Settings

OTHER = "other"  # in place of a channel or purpose that is not named
WEEK = 7  # local days of the weekly cap, the day itself included

Hour = Annotated[int, Field(ge=0, le=23)]
Days = Annotated[int, Field(ge=0)]


class ChannelCap(Settings):
    """How many contacts a person gets on a channel: in a local day, and in any 7 of them."""

    day: int = Field(ge=0)
    week: int = Field(ge=0)


class ContactSettings(Settings):
    """Section `contacts` of conf/settings.yaml."""

    caps: dict[str, ChannelCap]
    gap_days: Days
    repeat_days: Days
    quiet_hours: tuple[Hour, Hour] | None
    complaint_days: Days
    return_days: Days
    missing_consent: dict[str, Literal["granted", "withheld"]]
    holdout_share: float = Field(ge=0, lt=1)
    channel: str
    purpose: str
    send_hour: Hour
    list_days: int = Field(ge=1)

    @field_validator("caps", "missing_consent")
    @classmethod
    def _names_others(cls, given: dict[str, object]) -> dict[str, object]:
        if OTHER not in given:
            raise ValueError(f"want an entry `{OTHER}` for those that are not named, have {', '.join(given) or 'nothing'}")
        return given

    @field_validator("quiet_hours")
    @classmethod
    def _is_a_span(cls, hours: tuple[int, int] | None) -> tuple[int, int] | None:
        if hours is not None and hours[0] == hours[1]:
            raise ValueError("want the hour at which they begin and another at which they end, or null for none")
        return hours

    def cap(self, channel: str) -> ChannelCap:
        return self.caps.get(channel, self.caps[OTHER])

    def is_granted_unless_told(self, purpose: str) -> bool:
        """What it means where nothing is known of a person's consent."""
        return self.missing_consent.get(purpose, self.missing_consent[OTHER]) == "granted"

    @property
    def memory_days(self) -> int:
        """So many days back a contact that was sent still counts."""
        return max(WEEK, self.gap_days, self.repeat_days)
