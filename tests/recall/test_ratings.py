"""Collaborative filtering against the textbook's formulas, worked by hand, and the bench on a small file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from basketgraph.cli.bench import app
from basketgraph.foundation.config import UserError
from basketgraph.recall import bench_ratings
from basketgraph.recall.ratings import RatingSettings, item_based, similarity, user_based

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

EXAMPLE = [("A", "1", 5.0), ("A", "2", 3.0), ("B", "1", 4.0), ("B", "2", 2.0), ("B", "3", 5.0)]


def frame(spark: SparkSession, given: list[tuple[str, str, float]]) -> DataFrame:
    return spark.createDataFrame(given, "user_id string, item_id string, rating double")


def wanted(spark: SparkSession, *pairs: str) -> DataFrame:
    return spark.createDataFrame([tuple(pair) for pair in pairs], "user_id string, item_id string")


def of_pairs(predicted: DataFrame) -> dict[str, float]:
    return {row.user_id + row.item_id: row.prediction for row in predicted.collect()}


@pytest.mark.slow
def test_the_example_that_is_worked_by_hand(spark: SparkSession) -> None:
    """A's mean is 4 and B's 11/3, so B's ratings of items 1, 2 and 3 lie 1/3, -5/3 and 4/3 beside it. B is A's only neighbour, with
    (1/3 + 5/3) / sqrt(2 * 26/9) over the common items 1 and 2, and A's rating of item 3 is 4 + 4/3. By items it is the mean of item 3, which
    has one rating, and hence a norm of 0. An unknown user gets the mean of all ratings.
    """
    ratings, asked = frame(spark, EXAMPLE), wanted(spark, "A3", "C3")
    users, items = (similarity(ratings, of=of, over=over) for of, over in (("user_id", "item_id"), ("item_id", "user_id")))
    want = (pytest.approx(2 / np.sqrt(2 * 26 / 9)), pytest.approx(2 / np.sqrt(2 * 42 / 9)))  # over common items; with the norms of all ratings
    alike = {row.user_id + row.other: (row["common"], row["all"]) for row in users.collect()}
    assert alike == {"AB": want, "BA": want}
    by_users = of_pairs(user_based(ratings, asked, users, RatingSettings()))
    assert by_users == {"A3": pytest.approx(4 + 4 / 3), "C3": pytest.approx(19 / 5)}
    by_items = of_pairs(item_based(ratings, asked, items, RatingSettings()))
    assert by_items == {"A3": pytest.approx(5.0), "C3": pytest.approx(5.0)}


def test_the_nearest_count_and_one_that_is_unlike_counts_against(spark: SparkSession) -> None:
    """B agrees with A, C disagrees; both rated item 3 above their means. D rated all alike: a norm of 0, and so the mean."""
    given = [*EXAMPLE, ("C", "1", 1.0), ("C", "2", 4.0), ("C", "3", 4.0), ("D", "1", 2.0), ("D", "2", 2.0)]
    ratings, asked = frame(spark, given), wanted(spark, "A3", "D3")
    s_b, s_c = 2 / np.sqrt(2 * 26 / 9), -3 / np.sqrt(2 * 5)
    both = 4 + (s_b * 4 / 3 + s_c * 1) / (s_b - s_c)
    near = similarity(ratings, of="user_id", over="item_id")
    assert of_pairs(user_based(ratings, asked, near, RatingSettings())) == {"A3": pytest.approx(both), "D3": pytest.approx(2.0)}
    one = of_pairs(user_based(ratings, asked, near, RatingSettings(neighbours=1)))
    assert one["A3"] == pytest.approx(4 + 4 / 3)


@pytest.mark.parametrize("line", ["{} {} {} {}", "{}\t{}\t{}\t{}", "{}::{}::{}::{}", '"{}","{}",{},{}'])
def test_files_as_people_have_them(spark: SparkSession, tmp_path: Path, line: str) -> None:
    data, again = tmp_path / "my ratings [1].csv", "3.5"
    rows = [("user", "item", "rating", "timestamp"), ("u1", "i1", "5", "100"), ("u1", "i1", again, "200"), ("u2", "i1", "1", "50")]
    data.write_text("\n".join(line.format(*row) for row in rows))
    header = bench_ratings.check_file(data, lambda text: None)
    got = bench_ratings.read_ratings(spark, data, header).orderBy("user_id").collect()
    assert [tuple(row) for row in got] == [(0, 0, 3.5, 200.0), (1, 0, 1.0, 50.0)]


def test_files_that_are_no_ratings_are_refused_with_a_line(spark: SparkSession, tmp_path: Path) -> None:
    data = tmp_path / "ratings"
    data.write_text("u1 i1 5\nu2 i2 4\n")
    with pytest.raises(UserError, match="have `u2 i2 4`"):
        bench_ratings.check_file(data, lambda text: None)
    data.write_text("u1 i1 5 100\nu2 i2 much 100\n")
    with pytest.raises(UserError, match="have `u2 i2 much 100`"):
        bench_ratings.read_ratings(spark, data, None)


@pytest.mark.long
def test_the_bench_finds_a_planted_taste(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the users like even items, and the others odd ones: means know nothing of it, neighbours do."""
    every = bench_ratings.models(0)
    assert set(every) >= {"user_mean", "item_mean", "user_based", "item_based", "als"}
    few = {name: every[name] for name in ("user_mean", "user_based", "als")}
    monkeypatch.setattr(bench_ratings, "models", lambda seed: few)
    monkeypatch.setattr(bench_ratings, "FOLDS", 2)
    rng = np.random.default_rng(0)
    rows = [
        (u, i, 1 + 4 * ((u + i) % 2 == 0), 1000 + n * 37 % 101)
        for n, (u, i) in enumerate((u, i) for u in range(12) for i in range(10))
        if rng.random() < 0.9
    ]
    data = tmp_path / "ratings"
    data.write_text("".join(f"{u}\t{i}\t{rating}\t{time}\n" for u, i, rating, time in rows))
    found = CliRunner().invoke(app, ["ratings", "--data", str(data), "--json"])
    assert found.exit_code == 0, found.output
    result = json.loads(found.stdout.splitlines()[-1])
    assert result["ratings"] == len(rows)
    assert set(result) >= {"random_folds", "time_cut", "seconds", "peak_memory_bytes", "seed"}
    for split in ("random_folds", "time_cut"):
        rmse = {name: part["rmse"] for name, part in result[split].items()}
        assert max(rmse["user_based"], rmse["als"]) < 0.8 * rmse["user_mean"]
