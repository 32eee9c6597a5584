"""Collaborative filtering by the textbook on a file of ratings, on Spark: `basketgraph bench ratings`."""

import re
import time
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.ml.feature import StringIndexer
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from basketgraph.foundation.config import UserError
from basketgraph.foundation.paths import file_url, globbed
from basketgraph.foundation.progress import at
from basketgraph.foundation.ranking import ratio_intervals
from basketgraph.foundation.runs.memory import PeakMemory
from basketgraph.foundation.runs.session import session_without_shop
from basketgraph.recall.ratings import RatingSettings, als_ratings, item_based, mean_rating, similarity, user_based

FOLDS = 5
LATEST = 0.2  # of the ratings, by time, that the cut in time keeps for judging
SEPARATOR = r"\s*(?:::|[,;\s])\s*"
NUMBER = re.compile(r"-?[0-9]+(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?")
WANTED = "want `user item rating time`, with blanks, tabs, `::` or commas between them"

Say = Callable[[str], None]
Predict = Callable[[DataFrame, DataFrame, DataFrame, DataFrame], DataFrame]


def silent(text: str) -> None:
    """Say nothing."""


def bench(data: Path, *, seed: int = 0, say: Say = silent) -> dict[str, Any]:
    """The RMSE of each model over five random folds, and on the latest fifth of the ratings with the others for training.

    returns: random_folds and time_cut, each with the models of `models`: rmse, low and high (90 % bootstrap interval over users); ratings,
             users, items, cut (unix seconds, the first time that is judged), seconds, peak_memory_bytes (of all processes), seed.
    errors:  UserError for a file that cannot be read, or has other lines.
    """
    started = time.monotonic()
    header = check_file(data, say)
    with PeakMemory() as memory:
        spark = session_without_shop("basketgraph bench ratings")
        ratings = read_ratings(spark, data, header).persist()
        try:
            result = judge(ratings, seed, say)
        finally:
            ratings.unpersist()
    return {**result, "seconds": round(time.monotonic() - started, 2), "peak_memory_bytes": memory.peak, "seed": seed}


def models(seed: int) -> Mapping[str, Predict]:
    """Name -> what predicts wanted ratings from known ones and the similarities of users and of items.

    `_all_norms`: similarities with the norms of all ratings, not of the common ones.
    """
    textbook, all_norms = RatingSettings(seed=seed), RatingSettings(seed=seed, norms="all")
    return {
        "user_mean": lambda known, wanted, users, items: mean_rating(known, wanted, of="user_id"),
        "item_mean": lambda known, wanted, users, items: mean_rating(known, wanted, of="item_id"),
        "user_based": lambda known, wanted, users, items: user_based(known, wanted, users, textbook),
        "item_based": lambda known, wanted, users, items: item_based(known, wanted, items, textbook),
        "user_based_all_norms": lambda known, wanted, users, items: user_based(known, wanted, users, all_norms),
        "item_based_all_norms": lambda known, wanted, users, items: item_based(known, wanted, items, all_norms),
        "als": lambda known, wanted, users, items: als_ratings(known, wanted, textbook),
    }


def check_file(data: Path, say: Say) -> str | None:
    """The header line of a file of ratings, None where it has none. Before Spark starts.

    errors: UserError for a file that cannot be read, or has no rating among its first two lines.
    """
    try:
        with data.open(encoding="utf-8-sig", errors="replace") as lines:
            head = [line.rstrip("\r\n") for line in islice(lines, 2)]
    except OSError as error:
        raise UserError(f"{data}: cannot be read", [f"file: want readable ratings, have {error.strerror}"], "Name an existing file.") from error
    header = head.pop(0) if len(head) == 2 and not _is_rating(head[0]) else None
    if not head or not _is_rating(head[0]):
        raise UserError(f"{data}: no ratings", [f"lines: {WANTED}, have {f'`{head[0]:.60}`' if head else 'none'}"], "Name a file in that format.")
    if header is not None:
        say(f"{data}: the first line, `{header:.60}`, is a header and is left out")
    return header


def _is_rating(line: str) -> bool:
    fields = re.split(SEPARATOR, line.replace('"', "").strip())
    return len(fields) >= 4 and all(NUMBER.fullmatch(field) for field in fields[2:4])


