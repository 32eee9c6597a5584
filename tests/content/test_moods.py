"""How people feel and what they write about: planted moods are found again, only by what was written before the day."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timezone
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.content.encoder import MODEL
from basketgraph.content.mood_heads import BAD, GOOD, Labelled, item_mean_area, learned_head, with_evidence
from basketgraph.content.moods import Heads, item_moods, labelled, labelled_reviews, scored, user_moods, vectors_of, written_texts
from basketgraph.content.settings import ContentSettings
from basketgraph.foundation.contracts import conform
from support.contract_rows import rows

DS, BEFORE = date(2026, 3, 1), date(2026, 2, 28)
WORDS = {GOOD: ("lovely", "perfect", "soft"), BAD: ("itchy", "torn", "returned")}
THINGS = ("dress", "skirt", "sweater", "jeans")
SETTINGS = ContentSettings(mood_days=100)


def planted(texts: int, *, turned_from: int | None = None) -> Labelled:
    """Texts whose word tells their label; from `turned_from` on it tells the other one. Each even item is mostly good."""
    draw, found = random.Random(0), []
    for number in range(texts):
        item = draw.randrange(10)
        label = GOOD if draw.random() < (0.9 if item % 2 == 0 else 0.4) else BAD
        said = label if turned_from is None or number < turned_from else (BAD if label == GOOD else GOOD)
        found.append((f"This {draw.choice(THINGS)} is {draw.choice(WORDS[said])}, number {number}", f"i{item}", label))
    return Labelled(*zip(*found, strict=True), None)


def test_a_head_is_judged_by_texts_later_than_all_that_it_was_learned_from_and_chosen_by() -> None:
    head, found = learned_head(planted(400), ("characters", "words"), seed=7)
    assert (found["learned"], found["judged"], found["space"]) == (320, 80, max(found["validation"], key=found["validation"].get))
    assert found["auc_low"] > 0.95 > found["majority"]
    assert item_mean_area(planted(400), seed=7)["auc"] == pytest.approx(0.75, abs=0.1)  # less than words say, more than nothing
    good, torn, foreign = head.probabilities(["a lovely dress", "a torn dress", "生日礼物"], None)[:, head.head.classes.index(GOOD)]
    assert good > 0.8 > 0.4 > torn
    assert np.isnan(foreign)
    turned, judged = learned_head(planted(400, turned_from=320), ("words",), seed=7)
    assert judged["auc_high"] < 0.1 < 0.95 < judged["validation"]["words"]
    assert turned.head.classes == (BAD, GOOD)


def test_few_texts_or_one_label_are_no_evidence() -> None:
    def of(*labels: str) -> Labelled | None:
        return with_evidence(Labelled([""] * len(labels), [""] * len(labels), labels, np.zeros((len(labels), 2), np.float32)), 200)

    assert of(*[GOOD] * 180, *[BAD] * 19) is None
    assert of(*[GOOD] * 300, *[BAD] * 19) is None
    assert of(*[GOOD] * 179, *[BAD] * 20) is None
    kept = of(*[GOOD] * 180, *[BAD] * 20, *["rare"] * 19)
    assert kept is not None
    assert (len(kept.texts), set(kept.labels), len(kept.vectors)) == (200, {GOOD, BAD}, 200)


def instant(day: int, hour: int = 12, month: int = 2) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=timezone.utc)


def review(number: int, **columns: Any) -> dict[str, Any]:
    text = {"title": "Soft", "text": " a dress ", "event_time": instant(27), "event_date": date(2026, 2, 27), "rating_min": 1.0, "rating_max": 5.0}
    return {"review_id": f"r{number}", "user_id": "ann", "item_id": "dress", **text, **columns}


REVIEWS = [
    review(1, rating=4.0, event_date=BEFORE, event_time=instant(28, 9)),
    review(2, rating=3.0, text=None, item_id="hat"),
    review(3, rating=3.5, item_id="unknown"),  # neither good nor bad, and of no topic
    review(4, rating=1.0, recommended=True, user_id=None, event_time=None, event_date=None, source_time=instant(28, 8)),
    review(5, rating=5.0, event_date=DS, event_time=instant(1, 0, month=3)),  # not yet written
    review(6, rating=5.0, event_date=date(2025, 11, 20)),  # a day too old
    review(7, rating=5.0, title=None, text=" "),
    review(9, rating=3.5, event_time=None, source_time=instant(1, month=4), item_id="unknown"),  # a day alone, and delivered much later
    review(8, rating=5.0, rating_max=1.0, rating_min=1.0, item_id="unknown"),  # a scale without a length
]
OTHERS = {"event_time": instant(28), "event_date": BEFORE}
SEARCHES = [{"search_id": "s1", "user_id": None, "visitor_id": "phone", "query": "skirt", **OTHERS}, {"search_id": "s2", "query": "dress", **OTHERS}]
MESSAGES = [
    {"message_id": "m1", "message_type": "complaint", "user_id": "ann", "text": "torn", "event_time": instant(26), "event_date": date(2026, 2, 26)}
]
ITEMS = [
    {"item_id": "dress", "department": "Dresses", "category": "Gowns", "valid_from": date(2026, 1, 1)},
    {"item_id": "hat", "category": "Hats", "valid_from": date(2026, 1, 1)},
]


@pytest.mark.slow
def test_texts_before_the_day_are_labelled_scored_on_executors_and_summed_up_by_person_and_item(spark: SparkSession) -> None:
    reviews = rows(spark, "silver.reviews", REVIEWS)
    written = written_texts(reviews, rows(spark, "silver.searches", SEARCHES), rows(spark, "silver.messages", MESSAGES), as_of=DS, days=100)
    told = {row.text_id: (row.kind, row.user_id, row.text, row.day) for row in written.collect()}
    assert set(told) == {"r1", "r2", "r3", "r4", "r8", "r9", "s1", "s2", "m1"}
    assert [row["at"].astimezone(timezone.utc) for row in written.where("text_id = 'r9'").collect()] == [instant(27, 0)]
    assert told["r1"] == ("review", "ann", "Soft a dress", BEFORE)
    assert told["r4"] == ("review", None, "Soft a dress", BEFORE), "a review without a day is of that of its delivery"
    assert (told["s1"][:2], told["m1"][:2]) == (("search", "phone"), ("message", "ann"))
    known = labelled_reviews(written, reviews, rows(spark, "silver.items", ITEMS), as_of=DS, settings=SETTINGS).toArrow()
    assert known.select(["item_id", "mood", "topic"]).to_pylist() == [
        {"item_id": "hat", "mood": BAD, "topic": "Hats"},
        {"item_id": "dress", "mood": GOOD, "topic": "Dresses"},  # recommended, whatever the rating
        {"item_id": "dress", "mood": GOOD, "topic": "Dresses"},
    ]
    assert labelled(known, "topic", vectors_of(known, known.select(["text_hash"]).append_column("vector", [[[0.5]] * 3]))).labels[0] == "Hats"

    moods, things = planted(300), planted(300)
    topics = Labelled(things.texts, things.items, [text.split()[1] for text in things.texts], None)
    heads = Heads(learned_head(moods, ("words",), seed=7)[0], learned_head(topics, ("words",), seed=7)[0])
    scores = scored(written, heads, model="default", model_id=MODEL, partitions=2).localCheckpoint()
    names = topics_of(heads)
    for text, mood, thing in (("Soft a dress", 1, "dress"), ("torn", 0, None), ("skirt", None, "skirt")):
        (row,) = scores.join(written.where(f"text = '{text}'").select("text_hash").distinct(), "text_hash").collect()
        assert mood is None or abs(row.mood / 10_000 - mood) < 0.4
        assert thing is None or names[int(np.argmax(row.topics))] == thing
        assert sum(row.topics) == pytest.approx(10_000, abs=4)


def topics_of(heads: Heads) -> Sequence[str]:
    assert heads.topic is not None
    return heads.topic.head.classes


def test_newer_texts_weigh_more_and_the_last_review_or_message_is_the_last_mood(spark: SparkSession) -> None:
    scored_texts = [  # kind, id, user, item, day, at, mood, topics
        ("review", "r1", "ann", "dress", date(2026, 2, 28), instant(28), 9000, [10_000, 0]),
        ("message", "m1", "ann", None, date(2026, 2, 19), instant(19), 3000, [0, 10_000]),  # counts half
        ("search", "s1", "ann", None, date(2026, 2, 28), instant(28, 13), 1000, [0, 10_000]),
        ("review", "r2", None, "dress", date(2026, 2, 28), instant(28), 2000, None),
        ("review", "r3", "bob", "hat", date(2026, 2, 28), instant(28), None, None),  # nothing is known of it
        ("search", "s2", "cat", None, date(2026, 2, 28), instant(28), 1000, [10_000, 0]),
    ]
    kinds = "kind string, text_id string, user_id string, item_id string, day date, at timestamp, mood bigint, topics array<bigint>"
    texts = spark.createDataFrame(scored_texts, kinds)
    found = conform(user_moods(texts, ["Dresses", "Hats"], as_of=date(2026, 3, 1), half_life_days=9), "gold.user_moods").collect()
    users = {row.user_id: row for row in found}
    assert set(users) == {"ann", "cat"}
    ann, cat = users["ann"], users["cat"]
    newest, older = 0.5 ** (1 / 9), 0.5 ** (10 / 9)
    assert (ann.mood, ann.last_mood) == (pytest.approx((0.9 * newest + 0.3 * older) / (newest + older), abs=1e-5), 0.9)
    assert (ann.texts, ann.last_text_at.astimezone(timezone.utc)) == (3, instant(28))
    share = (newest + older) / (2 * newest + older)
    assert [(topic.name, topic.share) for topic in ann.topics] == [
        ("Hats", pytest.approx(share, abs=1e-5)),
        ("Dresses", pytest.approx(1 - share, abs=1e-5)),
    ]
    assert (cat.mood, cat.last_mood, cat.last_text_at, cat.topics[0].name) == (None, None, None, "Dresses"), "a search tells no mood"
    (item,) = conform(item_moods(texts, ["Dresses", "Hats"], as_of=DS, prior=2.0), "gold.item_moods").collect()
    assert (item.item_id, item.reviews, item.mood) == ("dress", 2, pytest.approx((0.9 + 0.2 + 2 * 0.55) / 4))
    moods_alone = texts.where("kind = 'message'").withColumn("topics", F.lit(None).cast("array<bigint>"))
    (without,) = user_moods(moods_alone, [], as_of=DS, half_life_days=9).collect()
    assert (without.topics, without.last_mood) == ([], 0.3)
