"""A made-up shop whose people are of two kinds, each of which likes its own half of the items: what they do says what to list."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import yaml

from basketgraph.foundation.config import Config, load
from support.drafts_in_spark import drafted

OPENED = datetime(2026, 1, 5, 8, tzinfo=timezone.utc)
DAYS = 80


@dataclass(frozen=True)
class Look:
    """A person looks at an item; `place` is how far it is from the person's favourite."""

    at: datetime
    person: int
    item: int
    place: int

    @property
    def is_own_half(self) -> bool:
        return self.item % 2 == self.person % 2


def looks(people: int, items: int) -> Iterator[Look]:
    """Each person comes every fourth day or so and looks at some items of the own half near a favourite, seldom at one of the other."""
    chance = random.Random(11)
    for person in range(people):
        for day in range(person % 4, DAYS, 4):
            at = OPENED + timedelta(days=day, minutes=chance.randrange(600))
            for step in range(chance.randint(2, 5)):
                place = min(int(chance.expovariate(10 / items)), items // 2 - 1)
                half = person % 2 if chance.random() < 0.9 else 1 - person % 2
                yield Look(at + timedelta(minutes=step), person, (2 * (place + person // 2) + half) % items, place)


class GroupedPeople:
    """`conf` for --conf-dir with the mapping that onboarding drafts of one file, and a warehouse."""

    def __init__(self, root: Path, name: str, header: str, line: Callable[[Look], str | None], *, people: int = 60, items: int = 40) -> None:
        self.conf, self.landing, self.warehouse, self.name = root / "conf-dir", root / "landing", root / "warehouse", name
        (self.conf / "conf" / "sources").mkdir(parents=True)
        self.landing.mkdir()
        lines = [text for text in map(line, sorted(looks(people, items), key=lambda look: (look.at, look.person))) if text is not None]
        (self.landing / "acts.csv").write_text("\n".join([header, *lines, ""]))
        text = drafted(self.landing).text.replace("shop: newshop", f"shop: {name}")
        self.mapping = yaml.safe_load(text)
        (self.conf / "conf" / "sources" / f"{name}.yaml").write_text(text)

    def config(self, pipeline: str, **sets: str) -> Config:
        given = {"warehouse": str(self.warehouse), "ranks": "1", "graph.epochs": "4", "quality.fresh_days": "100000", **sets}
        return load("local", self.name, given, pipeline=pipeline)
