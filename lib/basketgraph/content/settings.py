"""Section `content` of conf/settings.yaml."""

from typing import Literal, Self

from pydantic import Field, model_validator

from basketgraph.content.encoder import DEFAULT, model_files
from basketgraph.content.text_spaces import SPACES, VECTOR_LENGTHS, SpaceName
from basketgraph.foundation.config import Settings, UserError

TextColumn = Literal["name", "department", "category", "subcategory", "brand"]  # of silver.items
TopicColumn = Literal["department", "category", "subcategory", "brand"]


class ContentSettings(Settings):
    """Section `content` of conf/settings.yaml."""

    encode: bool = True
    model: str = DEFAULT
    text: tuple[TextColumn, ...] = Field(("name", "category"), min_length=1)
    sold_days: int = Field(90, ge=1)
    max_titles: int = Field(200_000, ge=1)
    answer_days: int = Field(28, ge=1)
    answer_least: int = Field(5, ge=1)
    answer_items: int = Field(10, ge=1)
    person_weight: float = Field(0.2, ge=0)
    price_weight: float = Field(0.1, ge=0)
    similar_neighbours: int = Field(20, ge=1)
    similar_texts: int = Field(50_000, ge=1)
    new_item_days: int = Field(28, ge=1)
    new_item_buyers: int = Field(5, ge=1)
    max_known_items: int = Field(3_000, ge=1, le=20_000)
    max_new_items: int = Field(500, ge=1, le=5_000)
    new_item_users: int = Field(20_000, ge=1)
    topic: tuple[TopicColumn, ...] = Field(("department", "category"), min_length=1)
    mood_reviews: int = Field(7_500, ge=50)
    least_mood_reviews: int = Field(200, ge=50)
    mood_spaces: tuple[SpaceName, ...] = Field(SPACES, min_length=1)
    mood_days: int = Field(365, ge=1)
    mood_half_life_days: float = Field(90, gt=0)
    mood_prior: float = Field(5, ge=0)
    bad_mood: float = Field(0.5, ge=0, le=1)
    bad_mood_days: int = Field(14, ge=0)
    seed: int = 7

    @model_validator(mode="after")
    def _heads_read_something(self) -> Self:
        if not self.spaces():
            raise ValueError(f"mood_spaces: want words or characters where encode is false, have {', '.join(self.mood_spaces)}")
        return self

    def spaces(self) -> tuple[SpaceName, ...]:
        """What heads of moods may read: `mood_spaces`, of which those with vectors only where texts are encoded."""
        return tuple(space for space in self.mood_spaces if self.encode or space not in VECTOR_LENGTHS)

    def mood_model_id(self) -> str | None:
        """As `model_id`; None, too, where no head may read vectors."""
        return self.model_id() if set(self.spaces()) & set(VECTOR_LENGTHS) else None

    def model_id(self) -> str | None:
        """The id of the encoder; None where texts are not encoded.

        errors: UserError where its packages or files are not there, with both ways out.
        """
        if not self.encode:
            return None
        try:
            return model_files(self.model).id
        except UserError as error:
            cure = f"{error.cure} Or set content.encode to false: texts are then compared by words and characters, without an index of questions."
            raise UserError(error.what, error.faults, cure) from None
