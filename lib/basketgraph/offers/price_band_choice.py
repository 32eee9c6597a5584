"""How much a person's own prices count in their range, how fast they age, and how wide ranges are: what fits the window after a cut best."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from basketgraph.offers.price_bands import (
    BandChoice,
    PriceBandSettings,
    best_settings,
    by_bucket,
    category_bands,
    category_histograms,
    judged_bands,
    person_histograms,
    price_bands,
    sampled_users,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def choose(past: DataFrame, later: DataFrame, cut: date, settings: PriceBandSettings) -> BandChoice:
    """The settings of ranges that fit the later prices best, for a sample of users.   past, later: rows of `paid_prices` before the cut and after."""
    few = sampled_users(past, settings.learning_users, settings.seed)
    own = past.join(few, "user_id", how="left_semi").localCheckpoint()
    later = later.join(few, "user_id", how="left_semi").localCheckpoint()
    judged = {}
    for half_life in settings.half_lives:
        categories = category_histograms(past, as_of=cut, half_life_days=half_life).localCheckpoint()
        people = person_histograms(own, as_of=cut, half_life_days=half_life).localCheckpoint()
        of_categories = category_bands(categories, levels=settings.levels)
        for prior in settings.priors:
            bands = price_bands(people, categories, prior=prior, levels=settings.levels)
            for place, quality in by_bucket(judged_bands(later, bands, of_categories, level=settings.level).collect()).items():
                judged[BandChoice(prior, half_life, settings.levels[place])] = quality
    if not judged:  # a young shop
        return BandChoice(settings.priors[0], settings.half_lives[-1], settings.level)
    return best_settings(judged, level=settings.level, least_lines=settings.least_lines)