def read_ratings(spark: SparkSession, data: Path, header: str | None) -> DataFrame:
    """user_id and item_id (int, in the order of the ids, since joins of numbers are cheaper), rating and time (double).

    Of several ratings of one pair the latest stays.
    errors: UserError for lines of another form, with the first of them.
    """
    lines = spark.read.text(globbed(file_url(data))).where(F.trim("value") != "")
    if header is not None:
        lines = lines.where(~F.col("value").contains(header))
    fields = F.split(F.trim(F.regexp_replace("value", '["\ufeff]', "")), SEPARATOR)
    columns = lines.select("value", fields.alias("fields")).selectExpr(
        "value",
        "get(fields, 0) AS user_id",
        "get(fields, 1) AS item_id",
        "try_cast(get(fields, 2) AS double) AS rating",
        "try_cast(get(fields, 3) AS double) AS time",
    )
    wrong = columns.where("rating IS NULL OR time IS NULL").limit(3).collect()
    if wrong:
        raise UserError(f"{data}: lines cannot be read", [f"lines: {WANTED}, have `{row.value:.60}`" for row in wrong], "Mend or remove these lines.")
    newest = Window.partitionBy("user_id", "item_id").orderBy(F.desc("time"), F.desc("rating"))
    latest = columns.withColumn("place", F.row_number().over(newest)).where("place = 1").select("user_id", "item_id", "rating", "time")
    indexer = StringIndexer(inputCols=["user_id", "item_id"], outputCols=["user", "item"], stringOrderType="alphabetAsc").fit(latest)
    numbers = {"user_id": F.col("user").cast("int"), "item_id": F.col("item").cast("int")}
    return indexer.transform(latest).withColumns(numbers).drop("user", "item")


def judge(ratings: DataFrame, seed: int, say: Say) -> dict[str, Any]:
    """Errors of all models over the folds and after the cut in time. ratings: user_id, item_id, rating, time."""
    fold = F.pmod(F.xxhash64("user_id", "item_id", F.lit(seed)), F.lit(FOLDS))
    splits = [(ratings.where(fold != number), ratings.where(fold == number)) for number in range(FOLDS)]
    in_time = F.expr(f"percentile(time, {1 - LATEST})")
    sizes = ratings.agg(F.count("*"), F.countDistinct("user_id"), F.countDistinct("item_id"), in_time).first()
    count, users, items, cut = sizes if sizes is not None else (0, 0, 0, 0.0)
    say(f"{count:,} ratings of {items:,} items by {users:,} users")
    errors = []
    for number, (known, wanted) in enumerate([*splits, (ratings.where(F.col("time") < cut), ratings.where(F.col("time") >= cut))]):
        at("folds done", number, FOLDS + 1)
        errors.append(squared_errors(known, wanted, seed))
        rmse = ", ".join(f"{name} {part['rmse']:.4f}" for name, part in _rmse(errors[-1], seed).items())
        say(f"{'after the cut in time' if number == FOLDS else f'fold {number + 1} of {FOLDS}'}: {rmse}")
    return {
        "random_folds": _rmse(pa.concat_tables(errors[:FOLDS]), seed),
        "time_cut": _rmse(errors[FOLDS], seed),
        "ratings": count,
        "users": users,
        "items": items,
        "cut": cut,
    }


def squared_errors(known: DataFrame, wanted: DataFrame, seed: int) -> pa.Table:
    """model, user_id, squares (the sum of squared errors), ratings (how many)."""
    truth = wanted.select("user_id", "item_id", F.col("rating").alias("truth"))
    rows = known.select("user_id", "item_id", "rating")
    near = (similarity(rows, of="user_id", over="item_id").persist(), similarity(rows, of="item_id", over="user_id").persist())
    predicted = [predict(rows, truth, *near).withColumn("model", F.lit(name)) for name, predict in models(seed).items()]
    every = reduce(DataFrame.unionByName, predicted)
    error = F.col("prediction") - F.col("truth")
    errors = every.groupBy("model", "user_id").agg(F.sum(error * error).alias("squares"), F.count("*").alias("ratings")).toArrow()
    for frame in near:
        frame.unpersist()
    return errors


def _rmse(errors: pa.Table, seed: int) -> dict[str, dict[str, float]]:
    """Model -> rmse, low, high. errors: rows of `squared_errors`, of one fold or several."""
    found = {}
    for name in models(seed):
        rows = errors.filter(pc.equal(errors["model"], name)).group_by("user_id").aggregate([("squares", "sum"), ("ratings", "sum")])
        rows = rows.sort_by("user_id")  # so that equal seeds draw the same users
        squares, ratings = (rows[column].to_numpy()[:, None] for column in ("squares_sum", "ratings_sum"))
        (bounds,) = ratio_intervals(squares, ratings, seed, level=0.9)
        found[name] = dict(zip(("rmse", "low", "high"), np.sqrt(bounds).tolist(), strict=True))
    return found
