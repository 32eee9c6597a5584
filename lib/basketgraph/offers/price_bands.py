"""gold.price_bands and gold.category_price_bands: what people pay for a piece of a category, as ranges that hold a stated share of the prices.

The range lies between two quantiles of a mixture of histograms of log prices: (n F_person + k F_category) / (n + k), n the decayed number of the
person's lines in the category. With few lines it is the category's range, with many the person's own. All of it is Spark SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, TypeVar

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from basketgraph.foundation.config import Settings
from basketgraph.foundation.point_in_time import known_before

BIN = 0.02  # width of a bin in log price: 2 %
UNITS = 10**9  # of decayed lines
MOST_PIECES = 20  # a line of more pieces is a trader's
BUCKETS = {"0": 0, "1-4": 1, "5-19": 5, "20+": 20}  # a history bucket -> its least number of lines
ALL = "all"  # the lines of every bucket
ROOM = 1e-9  # for rounding where a cumulated weight meets its bound
NEAR = (0.0, 0.035)  # coverage less the level, in the window on which settings are chosen: prices drift, so later a range holds less
T = TypeVar("T")


class PriceBandSettings(Settings):
    """Section `price_bands` of conf/settings.yaml."""

    level: float
    levels: tuple[float, ...]
    priors: tuple[float, ...]
    half_lives: tuple[float, ...]
    learning_users: int
    least_lines: int
    judged_days: int
    seed: int


class BandChoice(NamedTuple):
    """prior: k, in lines.   level: the share between the quantiles."""

    prior: float
    half_life_days: float
    level: float


class BucketQuality(NamedTuple):
    """Of the later lines of a history bucket: the share within their range, its mean width in log price, the mean interval score."""

    lines: int
    coverage: float
    log_width: float
    interval_score: float


def paid_prices(purchases: DataFrame, items: DataFrame, *, as_of: date, currency: str) -> DataFrame:
    """The price of a piece of each line, with its category.

    purchases: kept purchases (silver.events rows) of any day.   items: silver.items rows with their history.
    returns:   user_id, category, event_date, log_price (natural, minor units), bin. Lines of items that may not be shown, of more than MOST_PIECES
               pieces, without a price and in other currencies are left out; an item without a category has its department.
    """
    category = F.coalesce("category", "department", F.lit("")).alias("category")
    categories = known_before(items, as_of).where("recommendable").select("item_id", category)
    is_priced = (F.col("amount_minor") > 0) & F.col("quantity").between(1, MOST_PIECES) & (F.col("currency") == currency)
    log_price = F.log(F.col("amount_minor") / F.col("quantity"))
    return (
        purchases.where(is_priced)
        .join(categories, "item_id", how="inner")  # at most one row an item
        .select("user_id", "category", "event_date", log_price.alias("log_price"), F.floor(log_price / BIN).alias("bin"))
    )


def category_histograms(prices: DataFrame, *, as_of: date, half_life_days: float) -> DataFrame:
    """category, lines, bins: an array of (bin, share), in order; the shares of a category come to 1.   prices: rows of `paid_prices`."""
    whole = _histograms(prices, "category", as_of=as_of, half_life_days=half_life_days)
    shares = F.transform("bins", lambda one: F.struct(one["bin"].alias("bin"), (one["weight"] / F.col("total")).alias("weight")))
    return whole.select("category", "lines", shares.alias("bins"))


def person_histograms(prices: DataFrame, *, as_of: date, half_life_days: float) -> DataFrame:
    """user_id, category, lines, total (decayed lines), bins: an array of (bin, weight), in order.   prices: rows of `paid_prices`."""
    return _histograms(prices, "user_id", "category", as_of=as_of, half_life_days=half_life_days)


def _histograms(prices: DataFrame, *keys: str, as_of: date, half_life_days: float) -> DataFrame:
    decay = F.pow(F.lit(0.5), F.datediff(F.lit(as_of), F.col("event_date")) / F.lit(float(half_life_days)))
    units = F.sum(F.round(decay * UNITS).cast("bigint"))  # whole units: a sum of doubles depends on the order of the rows
    binned = prices.groupBy(*keys, "bin").agg(units.alias("units"), F.count("*").alias("lines"))
    in_order = F.array_sort(F.collect_list(F.struct("bin", (F.col("units") / UNITS).alias("weight"))))
    return binned.groupBy(*keys).agg(F.sum("lines").alias("lines"), (F.sum("units") / UNITS).alias("total"), in_order.alias("bins"))


def price_bands(persons: DataFrame, categories: DataFrame, *, prior: float, levels: Sequence[float]) -> DataFrame:
    """The ranges of each person and category with a history, one for each level.

    persons: rows of `person_histograms`.   categories: rows of `category_histograms`.   prior: k, in lines.   levels: shares between the quantiles.
    returns: user_id, category, lines, bands: an array of (low_log, high_log), one a level.
    """
    of_category = categories.select("category", F.col("bins").alias("common"))
    common = F.transform("common", lambda one: F.struct(one["bin"].alias("bin"), (one["weight"] * F.lit(float(prior))).alias("weight")))
    mixed = persons.join(F.broadcast(of_category), "category", how="inner")  # every line of a person is one of its category
    bins, total = F.array_sort(F.concat("bins", common)), F.col("total") + F.lit(float(prior))
    whole = mixed.select("user_id", "category", "lines", bins.alias("bins"), total.alias("total"))
    return whole.select("user_id", "category", "lines", _bands(levels).alias("bands"))


def category_bands(categories: DataFrame, *, levels: Sequence[float]) -> DataFrame:
    """The ranges of each category, for people and items without a history in it: category, lines, bands."""
    return categories.withColumn("total", F.lit(1.0)).select("category", "lines", _bands(levels).alias("bands"))


def _bands(levels: Sequence[float]) -> Column:
    """(low_log, high_log) of each level from `bins`, whose weights come to `total`: from the lower edge of one bin to the upper edge of another."""
    bounds = [bound for level in levels for bound in ((1 - level) / 2, (1 + level) / 2)]

    def step(so_far: Column, one: Column) -> Column:
        weight = so_far["weight"] + one["weight"]
        reached = [F.coalesce(so_far["at"][place], F.when(weight >= F.col("total") * bound - ROOM, one["bin"])) for place, bound in enumerate(bounds)]
        return F.struct(weight.alias("weight"), F.array(*reached).alias("at"))

    nowhere = F.array(*(F.lit(None).cast("bigint") for _ in bounds))
    at = F.aggregate("bins", F.struct(F.lit(0.0).alias("weight"), nowhere.alias("at")), step)["at"]
    pairs = [((at[2 * place] * BIN).alias("low_log"), ((at[2 * place + 1] + 1) * BIN).alias("high_log")) for place in range(len(levels))]
    return F.array(*(F.struct(*pair) for pair in pairs))


def judged_bands(later: DataFrame, bands: DataFrame, of_categories: DataFrame, *, level: float) -> DataFrame:
    """How ranges fit later prices, for each history bucket and for all lines ("all").

    later:   rows of `paid_prices` after the cut.   bands, of_categories: rows of `price_bands` and `category_bands` as of the cut.
    level:   the share that a range is to hold.
    returns: place (of the range in `bands`), bucket, lines, coverage, log_width (mean), interval_score (mean, of log prices; Gneiting and Raftery
             2007). A category that was not there before the cut has no range; its lines take no part.
    """
    own = bands.select("user_id", "category", F.col("lines").alias("own_lines"), F.col("bands").alias("own_bands"))
    common = of_categories.select("category", F.col("bands").alias("common_bands"))
    lines = F.coalesce("own_lines", F.lit(0))
    bucket = F.lit(None).cast("string")
    for name, least in BUCKETS.items():
        bucket = F.when(lines >= least, F.lit(name)).otherwise(bucket)
    low, high, price = F.col("band.low_log"), F.col("band.high_log"), F.col("log_price")
    outside = F.greatest(F.lit(0.0), low - price) + F.greatest(F.lit(0.0), price - high)
    scored = (
        later.join(F.broadcast(common), "category", how="inner")
        .join(own, ["user_id", "category"], how="left")  # at most one row a person and category
        .select("log_price", bucket.alias("bucket"), F.posexplode(F.coalesce("own_bands", "common_bands")).alias("place", "band"))
        .select(
            "place",
            F.explode(F.array(F.lit(ALL), F.col("bucket"))).alias("bucket"),
            price.between(low, high).cast("double").alias("covered"),
            (high - low).alias("width"),
            (high - low + 2 / (1 - level) * outside).alias("score"),
        )
    )
    return scored.groupBy("place", "bucket").agg(
        F.count("*").alias("lines"), F.avg("covered").alias("coverage"), F.avg("width").alias("log_width"), F.avg("score").alias("interval_score")
    )


def by_bucket(judged: Iterable[Row]) -> dict[int, dict[str, BucketQuality]]:
    """place -> bucket -> quality.   judged: rows of `judged_bands`."""
    found: dict[int, dict[str, BucketQuality]] = {}
    for row in judged:
        found.setdefault(row.place, {})[row.bucket] = BucketQuality(row.lines, row.coverage, row.log_width, row.interval_score)
    return found


def quality_by_bucket(later: DataFrame, bands: DataFrame, of_categories: DataFrame, *, level: float) -> dict[str, dict[str, Any]]:
    """`judged_bands` of the first range of each row, as JSON: all lines first, then each bucket that has any."""
    judged = by_bucket(judged_bands(later, bands, of_categories, level=level).collect()).get(0, {})
    return {name: judged[name]._asdict() for name in (ALL, *BUCKETS) if name in judged}


def after(prices: DataFrame, cut: date) -> DataFrame:
    """Rows of `paid_prices` of the cut's day and later."""
    return prices.where(F.col("event_date") >= F.lit(cut))


