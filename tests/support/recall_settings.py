"""Recall settings for tests: the shop-independent ones, small."""

from typing import Any

from basketgraph.recall.settings import RecallSettings

SMALL: dict[str, Any] = {
    "seed": 1,
    "sold_days": 90,
    "popularity_days": 28,
    "als_rank": 4,
    "als_alpha": 1.0,
    "als_regularisation": 0.1,
    "als_iterations": 5,
    "als_min_users": 1,
    "related_shrink": 1.0,
    "related_neighbours": 10,
    "related_min_users": 2,
    "related_max_users": 1000,
    "transition_days": 90,
    "audience_days": 14,
    "audience_items": 20,
    "ease_lambda": 1.0,
    "ease_max_users": 1000,
    "block_users": 2,
    "rebuy": {"popularity": 3, "personal_frequency": 3, "item_cosine": 3, "als": 3, "ease": 3, "graph": 3, "open_cart": 3, "session": 3},
    "discovery": {"popularity": 3, "item_cosine": 3, "als": 3, "ease": 3, "graph": 3, "open_cart": 3, "session": 3},
}


def recall_settings(**changed: Any) -> RecallSettings:
    return RecallSettings.model_validate({**SMALL, **changed})
