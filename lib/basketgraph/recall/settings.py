"""Settings of candidate generation."""

from pydantic import field_validator

from basketgraph.foundation.config import Settings
from basketgraph.foundation.recommenders import NAMES, known_names

MOST_CANDIDATES = 10_000  # of a user in one setting: LightGBM takes no more rows a query


class RecallSettings(Settings):
    """Section `recall` of conf/settings.yaml."""

    seed: int
    sold_days: int
    popularity_days: int
    als_rank: int
    als_alpha: float
    als_regularisation: float
    als_iterations: int
    als_min_users: int
    related_shrink: float
    related_neighbours: int
    related_min_users: int
    related_max_users: int
    transition_days: int
    audience_days: int
    audience_items: int
    ease_lambda: float
    ease_max_users: int
    block_users: int
    rebuy: dict[str, int]
    discovery: dict[str, int]

    @field_validator("rebuy", "discovery")
    @classmethod
    def _check_depths(cls, depths: dict[str, int]) -> dict[str, int]:
        known_names(tuple(depths))
        if any(depth < 0 for depth in depths.values()) or sum(depths.values()) > MOST_CANDIDATES:
            raise ValueError(f"want numbers from 0 on that come to at most {MOST_CANDIDATES:,}, which is what LightGBM ranks for one user")
        return depths

    def depth(self, setting: str) -> dict[str, int]:
        """recommender -> how many items it may place for a user in `setting`; one that may place none still scores."""
        depths: dict[str, int] = getattr(self, setting)
        return {name: depths.get(name, 0) for name in NAMES}
