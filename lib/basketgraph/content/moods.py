"""gold.user_moods and gold.item_moods: how people feel and what they write about, by heads on the words of reviews, searches and messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from basketgraph.content.encoder import encode, model_files
from basketgraph.content.mood_heads import BAD, GOOD, Labelled, TextHead, item_mean_area, learned_head, with_evidence
from basketgraph.content.settings import ContentSettings
from basketgraph.content.text_vectors import LONGEST_TEXT, encoded
from basketgraph.foundation.config import UserError
from basketgraph.foundation.persons import by_actor
from basketgraph.foundation.point_in_time import known_before
from basketgraph.foundation.progress import at

REVIEW, SEARCH, MESSAGE = "review", "search", "message"
TOPICS = 3  # of a person or item, the largest
GOOD_PLACE, BAD_PLACE = 0.75, 0.5  # of a rating on its scale from 0 to 1: 4 of 5 stars and more, 3 and fewer
# Probabilities and weights are integers in these units: sums of doubles depend on the order of the rows, so a second run would differ.
UNITS, WEIGHT_UNITS = 10**4, 10**6
SCORES = "text_hash string, mood bigint, topics array<bigint>"


class Heads(NamedTuple):
    """mood: of GOOD and BAD; topic: of names of topics; None where there is no evidence."""

    mood: TextHead | None
    topic: TextHead | None

    @property
    def read_vectors(self) -> bool:
        return any(head is not None and head.space.reads_vectors for head in self)


def written_texts(reviews: DataFrame, searches: DataFrame, messages: DataFrame, *, as_of: date, days: int) -> DataFrame:
    """What was written in the `days` before `as_of`, by actor.

    reviews, searches, messages: silver rows of any day. A review without a day counts as written when it was delivered; what has a day
             and no time, as its day began.
    returns: kind, text_id, user_id (null: nobody knows who), item_id (of reviews), day, at (UTC instant), text, text_hash; none without a text.
    """
    day = F.coalesce("event_date", F.to_date("source_time"))
    instant = F.coalesce("event_time", F.col("event_date").cast("timestamp"), "source_time")
    of_review = F.concat_ws(" ", F.trim("title"), F.trim("text"))
    columns = {
        REVIEW: (reviews, "review_id", "user_id", F.col("item_id"), of_review),
        SEARCH: (by_actor(searches), "search_id", "user_id", F.lit(None).cast("string"), F.col("query")),
        MESSAGE: (by_actor(messages), "message_id", "user_id", F.lit(None).cast("string"), F.col("text")),
    }
    kinds = [
        rows.select(
            F.lit(kind).alias("kind"),
            F.col(key).alias("text_id"),
            user,
            item.alias("item_id"),
            day.alias("day"),
            instant.alias("at"),
            F.substring(F.trim(text), 1, LONGEST_TEXT).alias("text"),
        )
        for kind, (rows, key, user, item, text) in columns.items()
    ]
    first, is_written = F.lit(as_of - timedelta(days=days)), F.col("text") != ""
    written = reduce(DataFrame.unionByName, kinds).where((F.col("day") >= first) & (F.col("day") < F.lit(as_of)) & is_written)
    return written.withColumn("text_hash", F.sha2("text", 256))


def labelled_reviews(texts: DataFrame, reviews: DataFrame, items: DataFrame, *, as_of: date, settings: ContentSettings) -> DataFrame:
    """The newest reviews that say whether their writer was content, or whose item has a topic; the oldest first.

    texts:   rows of `written_texts`.   reviews: silver.reviews rows.   items: silver.items rows with their history.
    returns: text_hash, text, item_id, mood (GOOD, BAD or null: `recommended` where that is said, else by the rating), topic (or null).
    """
    place = (F.col("rating") - F.col("rating_min")) / F.nullif(F.col("rating_max") - F.col("rating_min"), F.lit(0.0))
    is_good = F.coalesce("recommended", F.when(place >= GOOD_PLACE, True).when(place <= BAD_PLACE, False))
    moods = reviews.select(F.col("review_id").alias("text_id"), F.when(is_good, GOOD).when(~is_good, BAD).alias("mood"))
    topics = known_before(items, as_of).select("item_id", F.coalesce(*settings.topic).alias("topic"))
    labelled = (
        texts.where(F.col("kind") == REVIEW)
        .join(moods, "text_id", how="inner")  # one row a review
        .join(topics, "item_id", how="left")  # at most one row an item
        .where(F.col("mood").isNotNull() | F.col("topic").isNotNull())
    )
    newest = labelled.orderBy(F.desc("day"), F.desc("at"), F.desc("text_id")).limit(settings.mood_reviews)
    return newest.orderBy("day", "at", "text_id").select("text_hash", "text", "item_id", "mood", "topic")


def learned_heads(reviews: DataFrame, settings: ContentSettings, *, model_id: str | None, partitions: int) -> tuple[Heads, dict[str, Any]]:
    """The heads that reviews give, and how good each is (`learned_head`; of the mood also `item_mean`), by name; None of one without evidence.

    reviews: rows of `labelled_reviews`.   model_id: of the encoder; None: no space reads vectors, and nothing is encoded.   partitions: one a core.
    """
    reviews = reviews.localCheckpoint()
    found, vectors = reviews.toArrow(), None
    if found.num_rows >= settings.least_mood_reviews and model_id is not None:
        at("encoding reviews")
        distinct = reviews.select("text_hash", "text").distinct()
        of_texts = encoded(distinct, model=settings.model, model_id=model_id, partitions=partitions)
        vectors = vectors_of(found, of_texts.select("text_hash", "vector").toArrow())
    heads: list[TextHead | None] = []
    metrics: dict[str, Any] = {}
    for name in Heads._fields:
        given = with_evidence(labelled(found, name, vectors), settings.least_mood_reviews)
        head, metrics[name] = learned_head(given, settings.spaces(), seed=settings.seed) if given else (None, None)
        if given and name == "mood":
            metrics[name] |= {"item_mean": item_mean_area(given, seed=settings.seed)}
        heads.append(head)
    return Heads(*heads), metrics


def labelled(found: pa.Table, label: str, vectors: NDArray[np.float32] | None) -> Labelled:
    """The rows of `labelled_reviews` that have this label: mood or topic. vectors: float32 [rows, dim], or None."""
    texts, items, labels = (found[name].to_pylist() for name in ("text", "item_id", label))
    whole = Labelled(texts, items, labels, vectors)
    return whole.some([row for row, given in enumerate(whole.labels) if given is not None])


def vectors_of(found: pa.Table, encoded: pa.Table) -> NDArray[np.float32]:
    """float32 [rows of `found`, dim]; zeros where the encoder does not know the text. encoded: text_hash, vector (or null)."""
    known = {name: vector for name, vector in zip(*(encoded[c].to_pylist() for c in ("text_hash", "vector")), strict=True) if vector is not None}
    nothing = [0.0] * max((len(vector) for vector in known.values()), default=1)
    return np.array([known.get(name, nothing) for name in found["text_hash"].to_pylist()], dtype=np.float32)


def scored(texts: DataFrame, heads: Heads, *, model: str, model_id: str | None, partitions: int) -> DataFrame:
    """What the heads say of each distinct text, on the executors.

    texts:   rows with text_hash and text.   model, model_id, partitions: as `encoded` takes them; the encoder is loaded where a head reads vectors.
    returns: text_hash, mood (probability of GOOD) and topics (of each topic, in the order of the head's classes), both in UNITS; null where a head
             is not there or knows nothing of the text.
    errors:  UserError on an executor that has another encoder than the driver.
    """
    distinct = texts.select("text_hash", "text").distinct().repartition(partitions, "text_hash")
    return distinct.mapInArrow(partial(_scores, heads=heads, model=model, model_id=model_id), SCORES)


def _scores(batches: Iterable[pa.RecordBatch], *, heads: Heads, model: str, model_id: str | None) -> Iterator[pa.RecordBatch]:
    if heads.read_vectors and (have := model_files(model).id) != model_id:
        raise UserError(f"content.model: executors have another {model}", [f"want {model_id}, have {have}"], "Copy the driver's to all machines.")
    for batch in batches:
        texts = batch.column("text").to_pylist()
        vectors = encode(texts, model) if heads.read_vectors else None
        mood, topics = (None if head is None else head.probabilities(texts, vectors) for head in heads)
        good = [None] * len(texts) if heads.mood is None or mood is None else _units(mood[:, [heads.mood.head.classes.index(GOOD)]])
        shares = [None] * len(texts) if topics is None else _units(topics)
        arrays = [
            batch.column("text_hash"),
            pa.array([None if one is None else one[0] for one in good], pa.int64()),
            pa.array(shares, pa.list_(pa.int64())),
        ]
        yield pa.RecordBatch.from_arrays(arrays, names=["text_hash", "mood", "topics"])


def _units(probabilities: NDArray[np.float64]) -> Sequence[list[int] | None]:
    """Of each text its probabilities in UNITS; None of one that is not known."""
    return [None if np.isnan(row).any() else np.round(row * UNITS).astype(int).tolist() for row in probabilities]


def user_moods(texts: DataFrame, topics: Sequence[str], *, as_of: date, half_life_days: float) -> DataFrame:
    """How each person feels, and what they write about.

    texts:   rows of `written_texts` by person, with the columns of `scored`; those without a user or of which no head knows anything are left out.
    topics:  the topic head's classes; empty without one.
    returns: gold.user_moods rows. Moods are of reviews and messages: a search says what somebody wants, not how they feel.
    """
    age_days = F.datediff(F.lit(as_of), "day")
    weight = F.greatest(F.lit(1), F.round(F.pow(F.lit(0.5), age_days / F.lit(float(half_life_days))) * WEIGHT_UNITS)).cast("bigint")
    known = _known(texts.where(F.col("user_id").isNotNull())).withColumn("weight", weight)
    is_felt = F.col("mood").isNotNull() & (F.col("kind") != SEARCH)
    last = F.when(is_felt, F.struct("day", "at", "kind", "text_id"))
    moods = known.groupBy("user_id").agg(
        (F.sum(F.when(is_felt, F.col("weight") * F.col("mood"))) / F.sum(F.when(is_felt, F.col("weight"))) / UNITS).alias("mood"),
        (F.max_by("mood", last) / UNITS).alias("last_mood"),
        F.max(last)["at"].alias("last_text_at"),
        F.count("*").alias("texts"),
    )
    return _with_topics(moods, known, "user_id", topics).withColumn("as_of", F.lit(as_of))


def item_moods(texts: DataFrame, topics: Sequence[str], *, as_of: date, prior: float) -> DataFrame:
    """How the reviews of each item sound, drawn to the mean of all reviews as if `prior` more of that mean were there.

    texts:   rows of `written_texts` with the columns of `scored`; reviews count.   topics: as `user_moods` takes them.
    returns: gold.item_moods rows.
    """
    known = _known(texts.where(F.col("kind") == REVIEW)).withColumn("weight", F.lit(1))
    mean = F.sum("mood") / F.count("mood")
    of_shop = known.agg(mean.alias("of_shop"))
    drawn = (F.sum("mood") + F.lit(float(prior)) * F.first("of_shop")) / (F.count("mood") + F.lit(float(prior))) / UNITS
    moods = known.crossJoin(F.broadcast(of_shop)).groupBy("item_id").agg(drawn.alias("mood"), F.count("*").alias("reviews"))
    return _with_topics(moods, known, "item_id", topics).withColumn("as_of", F.lit(as_of))


def _known(texts: DataFrame) -> DataFrame:
    """Texts of which a head knows something."""
    return texts.where(F.col("mood").isNotNull() | F.col("topics").isNotNull())


def _with_topics(moods: DataFrame, known: DataFrame, key: str, topics: Sequence[str]) -> DataFrame:
    """Moods with the TOPICS largest topics: their mean probability, by weight. known: texts with weight; moods: one row a key."""
    names = F.array(*map(F.lit, topics)).cast("array<string>")
    of_topic = (
        known.where("topics IS NOT NULL")
        .select(key, "weight", F.posexplode("topics").alias("number", "units"))
        .groupBy(key, "number")
        .agg((F.sum(F.col("weight") * F.col("units")) / F.sum("weight") / UNITS).alias("share"))
        .groupBy(key)
        .agg(F.array_sort(F.collect_list(F.struct((-F.col("share")).alias("minus_share"), F.get(names, F.col("number")).alias("name")))).alias("all"))
    )
    largest = F.transform(F.slice("all", 1, TOPICS), _as_topic)
    nothing = F.array().cast("array<struct<name:string,share:double>>")
    joined = moods.join(of_topic, key, how="left")  # at most one row a key
    return joined.withColumn("topics", F.coalesce(largest, nothing)).drop("all")


def _as_topic(one: Column) -> Column:
    return F.struct(one["name"].alias("name"), F.round(-one["minus_share"], 6).alias("share"))
