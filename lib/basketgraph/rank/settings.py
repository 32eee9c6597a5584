"""The numbers of the learned ranker."""

from basketgraph.config import Settings

SETTINGS = ("rebuy", "discovery")
SOURCES = ("personal_frequency", "graph", "ease", "item_cosine", "als", "popularity")  # of equal ranks, the one that explains most comes first


class Trees(Settings):
    """One setting's ranker: a linear prior over the sources, and the trees that correct it."""

    prior: tuple[str, ...]  # sources whose standardised scores make the prior
    objective: str  # lambdarank, or binary
    negatives_share: float  # of the candidates that were not bought, this share is trained on
    rounds: int
    learning_rate: float
    leaves: int
    min_rows: int  # in a leaf
    feature_fraction: float
    l2: float


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
