"""Rank settings for tests: few and small trees."""

from typing import Any

from basketgraph.rank import RankSettings
from basketgraph.rank.settings import Trees

TREES: dict[str, Any] = {
    "prior": ("als", "ease"),
    "objective": "lambdarank",
    "members": 2,
    "rounds": 30,
    "learning_rate": 0.1,
    "leaves": 7,
    "min_rows": 20,
    "feature_fraction": 1.0,
    "l2": 0.0,
}
COMMON: dict[str, Any] = {"seed": 1, "k": 2, "half_life_days": 90, "negatives_share": 0.5, "max_training_users": 100, "evidence_items": 2}


def trees(**changed: Any) -> Trees:
    return Trees.model_validate({**TREES, **changed})


def rank_settings(**changed: Any) -> RankSettings:
    return RankSettings.model_validate({**COMMON, "rebuy": TREES, "discovery": TREES, **changed})
