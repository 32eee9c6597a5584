"""Columns as fixed-length feature vectors: numbers standardised, names hashed into signed buckets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

SCALES = {"means": F.avg, "deviations": F.stddev_pop}
LIMIT = 4.0  # standard deviations: outliers are clipped


@dataclass(frozen=True)
class FeatureColumns:
    """Which columns of a table are features of its users or items.

    numbers: numeric columns, which may have heavy tails.
    arrays:  columns of arrays of doubles -> the length of their arrays.
    names:   string columns.   shares: array<struct<name, share>> columns. The names of both share `buckets` signed buckets.
    """

    numbers: Sequence[str] = ()
    arrays: Mapping[str, int] = field(default_factory=dict)
    names: Sequence[str] = ()
    shares: Sequence[str] = ()
    buckets: int = 64


@dataclass(frozen=True)
class Features:
    """frame: an id column and `features` (array<float>, as long as `labels`), one row per id."""

    frame: DataFrame
    labels: tuple[str, ...]


def feature_vectors(rows: DataFrame, id_column: str, columns: FeatureColumns) -> Features:
    """One vector per row of `rows`; a null number becomes the mean, a null name adds nothing.

    A number x becomes sign(x) log(1 + |x|), standardised to mean 0 and standard deviation 1 over `rows`. A name adds +-1
    to a bucket (Weinberger et al. 2009, arXiv 0902.2206), a share +- itself; buckets are divided by the root of the
    number of name columns.
    """
    numbers: dict[str, Column] = {name: F.signum(name) * F.log1p(F.abs(F.col(name).cast("double"))) for name in columns.numbers}
    for name, size in columns.arrays.items():
        numbers.update({f"{name}[{k}]": F.get(F.col(name), F.lit(k)).cast("double") for k in range(size)})
    read = rows.select(F.col(id_column), *[x.alias(f"x{k}") for k, x in enumerate(numbers.values())], _tokens(columns).alias("tokens"))
    scaled = [_standard(F.col(f"x{k}"), F.col("means")[k], F.col("deviations")[k]) for k in range(len(numbers))]
    has_names = bool(columns.names or columns.shares)
    buckets = _bucketed(columns.buckets, len(columns.names) + len(columns.shares)) if has_names else F.array().cast("array<double>")
    labels = [*numbers, *(f"bucket[{k}]" for k in range(columns.buckets if has_names else 0))]
    vector = F.concat(F.array(*scaled).cast("array<double>"), buckets).cast("array<float>")
    scales = read.agg(*(F.array(*(take(f"x{k}") for k in range(len(numbers)))).alias(name) for name, take in SCALES.items()))
    known = read.join(F.broadcast(scales), how="cross") if numbers else read  # one row
    return Features(known.select(id_column, vector.alias("features")), tuple(labels))


def with_more(features: Features, more: Features, id_column: str) -> Features:
    """The vectors with those of `more` at their end; zeros where an id has none there. more: at most one row an id."""
    zeros = F.array_repeat(F.lit(0.0), len(more.labels)).cast("array<float>")
    joined = features.frame.join(more.frame.withColumnRenamed("features", "more"), id_column, how="left")  # at most one row an id
    vector = F.concat("features", F.coalesce("more", zeros))
    return Features(joined.select(id_column, vector.alias("features")), (*features.labels, *more.labels))


def _standard(number: Column, mean: Column, deviation: Column) -> Column:
    """In standard deviations, clipped at LIMIT; 0 where the number is null, or has no deviation over all rows."""
    scaled = F.greatest(F.least((number - mean) / deviation, F.lit(LIMIT)), F.lit(-LIMIT))
    return F.when(number.isNull() | F.isnan(number) | deviation.isNull() | (deviation < 1e-9), F.lit(0.0)).otherwise(scaled)


def _tokens(columns: FeatureColumns) -> Column:
    """array<struct<hash, weight>>: one for each name; the hash includes the column's name."""
    kind = "array<struct<hash:bigint,weight:double>>"

    def token(column: str, name: Column, weight: Column) -> Column:
        return F.struct(F.xxhash64(F.lit(column), name).alias("hash"), weight.cast("double").alias("weight"))

    def shares_of(column: str) -> Column:
        tokens = F.transform(F.col(column), lambda entry: token(column, entry["name"], entry["share"]))
        return F.coalesce(tokens, F.array().cast(kind))

    named = F.array(*[token(name, F.col(name), F.col(name).isNotNull()) for name in columns.names])
    return F.concat(named.cast(kind), *[shares_of(name) for name in columns.shares])


def _bucketed(buckets: int, columns: int) -> Column:
    """The tokens' signed weights by bucket: the bucket is the hash modulo `buckets`, the sign a further bit of the hash."""

    def sign(token: Column) -> Column:
        return F.when(F.shiftrightunsigned(token["hash"], 62) % 2 == 1, F.lit(-1.0)).otherwise(F.lit(1.0))

    def total(bucket: Column) -> Column:
        mine = F.filter("tokens", lambda token: F.pmod(token["hash"], F.lit(buckets)) == bucket)
        return F.aggregate(mine, F.lit(0.0), lambda so_far, token: so_far + sign(token) * token["weight"])

    return F.transform(F.sequence(F.lit(0), F.lit(buckets - 1)), lambda bucket: total(bucket) / columns**0.5)
