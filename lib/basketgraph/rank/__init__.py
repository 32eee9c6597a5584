"""The learned ranker: features as of a cut, one model per setting, and a reason for every item it lists."""

from basketgraph.rank.evidence import Evidence, evidence
from basketgraph.rank.features import FEATURES, features, labelled
from basketgraph.rank.histories import own_history, purchases_before
from basketgraph.rank.ranker import Ranker
from basketgraph.rank.reasons import listed_users, reasons
from basketgraph.rank.recommendations import (
    LADDER_VERSION,
    listed_neighbours,
    ordered_by_ladder,
    ranked_lists,
    recent_buyers,
    recommendations,
    train_rankers,
)
from basketgraph.rank.settings import RankSettings

__all__ = [
    "FEATURES",
    "LADDER_VERSION",
    "Evidence",
    "RankSettings",
    "Ranker",
    "evidence",
    "features",
    "labelled",
    "listed_neighbours",
    "listed_users",
    "ordered_by_ladder",
    "own_history",
    "purchases_before",
    "ranked_lists",
    "reasons",
    "recent_buyers",
    "recommendations",
    "train_rankers",
]
