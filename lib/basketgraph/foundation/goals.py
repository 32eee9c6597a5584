"""What a shop's lists are for and judged by: the mapping's `goal`. Purchases, where it names none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from basketgraph.foundation.config import UserError

EVENTS, REVIEWS = "silver.events", "silver.reviews"
GOALS = ("purchase", "view", "favourite")
LEAST_RATING = "rating_at_least"


class GoalWords(NamedTuple):
    """past: what customers did with an item; present: what they do; noun: what is counted."""

    past: str
    present: str
    noun: str


LIKED = GoalWords("liked", "like", "likings")
WORDS = {
    "purchase": GoalWords("bought", "buy", "purchases"),
    "view": GoalWords("looked at", "look at", "views"),
    "favourite": GoalWords("saved", "save", "saved items"),
    "rating": GoalWords("liked", "like", "high ratings"),
}


@dataclass(frozen=True)
class Goal:
    """event_type: purchase, view, favourite, or rating: a review with at least `least_rating`, on the shop's own scale."""

    event_type: str = "purchase"
    least_rating: float | None = None

    @property
    def words(self) -> GoalWords:
        return WORDS[self.event_type]

    @property
    def table(self) -> str:
        """The table with the rows that reach it."""
        return REVIEWS if self.event_type == "rating" else EVENTS

    @property
    def reached_sql(self) -> str:
        """The condition of the rows of `table` that reach it; of reviews only those of a known person and day can."""
        if self.least_rating is None:
            return f"event_type = '{self.event_type}'"
        return f"rating >= {self.least_rating} AND user_id IS NOT NULL AND event_date IS NOT NULL"


PURCHASE = Goal()


def goal_of(source: Mapping[str, Any]) -> Goal:
    """The goal of a mapping; purchases where it names none.

    source: conf/sources/<shop>.yaml.
    errors: UserError for a goal that is none of GOALS and no {rating_at_least: NUMBER}.
    """
    named = source.get("goal", "purchase")
    if named in GOALS:
        return Goal(named)
    if isinstance(named, Mapping) and set(named) == {LEAST_RATING} and isinstance(named[LEAST_RATING], int | float):
        return Goal("rating", float(named[LEAST_RATING]))
    fault = f"want {', '.join(GOALS)} or {{{LEAST_RATING}: NUMBER}}, have {named!r}"
    raise UserError("goal cannot be used", [fault], "Name in the mapping what lists are for and judged by.")
