"""Ranges for what people pay: quantiles of mixtures, worked by hand."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from basketgraph.offers.price_bands import (
    ALL,
    BIN,
    BucketQuality,
    best_settings,
    by_bucket,
    category_bands,
    category_histograms,
    judged_bands,
    paid_prices,
    person_histograms,
    price_bands,
)
from support.contract_rows import rows

CUT = date(2026, 3, 1)


def line(user: str, price: int, item: str = "tea", day: date = date(2026, 2, 28), **more: Any) -> dict[str, Any]:
    return {"user_id": user, "item_id": item, "event_date": day, "amount_minor": price, "quantity": 1, "currency": "EUR", **more}


def test_a_range_lies_between_quantiles_of_the_persons_prices_and_the_categorys(spark: SparkSession) -> None:
    cheap = [line(f"u{n}", 100 + n) for n in range(100)]  # 100 people, a line each, from 1.00 to 1.99
    dear = [line("dear", 5000) for _ in range(20)]
    odd = [line("u0", 90_000, quantity=30), line("u0", 0), line("u0", 90_000, currency="USD"), line("u0", 90_000, item="fuel")]
    shop = rows(
        spark,
        "silver.items",
        [
            {"item_id": "tea", "category": None, "department": "drinks", "recommendable": True, "valid_from": date(2025, 1, 1)},
            {"item_id": "fuel", "category": "fuel", "recommendable": False, "valid_from": date(2025, 1, 1)},
        ],
    )
    events = rows(spark, "silver.events", [*cheap, *dear, *odd, line("u1", 130, day=CUT), line("new", 500, day=CUT), line("dear", 5000, day=CUT)])
    prices = paid_prices(events, shop, as_of=CUT, currency="EUR")
    past, later = prices.where("event_date < DATE'2026-03-01'"), prices.where("event_date >= DATE'2026-03-01'")
    categories = category_histograms(past, as_of=CUT, half_life_days=1e9)
    people = person_histograms(past, as_of=CUT, half_life_days=1e9)
    bands = price_bands(people, categories, prior=3.0, levels=[0.8, 0.2])
    got = {row.user_id: row for row in bands.collect()}
    common = sorted([*(100 + n for n in range(100)), *[5000] * 20])

    def quantiles(own: list[int], prior: float, level: float) -> tuple[float, float]:
        weights = {math.floor(math.log(price) / BIN): 0.0 for price in (*own, *common)}
        for price in own:
            weights[math.floor(math.log(price) / BIN)] += 1
        for price in common:
            weights[math.floor(math.log(price) / BIN)] += prior / len(common)
        bins = sorted(weights)
        reached = np.cumsum([weights[place] for place in bins]) / (len(own) + prior) + 1e-9
        low, high = (bins[int(np.searchsorted(reached, bound))] for bound in ((1 - level) / 2, (1 + level) / 2))
        return low * BIN, (high + 1) * BIN

    for user, own in (("dear", [5000] * 20), ("u7", [107])):
        for place, level in enumerate((0.8, 0.2)):
            assert tuple(got[user].bands[place]) == pytest.approx(quantiles(own, 3.0, level))
    assert got["dear"].bands[1].low_log > math.log(4800), "twenty lines say more than three of the category"
    assert (got["dear"].lines, got["u0"].lines) == (20, 1)
    (of_category,) = category_bands(categories, levels=[0.8]).collect()
    assert of_category.category == "drinks"
    assert tuple(of_category.bands[0]) == pytest.approx(quantiles([], 1.0, 0.8))
    judged = by_bucket(judged_bands(later, bands, category_bands(categories, levels=[0.8, 0.2]), level=0.8).collect())[0]
    assert {name: (one.lines, one.coverage) for name, one in judged.items()} == {ALL: (3, 1.0), "0": (1, 1.0), "1-4": (1, 1.0), "20+": (1, 1.0)}
    assert judged[ALL].interval_score == pytest.approx(judged[ALL].log_width), "nothing lies outside"


def test_settings_near_the_level_in_every_bucket_come_first() -> None:
    def quality(coverage: float, score: float, few: float = 0.8) -> dict[str, BucketQuality]:
        return {ALL: BucketQuality(1000, coverage, 1.0, score), "0": BucketQuality(10, few, 1.0, score)}

    judged = {
        "near": quality(0.81, 1.7),
        "best score": quality(0.87, 1.6),
        "also near": quality(0.82, 1.8),
        "too low": quality(0.79, 1.5),
        "few": quality(0.8, 1.65, few=0.1),
    }
    assert best_settings(judged, level=0.8, least_lines=100) == "few"
    assert best_settings(judged, level=0.8, least_lines=10) == "near"
    assert best_settings({"far": quality(0.9, 1.0), "farther": quality(0.6, 1.0)}, level=0.8, least_lines=100) == "far"
