"""The numbers of the learned ranker."""

from typing import Literal

from pydantic import field_validator

from basketgraph.config import Settings

SETTINGS = ("rebuy", "discovery")
SOURCES = ("personal_frequency", "graph", "ease", "item_cosine", "als", "popularity")  # of equal ranks, the one that explains most comes first

LADDER = ("personal_frequency", "popularity", "item_cosine", "ease", "als", "graph")  # what orders a list where a ranker has too little to learn from


class Trees(Settings):
    """One setting's ranker: a linear prior over the sources, and the trees that correct it."""

    prior: tuple[str, ...]  # sources whose standardised scores make the prior
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
        if unknown := sorted(set(given) - set(SOURCES)):
            raise ValueError(f"want sources of {', '.join(SOURCES)}, have {', '.join(unknown)}")
        return given


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
