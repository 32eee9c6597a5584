"""Collaborative filtering by the textbook on ratings: user-based and item-based nearest neighbours (Resnick et al. 1994, Sarwar et al. 2001)."""

from typing import Literal

from pyspark.ml.feature import StringIndexer
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from basketgraph.foundation.config import Settings

Side = Literal["user_id", "item_id"]
BLOCKS = 4  # of users and of items in ALS; fixed, so that the factors do not depend on the machine's cores


class RatingSettings(Settings):
    """neighbours: the nearest ones that a prediction is made of; norms: over the common ratings alone (the textbook), or over all ratings of
    each of the two, by which few common ratings make a small similarity. als_*: MLlib's rank, iterations and regularisation.
    """

    neighbours: int = 40
    norms: Literal["common", "all"] = "common"
    als_rank: int = 10
    als_iterations: int = 10
    als_regularisation: float = 0.1
    seed: int = 0


def user_based(ratings: DataFrame, wanted: DataFrame, near: DataFrame, settings: RatingSettings) -> DataFrame:
    """Predict a user's rating of an item by the ratings that the most similar users gave it.

    ratings: user_id, item_id, rating; one row a user and item.   wanted: user_id, item_id, each pair once; other columns stay.
    near:    `similarity` of the users of `ratings`.
    returns: the rows of `wanted` with `prediction` = mean + sum s (r - mean) / sum |s| over the nearest users, by similarity s. It is the
             user's mean without such a user, or where sum |s| is 0, and the mean of all ratings for an unknown user. It is not clipped.
    """
    return _predict(ratings, wanted, near, settings, of="user_id", over="item_id")


def item_based(ratings: DataFrame, wanted: DataFrame, near: DataFrame, settings: RatingSettings) -> DataFrame:
    """The same by the user's own ratings of the most similar items, with the means of items and the `similarity` of items."""
    return _predict(ratings, wanted, near, settings, of="item_id", over="user_id")


def similarity(ratings: DataFrame, *, of: Side, over: Side) -> DataFrame:
    """The cosine of mean-centred ratings of each two users over their common items (of="user_id"), or of two items over their common users.

    returns: `of`, `other`, and the similarity by the norms of RatingSettings: `common`, `all`, null where a norm is 0. Each pair that has
             something in common is there in both directions.
    """
    left = _centred(ratings, of)
    right = left.withColumnsRenamed({of: "other", "centred": "other_centred", "squares": "other_squares"})
    # each rating meets all others of the same item (or user); one direction is enough
    met = left.join(right, over, how="inner").where(F.col(of) < F.col("other"))
    sums = met.groupBy(of, "other").agg(
        F.sum(F.col("centred") * F.col("other_centred")).alias("product"),
        (F.sum(F.col("centred") ** 2) * F.sum(F.col("other_centred") ** 2)).alias("common"),
        (F.first("squares") * F.first("other_squares")).alias("all"),
    )
    cosines = [F.when(F.col(norms) > 1e-12, F.col("product") / F.sqrt(norms)).alias(norms) for norms in ("common", "all")]
    one_way = sums.select(of, "other", *cosines)
    other_way = one_way.select(F.col("other").alias(of), F.col(of).alias("other"), "common", "all")
    return one_way.unionByName(other_way)


def _centred(ratings: DataFrame, of: Side) -> DataFrame:
    """user_id, item_id, centred (rating less the mean of `of`), squares (the sum of centred^2 over all ratings of `of`)."""
    own = Window.partitionBy(of)
    centred = ratings.withColumn("centred", F.col("rating") - F.avg("rating").over(own))
    return centred.withColumn("squares", F.sum(F.col("centred") ** 2).over(own)).select("user_id", "item_id", "centred", "squares")


def _predict(ratings: DataFrame, wanted: DataFrame, near: DataFrame, settings: RatingSettings, *, of: Side, over: Side) -> DataFrame:
    centred = _centred(ratings, of).select(F.col(of).alias("other"), over, "centred")
    similar = near.select(of, "other", F.col(settings.norms).alias("similarity")).where("similarity IS NOT NULL")
    # all who rated the wanted item (or all items that the user rated), then those of them that have a similarity
    votes = wanted.select("user_id", "item_id").join(centred, over, how="inner").join(similar, [of, "other"], how="inner")
    nearest_first = Window.partitionBy("user_id", "item_id").orderBy(F.desc("similarity"), "other")
    nearest = votes.withColumn("place", F.row_number().over(nearest_first)).where(F.col("place") <= settings.neighbours)
    moved = nearest.groupBy("user_id", "item_id").agg(
        F.sum(F.col("similarity") * F.col("centred")).alias("moves"), F.sum(F.abs("similarity")).alias("weights")
    )
    move = F.when(F.col("weights") > 0, F.col("moves") / F.col("weights")).otherwise(0.0)
    base = mean_rating(ratings, wanted, of=of).withColumnRenamed("prediction", "mean")
    # at most one match for each wanted pair
    predicted = base.join(moved, ["user_id", "item_id"], how="left")
    return predicted.withColumn("prediction", F.col("mean") + F.coalesce(move, F.lit(0.0))).drop("mean", "moves", "weights")


def mean_rating(ratings: DataFrame, wanted: DataFrame, *, of: Side) -> DataFrame:
    """The rows of `wanted` with the mean rating of the user (or the item) as `prediction`; of an unknown one the mean of all ratings."""
    means = ratings.groupBy(of).agg(F.avg("rating").alias("own"))
    overall = ratings.agg(F.avg("rating").alias("overall"))
    # one row of `overall`, at most one of `means`
    joined = wanted.join(means, of, how="left").crossJoin(F.broadcast(overall))
    return joined.withColumn("prediction", F.coalesce("own", "overall")).drop("own", "overall")


def als_ratings(ratings: DataFrame, wanted: DataFrame, settings: RatingSettings) -> DataFrame:
    """The rows of `wanted` with the prediction of explicit ALS on Spark MLlib (Zhou et al. 2008); of an unknown user or item the user's mean."""
    columns = ["user_id", "item_id"]
    indexer = StringIndexer(inputCols=columns, outputCols=["user", "item"], stringOrderType="alphabetAsc", handleInvalid="keep").fit(ratings)
    cast = {"user": F.col("user").cast("int"), "item": F.col("item").cast("int")}
    # A fixed order of rows: sums of floats depend on it, and so do the factors.
    numbered = indexer.transform(ratings).withColumns({**cast, "rating": F.col("rating").cast("float")})
    ordered = numbered.select("user", "item", "rating").repartition(BLOCKS, "user").sortWithinPartitions("user", "item")
    model = ALS(
        rank=settings.als_rank,
        maxIter=settings.als_iterations,
        regParam=settings.als_regularisation,
        seed=settings.seed,
        userCol="user",
        itemCol="item",
        ratingCol="rating",
        numUserBlocks=BLOCKS,
        numItemBlocks=BLOCKS,
    ).fit(ordered)
    based = mean_rating(ratings, wanted, of="user_id").withColumnRenamed("prediction", "mean")
    predicted = model.transform(indexer.transform(based).withColumns(cast))  # NaN for an unknown user or item
    return predicted.withColumn("prediction", F.nanvl(F.col("prediction").cast("double"), "mean")).drop("mean", "user", "item")
