"""Likenesses of public logs of what people do, rate and are shown, each with the counts that must come out of it."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType

ZONE = timezone(timedelta(hours=8))  # Asia/Shanghai, all year
START = datetime(2017, 11, 24, 12, tzinfo=timezone.utc)  # until 16:00 it is the same day there, then the next one
TYPES = MappingProxyType({"view": 80, "cart_add": 12, "favourite": 5, "purchase": 3})  # in per cent


@dataclass(frozen=True)
class Log:
    """counts: rows by (event type, the shop's local day).   unparsable, equal: lines that are no rows, and rows that are equal to others."""

    counts: Mapping[tuple[str, date], int]
    unparsable: int = 0
    equal: int = 0

    @property
    def types(self) -> dict[str, int]:
        found: Counter[str] = Counter()
        for (name, _), number in self.counts.items():
            found[name] += number
        return dict(found)


@dataclass(frozen=True)
class Act:
    at: datetime
    person: int
    item: int
    type_: str

    @property
    def key(self) -> tuple[str, date]:
        return self.type_, self.at.astimezone(ZONE).date()


def acts(number: int, types: Mapping[str, int] = TYPES, *, people: int = 60, days: int = 5) -> Iterator[Act]:
    """`number` different acts over days that begin in the middle of one."""
    chance = random.Random(7)
    for place in range(number):
        (type_,) = chance.choices(list(types), weights=list(types.values()))
        at = START + timedelta(seconds=chance.randrange(days * 86_400), milliseconds=place % 1000)
        yield Act(at, 100 + chance.randrange(people), 2_000_000 + chance.randrange(300), type_)


def five_columns(folder: Path, number: int = 3000) -> Log:
    """`user,item,category,pv|cart|fav|buy,unix seconds`: no header, days that nobody asked for, an item in two categories, equal lines, and an end in
    the middle of a line.
    """
    words = {"view": "pv", "cart_add": "cart", "favourite": "fav", "purchase": "buy"}
    stray = [datetime(2017, 9, 11, 3, tzinfo=timezone.utc), datetime(2018, 8, 28, 20, tzinfo=timezone.utc), datetime(1970, 1, 1, tzinfo=timezone.utc)]
    told = [*acts(number), *(Act(at, 100, 2_000_001, "view") for at in stray)]
    lines = []
    for place, one in enumerate(told):
        category = 4000 + (one.item % 12 if one.item != 2_000_001 or place % 2 else 99)
        lines.append(f"{one.person},{one.item},{category},{words[one.type_]},{int(one.at.timestamp())}")
    distinct = {line: one.key for line, one in zip(lines, told, strict=True)}
    lines[number // 2 : number // 2] = lines[:3]
    _write(folder / "UserActs.csv", "\n".join(lines) + "\n105,2000007,40")
    return Log(Counter(distinct.values()), unparsable=1, equal=len(lines) - len(distinct))


def shop_events(folder: Path, number: int = 600) -> Log:
    """`event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session`, times in UTC and prices beside all of them."""
    words = {"view": "view", "cart_add": "cart", "cart_remove": "remove_from_cart", "purchase": "purchase"}
    told = list(acts(number, {"view": 70, "cart_add": 15, "cart_remove": 10, "purchase": 5}))
    lines = ["event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"]
    for place, one in enumerate(told):
        code = "" if one.item % 3 else "electronics.smartphone"
        lines.append(
            f"{one.at:%Y-%m-%d %H:%M:%S} UTC,{words[one.type_]},{one.item},{2053013555631882655 + one.item % 12},{code},"
            f"{'' if one.item % 4 else 'samsung'},{10 + one.item % 50}.49,{one.person},{place:08x}-83cf-4ec5-8e0f-e2f9a1d1b7a5"
        )
    _write(folder / "2019-Oct.csv", "\n".join(lines) + "\n")
    return Log(Counter(one.key for one in told))


def visitor_events(folder: Path, number: int = 600, types: Mapping[str, int] = MappingProxyType({"view": 85, "cart_add": 10, "purchase": 5})) -> Log:
    """`timestamp,visitorid,event,itemid,transactionid` in milliseconds; nobody is a user, and transactions alone have a number."""
    words = {"view": "view", "cart_add": "addtocart", "purchase": "transaction"}
    told = list(acts(number, types))
    lines = ["timestamp,visitorid,event,itemid,transactionid"]
    for place, one in enumerate(told):
        number_ = str(4000 + place) if one.type_ == "purchase" else ""
        lines.append(f"{round(one.at.timestamp() * 1000)},{one.person},{words[one.type_]},{one.item},{number_}")
    _write(folder / "events.csv", "\n".join(lines) + "\n")
    return Log(Counter(one.key for one in told))


def ratings(folder: Path, number: int = 600, *, separator: str = "::") -> Log:
    """`user::item::rating::seconds` without a header, from half a star to five."""
    told = [(one.person, one.item, 0.5 * (1 + place % 10), one) for place, one in enumerate(acts(number))]
    lines = [separator.join(map(str, (person, item, stars, int(one.at.timestamp())))) for person, item, stars, one in told]
    _write(folder / "ratings.dat", "\n".join(lines) + "\n")
    return Log(Counter(("review", one.key[1]) for *_, one in told))


def reviews(folder: Path, number: int = 300) -> Log:
    """JSON lines: `reviewerID, asin, reviewerName, helpful, reviewText, overall, summary, unixReviewTime, reviewTime`."""
    told = list(acts(number))
    records = [
        {"reviewerID": f"A{one.person:012}", "asin": f"B{one.item}", "reviewerName": "J. McDonald", "helpful": [2, 3],
         "reviewText": "I bought this for my husband, who plays the piano.", "overall": 1.0 + place % 5, "summary": "Heavenly Highway Hymns",
         "unixReviewTime": int(one.at.timestamp()), "reviewTime": f"{one.at:%m %d, %Y}"}
        for place, one in enumerate(told)
    ]  # fmt: skip
    _write(folder / "reviews.json", "".join(json.dumps(record) + "\n" for record in records))
    return Log(Counter(("review", one.key[1]) for one in told))


def impressions(folder: Path, number: int = 300) -> Log:
    """Logs of two policies (random, bts): an index without a name, time, item, place, click, propensity. Nobody says who saw it; some are equal."""
    told = list(acts(number))
    for policy in ("random", "bts"):
        header = ",timestamp,item_id,position,click,propensity_score,user_feature_0,user-item_affinity_0"
        lines = [header]
        for place, one in enumerate(told[policy == "bts" :: 2]):
            at = one.at.replace(microsecond=0).isoformat(sep=" ") if place else told[2].at.replace(microsecond=0).isoformat(sep=" ")
            lines.append(
                f"{place},{at},{one.item % 34 if place > 1 else 7},{1 + place % 3 if place > 1 else 1},{int(place % 50 == 3)},0.0125,81ce123c,0.0"
            )
        _write(folder / policy / "all.csv", "\n".join(lines) + "\n")
    return Log({})


def clothing_reviews(folder: Path, number: int = 300) -> Log:
    """Reviews that say neither who wrote them nor when; some are equal."""
    header = "Clothing ID,Age,Title,Review Text,Rating,Recommended IND,Positive Feedback Count,Division Name,Department Name,Class Name"
    told = list(acts(number))
    lines = [
        f'{one.item % 40},{30 + one.person % 9},,"soft, and warm",{1 + one.item % 5},{one.item % 2},0,General,D{one.item % 6},C{one.item % 20}'
        for one in told
    ]
    _write(folder / "reviews.csv", "\n".join([header, *lines]) + "\n")
    return Log({}, equal=len(lines) - len(set(lines)))


def _write(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
