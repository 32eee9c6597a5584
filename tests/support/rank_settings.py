"""Rank settings for tests: few and small trees."""

from typing import Any

from basketgraph.rank.settings import RankerSettings, RankSettings

TREES: dict[str, Any] = {
    "prior": ("als", "ease"),
    "objective": "lambdarank",
    "negatives_share": 0.5,
    "rounds": 30,
    "learning_rate": 0.1,
    "leaves": 7,
    "min_rows": 20,
    "feature_fraction": 1.0,
    "l2": 0.0,
}
COMMON: dict[str, Any] = {
    **{"seed": 1, "k": 2, "half_life_days": 90, "max_training_users": 100, "evidence_items": 2, "click_labels": False},
    "new_places": 0,
}


def trees(**changed: Any) -> RankerSettings:
    return RankerSettings.model_validate({**TREES, **changed})


def rank_settings(**changed: Any) -> RankSettings:
    """changed: keys of RankSettings, or of both settings' RankerSettings."""
    of_trees = {key: value for key, value in changed.items() if key in RankerSettings.model_fields}
    others = {key: value for key, value in changed.items() if key not in of_trees}
    return RankSettings.model_validate({**COMMON, "rebuy": {**TREES, **of_trees}, "discovery": {**TREES, **of_trees}, **others})
