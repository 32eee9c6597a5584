"""gold.als_user_factors and gold.als_item_factors: implicit ALS on Spark MLlib (Hu, Koren, Volinsky 2008)."""

from pyspark.ml.feature import StringIndexer
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.recall.settings import RecallSettings

BLOCKS = 4  # of users and of items; fixed, so that the factors do not depend on the machine's cores


def als_factors(edges: DataFrame, settings: RecallSettings) -> tuple[DataFrame, DataFrame]:
    """Factor the weighted user-item matrix; the confidence of an edge is 1 + alpha * weight.

    edges:   gold.interactions rows of one cut. Items of fewer than `als_min_users` users are left out: they are half of a
             grocer's assortment and a twentieth of its edges, and cost as much time as any other.
    returns: (user_id, factors array<float>) and (item_id, factors array<float>); score = inner product. Both may be empty.
    """
    common = edges.groupBy("item_id").agg(F.count("*").alias("users")).where(F.col("users") >= settings.als_min_users)
    edges = edges.join(common, "item_id", how="left_semi")
    # MLlib wants int ids. Sorted labels, so that ids, and with them the seeded start, do not depend on the order of rows.
    columns = ["user_id", "item_id"]
    indexer = StringIndexer(inputCols=columns, outputCols=["user", "item"], stringOrderType="alphabetAsc").fit(edges)
    if not any(indexer.labelsArray):
        factors = "cast(null AS array<float>) AS factors"
        return edges.selectExpr("user_id", factors).limit(0), edges.selectExpr("item_id", factors).limit(0)
    named = indexer.transform(edges).withColumns({"user": F.col("user").cast("int"), "item": F.col("item").cast("int")})
    # A fixed order of rows: sums of floats depend on it, and so do the factors.
    numbered = named.select("user", "item", F.col("weight").cast("float")).repartition(BLOCKS, "user").sortWithinPartitions("user", "item")
    model = ALS(
        rank=settings.als_rank,
        maxIter=settings.als_iterations,
        regParam=settings.als_regularisation,
        alpha=settings.als_alpha,
        implicitPrefs=True,
        seed=settings.seed,
        userCol="user",
        itemCol="item",
        ratingCol="weight",
        numUserBlocks=BLOCKS,
        numItemBlocks=BLOCKS,
    ).fit(numbered)
    # MLlib's ids are replaced by the names: exactly one match for each
    users, items = (
        factors.join(named.select(F.col(number).alias("id"), name).distinct(), "id", how="inner").select(name, F.col("features").alias("factors"))
        for factors, number, name in ((model.userFactors, "user", "user_id"), (model.itemFactors, "item", "item_id"))
    )
    return users, items
