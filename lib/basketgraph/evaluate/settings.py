"""The numbers of the evaluation and of the gate, and the models that are compared."""

from basketgraph.config import Settings

SETTINGS = ("rebuy", "discovery")
SOURCES = ("popularity", "personal_frequency", "item_cosine", "als", "ease", "graph")
PUBLISHED = "published"
JUDGED_AT = 20  # length of a judged list: part of the metrics' names, which others read
GAIN_METRIC = f"ndcg@{JUDGED_AT}"  # what the models are compared by
NOT_IN_DISCOVERY = ("personal_frequency",)  # there a user's own purchases are what may not be listed


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
