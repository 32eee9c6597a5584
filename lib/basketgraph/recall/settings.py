"""The numbers of candidate generation, and the names that its tables and the evaluation share."""

from pydantic import field_validator

from basketgraph.config import Settings

SETTINGS = ("rebuy", "discovery")  # everything may be listed; only what the user never bought before the cut
SOURCES = ("popularity", "personal_frequency", "item_cosine", "als", "ease", "graph")

MOST_CANDIDATES = 10_000  # of a user in one setting: the rows that LightGBM takes in a query


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
    ease_lambda: float
    ease_max_users: int
    block_users: int
    rebuy: dict[str, int]
    discovery: dict[str, int]

    @field_validator("rebuy", "discovery")
    @classmethod
    def _known(cls, given: dict[str, int]) -> dict[str, int]:
        if unknown := sorted(set(given) - set(SOURCES)):
            raise ValueError(f"want sources of {', '.join(SOURCES)}, have {', '.join(unknown)}")
        if any(depth < 0 for depth in given.values()) or sum(given.values()) > MOST_CANDIDATES:
            raise ValueError(f"want numbers from 0 on that come to at most {MOST_CANDIDATES:,}, which is what LightGBM ranks for one user")
        return given

    def depth(self, setting: str) -> dict[str, int]:
        """How many items each source may place for a user in `setting`; 0 or no entry: the source places none, but still scores."""
        given: dict[str, int] = getattr(self, setting)
        return {source: given.get(source, 0) for source in SOURCES}
