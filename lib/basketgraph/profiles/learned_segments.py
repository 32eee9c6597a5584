"""Segments that are learned: clusters of profiles, named by what tells them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import functions as F
from pyspark.sql.types import IntegralType

from basketgraph.foundation.config import Settings

if TYPE_CHECKING:
    from pyspark.ml.clustering import KMeansModel
    from pyspark.sql import Column, DataFrame

LEARNED = "learned"  # a kind of segment
# Column of gold.user_profiles -> what is said of a segment that has more of it than everybody, and less.
FEATURES = {
    "recency_days": ("have stayed away long", "bought lately"),
    "tenure_days": ("customers for long", "customers for a short time"),
    "orders_90d": ("order often", "order seldom"),
    "spend_minor_90d": ("spend much", "spend little"),
    "basket_lines_mean": ("large baskets", "small baskets"),
    "basket_minor_mean": ("expensive baskets", "cheap baskets"),
    "gap_days_median": ("long pauses between orders", "short pauses between orders"),
    "discount_line_share": ("buy what is discounted", "buy at full price"),
    "coupon_line_share": ("use coupons", "hardly use coupons"),
    "price_position": ("choose dear products", "choose cheap products"),
    "private_label_share": ("buy the shop's own labels", "buy brands"),
    "views": ("look at many products", "look at few products"),
}
SKEWED = ("basket_lines_mean", "basket_minor_mean", "gap_days_median")  # numbers that are not whole, and skewed like counts and money
ITERATIONS = 30
SAME = 1e-9  # a standard deviation below it is none
DIGITS = 6  # of a silhouette: what differs less is equal
TOLD_APART_BY = 2  # features in a name


class SegmentSettings(Settings):
    """Section `segments` of conf/settings.yaml."""

    clusters: tuple[int, ...]
    least_users: int
    learning_users: int
    seed: int


class Clusters(NamedTuple):
    """What was learned. silhouettes: by the number of clusters that was tried, from -1 to 1; names: of the clusters that were kept."""

    names: list[str]
    silhouettes: dict[int, float]


def learned_segments(profiles: DataFrame, settings: SegmentSettings) -> tuple[DataFrame, Clusters | None]:
    """KMeans on standardised profiles, with the number of clusters that has the best silhouette (of equal ones the smallest).

    Counts, days and money are log1p; a null is the mean. Clusters are learned on a fixed sample of the users, and everybody is in the nearest one.

    profiles: gold.user_profiles rows of one day.
    returns:  (user_id, segment, kind; one row a user), and what was learned; no row and None of fewer users than `least_users`, of users who are all
              alike, and without a number of clusters to try.
    """
    nobody = profiles.select("user_id", F.lit("").alias("segment"), F.lit(LEARNED).alias("kind")).limit(0)
    points, features = standardised(profiles, settings.least_users)
    if points is None:
        return nobody, None
    shuffled = points.orderBy(F.xxhash64(F.lit(settings.seed), "user_id"), "user_id")  # a fixed order: sums of floats depend on it
    learning = shuffled.limit(settings.learning_users).coalesce(1).localCheckpoint()
    models = {k: model for k in settings.clusters if (model := _fitted(learning, k, settings.seed)) is not None}
    silhouettes = {k: round(_silhouette(model, learning), DIGITS) for k, model in models.items()}
    if not models:
        return nobody, None
    best = min(models, key=lambda k: (-silhouettes[k], k))
    names = names_of([list(map(float, centre)) for centre in models[best].clusterCenters()], features)
    named = F.element_at(F.array(*map(F.lit, names)), F.col("prediction") + 1)
    return models[best].transform(points).select("user_id", named.alias("segment"), F.lit(LEARNED).alias("kind")), Clusters(names, silhouettes)


def standardised(profiles: DataFrame, least_users: int) -> tuple[DataFrame | None, list[str]]:
    """(user_id, features: a vector of mean 0 and standard deviation 1), and the features' names; None with fewer users, or where none differ.

    A feature that the shop does not have, or in which nobody differs, is left out.
    """
    from pyspark.ml.functions import array_to_vector

    values = {name: _value(profiles, name) for name in FEATURES}
    moments = {f"{what}_{name}": of(value) for name, value in values.items() for what, of in (("mean", F.avg), ("sd", F.stddev_pop))}
    (row,) = profiles.agg(F.count("*").alias("users"), *(value.alias(name) for name, value in moments.items())).collect()
    features = [name for name in FEATURES if row[f"sd_{name}"] is not None and row[f"sd_{name}"] > SAME]
    if row["users"] < max(2, least_users) or not features:
        return None, []
    scaled = [F.coalesce((values[name] - row[f"mean_{name}"]) / row[f"sd_{name}"], F.lit(0.0)) for name in features]
    return profiles.select("user_id", array_to_vector(F.array(*scaled)).alias("features")), features


def _value(profiles: DataFrame, name: str) -> Column:
    is_skewed = name in SKEWED or isinstance(profiles.schema[name].dataType, IntegralType)
    value = F.col(name).cast("double")
    return F.log1p(F.greatest(value, F.lit(0.0))) if is_skewed else value  # more coupons than money is spend below 0


def _fitted(points: DataFrame, k: int, seed: int) -> KMeansModel | None:
    """None where the points are too much alike for two clusters."""
    from pyspark.ml.clustering import KMeans

    model = KMeans(k=k, seed=seed, maxIter=ITERATIONS).fit(points)
    return model if sum(size > 0 for size in model.summary.clusterSizes) > 1 else None


def _silhouette(model: KMeansModel, points: DataFrame) -> float:
    from pyspark.ml.evaluation import ClusteringEvaluator

    return ClusteringEvaluator().evaluate(model.transform(points))


def names_of(centres: Sequence[Sequence[float]], features: Sequence[str]) -> list[str]:
    """A name for each cluster: in words the features in which it differs most from everybody; more than two, or a number, where two would be alike.

    centres: [clusters, features], standardised: 0 is everybody's mean.
    """
    words = []
    for centre in centres:
        largest_first = sorted(range(len(features)), key=lambda place: (-abs(centre[place]), place))
        words.append([FEATURES[features[place]][0 if centre[place] > 0 else 1] for place in largest_first])
    depths = [TOLD_APART_BY] * len(words)
    for _ in features:
        names = [", ".join(of[:depth]) for of, depth in zip(words, depths, strict=True)]
        counts = Counter(names)
        depths = [depth + (counts[name] > 1) for name, depth in zip(names, depths, strict=True)]
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if counts[name] == 1 else f"{name} ({seen[name]})")
    return unique