def sampled_users(prices: DataFrame, users: int, seed: int) -> DataFrame:
    """user_id of a fixed sample of the users, by hash."""
    return prices.select("user_id").distinct().orderBy(F.xxhash64("user_id", F.lit(seed)), "user_id").limit(users)


def written_bands(bands: DataFrame, as_of: date, currency: str) -> DataFrame:
    """Rows of gold.price_bands or gold.category_price_bands: the first range of each row in minor units, rounded outwards."""
    low, high = F.floor(F.exp(F.col("bands")[0]["low_log"])), F.ceil(F.exp(F.col("bands")[0]["high_log"]))
    columns = {"as_of": F.lit(as_of), "low_minor": low.cast("bigint"), "high_minor": high.cast("bigint"), "currency": F.lit(currency)}
    return bands.withColumns(columns).drop("bands")


def best_settings(judged: Mapping[T, Mapping[str, BucketQuality]], *, level: float, least_lines: int) -> T:
    """Of the settings whose coverage is the level or little more (NEAR), in all and in each history bucket, that of the lowest interval score.

    judged:      settings -> bucket -> quality; buckets of fewer than `least_lines` lines say nothing.
    returns:     where there is none, the settings whose worst bucket is nearest to that.
    """
    least, most = NEAR

    def farthest(of: Mapping[str, BucketQuality]) -> float:
        over = [one.coverage - level for one in of.values() if one.lines >= least_lines]
        return max((max(least - each, each - most, 0.0) for each in over), default=0.0)

    near = {settings: of for settings, of in judged.items() if farthest(of) == 0}
    if near:
        return min(near, key=lambda settings: round(near[settings][ALL].interval_score, 6))
    return min(judged, key=lambda settings: round(farthest(judged[settings]), 6))
