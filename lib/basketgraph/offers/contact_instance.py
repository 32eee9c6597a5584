"""People, consents, complaints, returns and the contacts that campaigns propose, made by seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CHUNK = 1_000  # people drawn by one generator, so that partitions do not matter
FIRST_DAY = date(2026, 3, 1)  # summer time begins within the first 60 days
CHANNELS, PURPOSE = ("email", "sms", "push"), "marketing"
AUDIENCE, WAVES = 0.5, 3  # a campaign proposes so many contacts to this share of the people
REFUSED, UNTOLD, CHANGED = 0.08, 0.1, 0.15  # shares of the people: refused from the start, of whom nothing is known, who change their mind
COMPLAINTS, RETURNS = 0.5, 1.5  # a person, mean number
SHORTEST, LONGEST = 10, 30  # days of a campaign

PROPOSED = "user_id string, campaign_id string, channel string, purpose string, proposed_at timestamp, ends_on date, value double"
CONSENTS = "user_id string, purpose string, channel string, valid_from date, valid_to date, granted boolean"
MESSAGES, EVENTS = "user_id string, event_time timestamp, message_type string", "user_id string, event_time timestamp, event_type string"
Row = dict[str, Any]
Drawn = Callable[[np.random.Generator, str], Iterator[Row]]


class ContactInstance(NamedTuple):
    """Frames as `contact_policy` takes them."""

    proposed: DataFrame
    consents: DataFrame
    messages: DataFrame
    events: DataFrame


class Campaign(NamedTuple):
    campaign_id: str
    channels: tuple[str, ...]
    first: int  # days after FIRST_DAY
    last: int
    worth: float


def made_instance(spark: SparkSession, *, people: int, days: int, campaigns: int, seed: int, partitions: int) -> ContactInstance:
    """`people` people over `days` days from FIRST_DAY on, with campaigns that overlap. The four frames of one seed belong together."""
    running = drawn_campaigns(campaigns, days, seed)
    drawers: dict[str, tuple[str, Drawn]] = {
        "proposed": (PROPOSED, lambda rng, user: _proposed(rng, user, running)),
        "consents": (CONSENTS, lambda rng, user: _consents(rng, user, days)),
        "messages": (MESSAGES, lambda rng, user: _moments(rng, user, days, COMPLAINTS, {"message_type": "complaint"})),
        "events": (EVENTS, lambda rng, user: _moments(rng, user, days, RETURNS, {"event_type": "cancellation"})),
    }
    chunks = spark.range(0, -(-people // CHUNK), 1, partitions)
    frames = []
    for number, (schema, draw) in enumerate(drawers.values()):
        arrow = to_arrow_schema(StructType.fromDDL(schema))  # type: ignore[arg-type]
        frames.append(chunks.mapInArrow(_of_chunks(draw, arrow, people, (seed, number)), schema))
    return ContactInstance(*frames)


def _of_chunks(draw: Drawn, schema: pa.Schema, people: int, seed: tuple[int, int]) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def drawn(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for chunk in batch["id"].to_pylist():
                rng = np.random.default_rng([*seed, chunk])
                users = range(chunk * CHUNK, min(people, (chunk + 1) * CHUNK))
                yield pa.RecordBatch.from_pylist([row for user in users for row in draw(rng, f"user-{user:08d}")], schema=schema)

    return drawn


def drawn_campaigns(campaigns: int, days: int, seed: int) -> list[Campaign]:
    """Campaigns of one or two channels whose days lie within the simulated ones."""
    rng, drawn = np.random.default_rng([seed, 9]), []
    for number in range(campaigns):
        length = int(min(days, rng.integers(SHORTEST, LONGEST + 1)))
        first = int(rng.integers(0, days - length + 1))
        channels = tuple(CHANNELS[place] for place in sorted(rng.choice(len(CHANNELS), rng.integers(1, 3), replace=False)))
        drawn.append(Campaign(f"campaign-{number:02d}", channels, first, first + length - 1, float(rng.lognormal(5.0, 0.5))))
    return drawn


def _proposed(rng: np.random.Generator, user: str, campaigns: list[Campaign]) -> Iterator[Row]:
    """Contacts at any hour of any of a campaign's days: campaigns know no quiet hours."""
    for one in campaigns:
        if rng.random() >= AUDIENCE:
            continue
        for _ in range(WAVES):
            moment = _moment(rng, one.first, one.last + 1)
            channel, value = one.channels[int(rng.integers(len(one.channels)))], round(one.worth * float(rng.lognormal(0.0, 0.8)), 2)
            end = FIRST_DAY + timedelta(days=one.last)
            named = {"user_id": user, "campaign_id": one.campaign_id, "channel": channel, "purpose": PURPOSE}
            yield {**named, "proposed_at": moment, "ends_on": end, "value": value}


def _consents(rng: np.random.Generator, user: str, days: int) -> Iterator[Row]:
    """A first answer for all channels, and a later one for one channel of those who change their mind."""
    named = {"user_id": user, "purpose": PURPOSE, "valid_to": None}
    granted = bool(rng.random() >= REFUSED)
    if rng.random() < UNTOLD:
        return
    yield {**named, "channel": "all", "valid_from": FIRST_DAY - timedelta(days=30), "granted": granted}
    if rng.random() < CHANGED:
        channel, day = CHANNELS[int(rng.integers(len(CHANNELS)))], FIRST_DAY + timedelta(days=int(rng.integers(days)))
        yield {**named, "channel": channel, "valid_from": day, "granted": not granted}


def _moments(rng: np.random.Generator, user: str, days: int, mean: float, kind: Row) -> Iterator[Row]:
    for _ in range(int(rng.poisson(mean))):
        yield {"user_id": user, "event_time": _moment(rng, -10, days), **kind}


def _moment(rng: np.random.Generator, first: int, end: int) -> datetime:
    """An instant of the days [first, end), to the minute."""
    midnight = datetime.combine(FIRST_DAY, time(), tzinfo=timezone.utc)
    return midnight + timedelta(minutes=int(rng.integers(first * 1440, end * 1440)))
