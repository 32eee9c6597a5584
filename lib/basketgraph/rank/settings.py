"""The numbers of the learned ranker."""

from typing import Literal

from pydantic import field_validator

from basketgraph.foundation.config import Settings
from basketgraph.foundation.recommenders import known_names


class Trees(Settings):
    """One setting's ranker: a linear prior over the recommenders, and the trees that correct it."""

    prior: tuple[str, ...]  # recommenders whose standardised scores make the prior
    objective: Literal["lambdarank", "binary"]
    negatives_share: float  # of the candidates that were not bought, this share is trained on
    rounds: int
    learning_rate: float
    leaves: int
    min_rows: int  # in a leaf
    feature_fraction: float
    l2: float

    @field_validator("prior")
    @classmethod
    def _known(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return known_names(given)


class RankSettings(Settings):
    """Section `rank` of conf/settings.yaml."""

    seed: int
    k: int
    half_life_days: float
    max_training_users: int
    evidence_items: int
    rebuy: Trees
    discovery: Trees

    def trees(self, setting: str) -> Trees:
        trees: Trees = getattr(self, setting)
        return trees
