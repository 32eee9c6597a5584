"""Settings of the learned ranker."""

from typing import Literal

from pydantic import field_validator

from basketgraph.foundation.config import Settings
from basketgraph.foundation.recommenders import known_names
from basketgraph.foundation.trees import TreeSettings


class RankerSettings(TreeSettings):
    """Settings of one ranker: a linear prior over the recommenders, and trees that correct it."""

    prior: tuple[str, ...]  # recommenders whose standardised scores make the prior
    negatives_share: float  # share of the candidates nobody bought that is trained on

    @field_validator("prior")
    @classmethod
    def _check_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return known_names(names)


class RankSettings(Settings):
    """Section `rank` of conf/settings.yaml."""

    seed: int
    k: int
    half_life_days: float
    max_training_users: int
    evidence_items: int
    click_labels: bool
    new_places: Literal["auto", 0, 2, 3, 4]
    rebuy: RankerSettings
    discovery: RankerSettings

    def of(self, setting: str) -> RankerSettings:
        ranker: RankerSettings = getattr(self, setting)
        return ranker
