"""A made-up shop of any age for whole runs: a mapping with an item list, one file of sales, a warehouse."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import yaml

from basketgraph.foundation.config import Config, load
from support.corner_shop import HEADER, ITEMS, mapping

OPENED = date(2026, 3, 1)
Sale = tuple[str, str, date]  # user, item, day


def regulars(days: int, users: int = 18, items: int = 14) -> list[Sale]:
    """Each user comes every third day or so, for the same two items and now and then another one."""
    sales = []
    for user in range(users):
        for day in range(user % 3, days, 3):
            for item in {user % items, (user * 5 + 1) % items, (user + day) % items}:
                sales.append((f"u{user:02d}", f"i{item:02d}", OPENED + timedelta(days=day)))
    return sales


class YoungShop:
    """`conf` for --conf-dir, a landing folder with the sales, and a warehouse."""

    def __init__(self, root: Path, sales: Iterable[Sale]) -> None:
        self.conf, self.landing, self.warehouse = root / "conf-dir", root / "landing", root / "warehouse"
        (self.conf / "conf" / "sources").mkdir(parents=True)
        self.landing.mkdir()
        given = {**mapping(items=ITEMS), "landing": str(self.landing)}
        (self.conf / "conf" / "sources" / "young.yaml").write_text(yaml.safe_dump(given))
        lines = [f"{n},{user},{item},1,{2 + n % 5}.50,{day} 10:00,Title of {item}" for n, (user, item, day) in enumerate(sales)]
        (self.landing / "sales.csv").write_text("\n".join([HEADER, *lines, ""]))

    def config(self, pipeline: str, **sets: str) -> Config:
        """One rank and few epochs: what is learned is not what such a shop is for."""
        given = {"warehouse": str(self.warehouse), "ranks": "1", "graph.epochs": "1", "quality.fresh_days": "100000", **sets}
        return load("local", "young", given, pipeline=pipeline)
