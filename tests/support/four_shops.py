"""Likenesses of four kinds of public data sets that a newcomer tries first: not one is a plain list of dated order lines with items."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path

from support.new_shops import lines_csv

START = datetime(2017, 11, 25, tzinfo=timezone.utc)
ACTS = [("pv", 90), ("cart", 5), ("fav", 3), ("buy", 2)]  # in per cent


def order_lines(folder: Path) -> Path:
    """(a) Orders of a grocer with weekdays and hours but no day, joined with their lines."""
    chance, rows = random.Random(1), []
    for order in range(1, 301):
        user, number = 1 + order % 40, 1 + order // 40
        for place in range(1, chance.randint(2, 8)):
            since = "" if number == 1 else float(chance.randrange(1, 31))
            rows.append([order, user, number, order % 7, 8 + order % 12, since, chance.randrange(100, 160), place, chance.randrange(2)])
    header = ["order_id", "user_id", "order_number", "order_dow", "order_hour_of_day", "days_since_prior_order", "product_id", "add_to_cart_order",
              "reordered"]  # fmt: skip
    return lines_csv(folder / "order_products.csv", header, rows)


def acts(folder: Path, *, rows: int = 4000, days: int = 9, users: int = 60, header: bool = False) -> Path:
    """(b) A log of behaviour: user, item, category, what was done, second since 1970; of all rows one in fifty is a purchase."""
    chance, found = random.Random(2), []
    for _ in range(rows):
        item = chance.randrange(400)
        at = int((START + timedelta(seconds=chance.randrange(days * 86_400))).timestamp())
        (act,) = chance.choices([act for act, _ in ACTS], [weight for _, weight in ACTS])
        found.append([100 + chance.randrange(users), 2_000_000 + item, 4000 + item % 12, act, at])
    names = ["user", "item", "cat", "x3", "at"] if header else found.pop(0)
    return lines_csv(folder / ("UserActs.csv" if header else "UserBehavior.csv"), names, found)


def metadata_and_reviews(folder: Path) -> Path:
    """(c) What a shop sells, and what its customers think of it, both as JSON lines."""
    chance = random.Random(3)
    items = [
        {"main_category": "All Beauty", "title": f"Lotion {item}, 100 ml", "average_rating": 4.1, "rating_number": 10 + item, "features": [],
         "description": ["Soft."], "price": None if item % 3 else 9.99, "images": [{"large": f"https://img.example/{item}.jpg", "variant": "MAIN"}],
         "videos": [], "store": f"Maker {item % 5}", "categories": [], "details": {"Brand": f"Maker {item % 5}"}, "parent_asin": f"B0{item:08}"}
        for item in range(120)
    ]  # fmt: skip
    reviews = [
        {"rating": float(chance.randint(1, 5)), "title": "Works well", "text": "I have used it for a week, and it does what it says.", "images": [],
         "asin": f"B0{chance.randrange(120):08}", "user_id": f"AG{chance.randrange(300):06}",
         "timestamp": int((START + timedelta(minutes=chance.randrange(500_000))).timestamp() * 1000), "helpful_vote": chance.randrange(4),
         "verified_purchase": chance.random() < 0.9}
        for _ in range(2000)
    ]  # fmt: skip
    for review in reviews:
        review["parent_asin"] = review["asin"]
    folder.mkdir(parents=True, exist_ok=True)
    for name, records in (("meta_All_Beauty.jsonl", items), ("All_Beauty.jsonl", reviews)):
        (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return folder


def spaced_purchases(folder: Path) -> Path:
    """(d) Customer, day, pieces and dollars in columns of a width, without a header and without items."""
    chance, lines = random.Random(4), []
    for customer in range(1, 401):
        for _ in range(chance.randint(1, 8)):
            day, pieces = START + timedelta(days=chance.randrange(500)), chance.randint(1, 5)
            lines.append(f" {customer:05} {day:%Y%m%d} {pieces:2} {pieces * 12.77:7.2f}\r\n")
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "CDNOW_master.txt"
    place.write_text("".join(lines), encoding="utf-8", newline="")
    return place
