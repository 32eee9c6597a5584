"""What the words of reviews tell: planted moods, and the JSON of the bench."""

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from basketgraph.cli.bench import app
from basketgraph.content.linear_head import fit_head
from basketgraph.content.reviews_bench import read_labelled
from basketgraph.foundation.classification import auc, calibration_error
from basketgraph.foundation.config import UserError

GOOD, BAD = ("lovely", "perfect", "soft"), ("itchy", "torn", "returned")
THINGS = ("dress", "skirt", "sweater", "jeans")


def test_a_head_gives_the_shares_that_texts_of_one_kind_have() -> None:
    head = fit_head(np.eye(2)[[0] * 40 + [1] * 40], ["a"] * 30 + ["b"] * 10 + ["b"] * 36 + ["c"] * 4, penalty=0.01)
    assert head.classes == ("a", "b", "c")
    np.testing.assert_allclose(head.probabilities(np.eye(2)), [[0.75, 0.25, 0], [0, 0.9, 0.1]], atol=0.02)


def test_area_and_calibration_error_of_known_rows() -> None:
    outcome = np.array([0, 0, 1, 1])
    assert auc(np.array([0.1, 0.5, 0.5, 0.9]), outcome) == 0.875  # one pair of four is equal
    assert auc(np.array([0.1, 0.5, 0.5, 0.9]), outcome, np.array([1.0, 0, 1, 1])) == 1.0
    assert np.isnan(auc(np.array([0.1, 0.5]), np.array([1, 1])))
    assert calibration_error(np.array([0.2, 0.2, 0.6, 0.6]), np.array([0, 1, 1, 1]), bins=2) == pytest.approx((0.3 + 0.4) / 2)


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    draw = random.Random(0)
    with (tmp_path / "reviews.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["title", "text", "recommended", "thing"])
        for number in range(400):
            thing, good = draw.choice(THINGS), draw.random() < 0.7
            mood = draw.choice(GOOD if good else BAD)
            title, text = "" if number % 7 == 0 else f"My {thing}", f"This {thing} is {mood},\nnumber {number}"
            rows.writerow([title, text, int(good), "" if number < 5 else thing])
    return tmp_path / "reviews.csv"


def test_the_bench_reads_mood_and_subject(reviews: Path) -> None:
    given = ["reviews", "--data", str(reviews), "--text", "title", "--text", "text", "--learn", "200", "--few", "60", "--json"]
    for label, least in (("recommended", 0.95), ("thing", 0.95)):
        ran = CliRunner().invoke(app, [*given, "--label", label])
        assert ran.exit_code == 0, ran.output
        found = json.loads(ran.stdout.splitlines()[-1])
        assert found["words"]["accuracy"] > least > found["majority"]
        assert found["words + encoder"]["accuracy_low"] <= found["words + encoder"]["accuracy"] <= found["words + encoder"]["accuracy_high"]
        assert found["few:encoder"]["accuracy"] > found["majority"]
        assert ("auc" in found["words"]) == (label == "recommended")
        assert found["learned"] + found["judged"] == (400 if label == "recommended" else 395)


def test_what_cannot_be_learned_from_is_refused(reviews: Path) -> None:
    with pytest.raises(UserError, match="want stars, have title, text, recommended, thing"):
        read_labelled(reviews, ["text"], "stars")
    reviews.write_text("text,label\n" + "good,1\n" * 60)
    with pytest.raises(UserError, match="of two classes, have 60 of 1"):
        read_labelled(reviews, ["text"], "label")
