"""Settings of the evaluation and of the gate, and the names of the compared models."""

from basketgraph.foundation.config import Settings
from basketgraph.foundation.recommenders import NAMES

PUBLISHED = "published"
MODELS = (*NAMES, PUBLISHED)
JUDGED_AT = 20  # length of a judged list; part of the metrics' names
GAIN_METRIC = f"ndcg@{JUDGED_AT}"  # the metric that models are compared by


class EvaluateSettings(Settings):
    """Section `evaluate` of conf/settings.yaml."""

    seed: int
    draws: int
    max_users: int


class GateSettings(Settings):
    """Section `gate` of conf/settings.yaml."""

    margin: float
    min_users: int
    min_length: int
    min_users_with_list: float
    min_items_share: float
