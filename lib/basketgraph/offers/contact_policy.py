"""The contact policy: of all contacts that lists, coupons and campaigns propose, what is sent, and why the rest is withheld."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from basketgraph.foundation.config import Config
from basketgraph.foundation.privacy.pseudonyms import pseudonym_function, pseudonym_key
from basketgraph.offers.contact_settings import ContactSettings
from basketgraph.offers.person_contacts import Person, Proposal, Sent, decide

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

REASONS = ("holdout", "consent", "campaign_over", "quiet_hours", "complaint", "return", "repeated", "suppressed", "day_cap", "week_cap")
KEY = ("campaign_id", "channel", "proposed_at")  # of a person's proposals
DECIDED = """user_id string, campaign_id string, channel string, purpose string, proposed_at timestamp, ends_on date, value double, send_at timestamp,
sent boolean, reason string, suppressed_by string"""
HOLDOUT_DIGITS = 13  # hexadecimal: 52 bits, which a double holds exactly


def contact_policy(
    proposed: DataFrame,
    consents: DataFrame,
    messages: DataFrame,
    events: DataFrame,
    earlier: DataFrame,
    *,
    settings: ContactSettings,
    time_zone: str,
    in_holdout: Callable[[Column], Column],
) -> DataFrame:
    """Every proposed contact with its decision. Each rule, and which reason is told where several are against a contact: `person_contacts.decide`.

    proposed:   user_id, campaign_id (of a list, too), channel, purpose, proposed_at (instant), ends_on (the campaign's last local day; null without
                an end), value. Of two with one user, campaign, channel and instant the higher value counts.
    consents:   silver.consents rows.   messages: silver.messages rows; complaints count.   events: silver.events rows; cancellations count.
    earlier:    gold.contacts rows of plans before this one; those sent count.
    All by person. time_zone: the shop's, of quiet hours and days.   in_holdout: of a column of user ids, as from `holdout`.
    returns:    the columns of `proposed`, send_at (null where withheld; after quiet hours), sent, reason (one of REASONS; null where sent) and
                suppressed_by (the campaign that went before).
    """
    rest = F.struct("value", "purpose", "ends_on")
    highest = proposed.groupBy("user_id", *KEY).agg(F.max(rest).alias("rest")).select("user_id", *KEY, "rest.*")
    of_person = [
        _lists(consents, "consents", F.struct("purpose", "channel", "valid_from", "valid_to", "granted")),
        _lists(messages.where("message_type = 'complaint'"), "complaints", F.col("event_time")),
        _lists(events.where("event_type = 'cancellation'"), "returns", F.col("event_time")),
        _lists(earlier.where("sent"), "earlier", F.struct("campaign_id", "channel", "send_at")),
    ]
    people = _lists(highest, "proposed", F.struct(*Proposal._fields))
    for lists in of_person:
        people = people.join(lists, "user_id", how="left")  # at most one row a user
    people = people.withColumn("in_holdout", in_holdout(F.col("user_id")))
    schema = to_arrow_schema(StructType.fromDDL(DECIDED))  # type: ignore[arg-type]

    def decided(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        zone = ZoneInfo(time_zone)
        for batch in batches:
            rows = [row for person in batch.to_pylist() for row in _of_person(person, settings, zone)]
            yield pa.RecordBatch.from_pylist(rows, schema=schema)

    return people.mapInArrow(decided, DECIDED)


def _lists(rows: DataFrame, name: str, one: Column) -> DataFrame:
    """user_id and an array of `one`, a row a user."""
    return rows.where(F.col("user_id").isNotNull()).groupBy("user_id").agg(F.collect_list(one).alias(name))


def _of_person(row: dict[str, Any], settings: ContactSettings, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    sent = sorted(Sent(one["campaign_id"], one["channel"], one["send_at"].astimezone(zone).date()) for one in row["earlier"] or ())
    person = Person(row["in_holdout"], row["consents"] or (), row["complaints"] or (), row["returns"] or (), sent)
    for decision in decide(person, [Proposal(**one) for one in row["proposed"]], settings, zone):
        given = decision.proposal._asdict()
        verdict = {"send_at": decision.send_at, "sent": decision.reason is None, "reason": decision.reason, "suppressed_by": decision.suppressed_by}
        yield {"user_id": row["user_id"], **given, **verdict}


def shop_holdout(conf: Config) -> Callable[[Column], Column]:
    """`holdout` of this installation's key and the share of section `contacts`."""
    return holdout(pseudonym_function(conf.shop, pseudonym_key()), conf.section("contacts", ContactSettings).holdout_share)


def holdout(pseudonym: Callable[[Column], Column], share: float) -> Callable[[Column], Column]:
    """Whether a person is in the global holdout, which no campaign touches: the same people every day, and with a larger share these and others.

    pseudonym: of a column of texts, under the key of this installation (`privacy.pseudonyms.pseudonym_function`).
    share:     of the people, from 0 to 1.
    """

    def in_holdout(users: Column) -> Column:
        digits = F.substring(pseudonym(F.concat(F.lit("holdout "), users)), 1, HOLDOUT_DIGITS)
        return F.conv(digits, 16, 10).cast("double") / F.lit(16.0**HOLDOUT_DIGITS) < F.lit(share)

    return in_holdout
