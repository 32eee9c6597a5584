"""Learning from a shop's reviews how people feel and what they write about: linear heads, chosen by validation and judged on later reviews."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from basketgraph.content.encoder import Vectors
from basketgraph.content.head_choice import area_with_interval, quality, tuned_penalty
from basketgraph.content.linear_head import Floats, LinearHead, fit_head
from basketgraph.content.text_spaces import SpaceName, TextSpace, fit_spaces
from basketgraph.foundation.progress import at

GOOD, BAD = "good", "bad"
JUDGED = 0.2  # of the labelled texts, the last ones
LEAST_OF_CLASS = 20  # texts; a rarer class is not learned
MOST_CLASSES = 30  # the commonest


@dataclass(frozen=True)
class TextHead:
    """A head and the space that it reads."""

    space: TextSpace
    head: LinearHead

    def probabilities(self, texts: Sequence[str], vectors: Vectors | None) -> Floats:
        """float64 [texts, classes], in the order of `head.classes`; a row of NaN for a text of which the space knows nothing.

        vectors: as TextSpace.features takes them.
        """
        features = self.space.features(texts, vectors)
        is_known = np.asarray(abs(features).sum(axis=1)).ravel() > 0
        return np.where(is_known[:, None], self.head.probabilities(features), np.nan)


@dataclass(frozen=True)
class Labelled:
    """Texts in order of time, each with its item and its label. vectors: float32 [texts, dim]; None where no space reads them."""

    texts: Sequence[str]
    items: Sequence[str]
    labels: Sequence[str]
    vectors: Vectors | None

    def some(self, rows: Sequence[int]) -> "Labelled":
        """The texts of these rows."""
        texts, items, labels = ([column[row] for row in rows] for column in (self.texts, self.items, self.labels))
        return Labelled(texts, items, labels, None if self.vectors is None else self.vectors[list(rows)])


def with_evidence(given: Labelled, least: int) -> Labelled | None:
    """The texts of the MOST_CLASSES commonest labels, each of at least LEAST_OF_CLASS texts; None of fewer than `least` texts or two labels."""
    counts = Counter(given.labels)
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    kept = {name for name in ordered[:MOST_CLASSES] if counts[name] >= LEAST_OF_CLASS}
    rows = [row for row, label in enumerate(given.labels) if label in kept]
    return given.some(rows) if len(kept) > 1 and len(rows) >= least else None


def learned_head(given: Labelled, spaces: Sequence[SpaceName], *, seed: int) -> tuple[TextHead, dict[str, Any]]:
    """The head of the space and penalty that the validation prefers, fitted on all texts; and how good it is on later ones.

    given:   in order of time: the last fifth judges, of the others the last fifth is the validation.
    returns: the head; and space, validation (space -> AUC or accuracy), learned, judged, `quality` of the head of the texts before the judged ones,
             majority (accuracy of the commonest label), label_share (of each label).
    """
    learn = round((1 - JUDGED) * len(given.texts))
    labels, vectors = given.labels, given.vectors
    fitted, tuned = fit_spaces(given.texts[:learn]), {}
    for name in spaces:
        at(f"heads on {name}")
        features = fitted[name].features(given.texts[:learn], _rows(vectors, 0, learn))
        penalty, preferred = tuned_penalty(features, labels[:learn])
        tuned[name] = (preferred, penalty, fit_head(features, labels[:learn], penalty))
    chosen = max(spaces, key=lambda name: tuned[name][0])
    _, penalty, judged = tuned[chosen]
    later = fitted[chosen].features(given.texts[learn:], _rows(vectors, learn, len(labels)))
    common = Counter(labels[:learn]).most_common(1)[0][0]
    space = fit_spaces(given.texts)[chosen]
    return TextHead(space, fit_head(space.features(given.texts, vectors), labels, penalty)), {
        "space": chosen,
        "validation": {name: round(preferred, 5) for name, (preferred, _, _) in tuned.items()},
        "learned": learn,
        "judged": len(labels) - learn,
        **quality(judged, later, labels[learn:], seed),
        "majority": round(float(np.mean([label == common for label in labels[learn:]])), 5),
        "label_share": {name: round(count / len(labels), 5) for name, count in sorted(Counter(labels).items())},
    }


def item_mean_area(given: Labelled, *, seed: int) -> Mapping[str, float]:
    """What an item's earlier reviews tell of its next without a word: `area_with_interval` of their share of GOOD, on the judged fifth."""
    learn = round((1 - JUDGED) * len(given.texts))
    outcome = np.array([label == GOOD for label in given.labels], dtype=float)
    whole = Counter(given.items[:learn])
    good = Counter(item for item, label in zip(given.items[:learn], given.labels[:learn], strict=True) if label == GOOD)
    mean = outcome[:learn].mean()
    score = np.array([(good[item] + mean) / (whole[item] + 1) for item in given.items[learn:]])
    return {name: round(value, 5) for name, value in area_with_interval(score, outcome[learn:], seed).items()}


def _rows(vectors: Vectors | None, first: int, end: int) -> Vectors | None:
    return None if vectors is None else vectors[first:end]
