"""Section `content` of conf/settings.yaml."""

from typing import Literal

from pydantic import Field

from basketgraph.content.encoder import DEFAULT
from basketgraph.foundation.config import Settings

TextColumn = Literal["name", "department", "category", "subcategory", "brand"]  # of silver.items


class ContentSettings(Settings):
    """Section `content` of conf/settings.yaml."""

    model: str = DEFAULT
    text: tuple[TextColumn, ...] = Field(("name", "category"), min_length=1)
    sold_days: int = Field(90, ge=1)
    max_titles: int = Field(200_000, ge=1)
    answer_days: int = Field(28, ge=1)
    answer_least: int = Field(5, ge=1)
    answer_items: int = Field(10, ge=1)
    person_weight: float = Field(0.2, ge=0)
    price_weight: float = Field(0.1, ge=0)
