"""The recommenders, listed once: candidates, ranking, evaluation, report, contract and suite follow this list.

A recommender scores the items that may be listed for each user. One that has vectors is added by a module that makes them, a line here and a section
of conf/settings.yaml: what is listed here is scored, ranked, evaluated and named in the report without another change.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

LIST_SETTINGS = ("rebuy", "discovery")  # column `setting`: a list may name everything, or only what the user never bought before the cut
NEW_PLACES = (2, 3, 4)  # of a list's places so many may be kept for new items
NEW_ITEM = "new_item"  # column `source` of an item on such a place, which no recommender placed


class Vectors(NamedTuple):
    """Where the vectors of users and of items lie, as of a cut; the score is their inner product."""

    users: str  # table: user_id and `column`
    items: str  # table: item_id and `column`
    column: str


@dataclass(frozen=True)
class Recommender:
    """A recommender, as the other parts see it.

    name:          of its columns in gold.candidates, and of its model in ops.evaluations.
    label:         its name for people.
    kind:          vectors of users and items; neighbours of the user's items; counts of purchases or of what is in the cart.
    score:         what its score is.
    explain_order: of recommenders that place an item equally high, the one with the lowest number gives the reason.
    settings:      the section of conf/settings.yaml that has its numbers.
    vectors:       of kind `vectors`.
    model:         the dotted name of the section's model, where the section is this recommender's own.
    only_repeats:  it proposes nothing but what the user bought before.
    """

    name: str
    label: str
    kind: Literal["vectors", "neighbours", "counts"]
    score: str
    explain_order: int
    settings: str
    vectors: Vectors | None = None
    only_repeats: bool = False
    model: str = ""

    def __post_init__(self) -> None:
        if (self.kind == "vectors") != (self.vectors is not None):
            raise ValueError(f"{self.name}: want tables of vectors for kind vectors and for no other, have {self.kind} and {self.vectors}")


# Those that need least learning first: in this order they fill lists where no ranker could be learnt.
RECOMMENDERS = (
    Recommender("personal_frequency", "own frequency", "counts", "the user's own decayed count", 1, "recall", only_repeats=True),
    Recommender("open_cart", "open cart", "counts", "1 / its place among the user's open carts, the newest first", 2, "recall"),
    Recommender("popularity", "popularity", "counts", "distinct users who bought it shortly before the cut", 9, "recall"),
    Recommender("session", "last visit", "neighbours", "sum over the items of the user's last visit of weight times transition", 5, "recall"),
    Recommender("item_cosine", "item cosine", "neighbours", "sum over the user's items of weight times cosine", 6, "recall"),
    Recommender("words", "alike in words", "neighbours", "sum over the user's items of weight times likeness in words and meaning", 8, "content"),
    Recommender("ease", "EASE", "neighbours", "EASE score", 4, "recall"),
    Recommender(
        "als", "ALS", "vectors", "inner product of ALS factors", 7, "recall", Vectors("gold.als_user_factors", "gold.als_item_factors", "factors")
    ),
    Recommender(
        "graph", "graph alone", "vectors", "inner product of the graph recommender's embeddings", 3, "graph",
        Vectors("gold.user_embeddings", "gold.item_embeddings", "embedding"),
    ),
    Recommender(
        "sequence", "what comes next", "vectors", "logit of the item that follows the user's last ones", 10, "sequences",
        Vectors("gold.sequence_user_vectors", "gold.sequence_item_vectors", "vector"), model="basketgraph.sequences.settings.SequencesSection",
    ),
)  # fmt: skip
NAMES = tuple(recommender.name for recommender in RECOMMENDERS)
EXPLAIN_ORDER = tuple(recommender.name for recommender in sorted(RECOMMENDERS, key=lambda recommender: recommender.explain_order))
VECTORS = {recommender.name: recommender.vectors for recommender in RECOMMENDERS if recommender.vectors is not None}


def known_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """`names`, where all are names of recommenders. Raises ValueError for others."""
    if unknown := sorted(set(names) - set(NAMES)):
        raise ValueError(f"want recommenders of {', '.join(NAMES)}, have {', '.join(unknown)}")
    return names
