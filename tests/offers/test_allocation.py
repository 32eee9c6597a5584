"""Coupons under budgets, floors and caps: the dual beside the exact linear program, whole coupons, and `basketgraph bench allocation`."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from basketgraph.cli.bench import app
from basketgraph.foundation.config import UserError
from basketgraph.offers.allocation import allocate, floor_price, price_sizes
from basketgraph.offers.coupon_terms import Block, Duals, Terms, lagrangian_totals
from basketgraph.offers.cutting_plane import Planes, minimise_dual
from basketgraph.offers.exact_allocation import exact_value
from basketgraph.offers.pairs import PAIRS, cached_pairs
from basketgraph.offers.rounding import FLOOR, GIVE, NONE, TAKE, Moves, mend

COUPONS = 12


def instance(people: int, seed: int) -> tuple[Block, Terms]:
    """Three budgets that bind and four categories, of which the last is worth little, so that its floor binds."""
    rng = np.random.default_rng(seed)
    category = np.arange(COUPONS) % 4
    values = rng.gamma(1.0, np.array([3.0, 2.0, 2.0, 0.3])[category], (people, COUPONS))
    values[rng.random(values.shape) < 0.1] = -np.inf  # coupons that the person may not have
    costs = rng.lognormal(0.0, 0.5, values.shape)
    terms = Terms(np.arange(COUPONS) % 3, category, people * np.array([0.2, 0.3, 0.25]), np.floor(people * np.array([0.05, 0.0, 0.1, 0.15])))
    return Block(values, costs, rng.integers(0, 4, people)), terms


@pytest.mark.parametrize("seed", range(3))
def test_cutting_planes_find_the_value_of_the_exact_linear_program(seed: int) -> None:
    people, terms = instance(200, seed)
    price, size = floor_price(people.values.max()), price_sizes(people, terms)
    planes = Planes(terms, price)
    start = np.zeros(len(size))
    dual, best = minimise_dual(planes, terms, lambda duals: lagrangian_totals(people, terms, duals), start=start, scale=size, radius=1.0, most=200)
    exact = exact_value(people, terms, floor_price=price)
    assert exact <= dual * (1 + 1e-9)
    assert dual == pytest.approx(exact, rel=1e-4)
    assert best.point[:3].min() > 0
    assert best.point[-1] > 0


def in_spark(spark, people: Block):
    rows = [
        (f"user-{i}", [None if v == -np.inf else float(v) for v in values], costs.tolist(), int(cap))
        for i, (values, costs, cap) in enumerate(zip(*people, strict=True))
    ]
    return cached_pairs(spark.createDataFrame(rows, PAIRS).repartition(3, "user_id"))


def test_whole_coupons_keep_every_limit_and_are_near_the_bound(spark, monkeypatch) -> None:
    monkeypatch.setattr("basketgraph.offers.pairs.BLOCK_BYTES", 8 * COUPONS * 50)  # several blocks
    people, terms = instance(600, 7)
    pairs = in_spark(spark, people)
    found = allocate(pairs, terms, sample_people=200, seed=1)
    exact = exact_value(people, terms, floor_price=floor_price(people.values.max()))
    assert found.dual == pytest.approx(exact, rel=1e-4)
    assert found.dual >= exact * (1 - 1e-9)
    assert 0 <= found.gap <= 0.005
    assert (found.violations, found.shortfall.tolist()) == (0, [0.0] * 4)
    assert found.passes <= 40

    rows = [(int(row.user_id.removeprefix("user-")), row.coupon, row.value, row.cost) for row in found.coupons.collect()]
    persons, coupons, values, costs = (np.array(column) for column in zip(*rows, strict=True))
    assert np.array_equal(values, people.values[persons, coupons])  # and so no coupon that is not allowed
    assert np.array_equal(costs, people.costs[persons, coupons])
    assert len({*zip(persons, coupons, strict=True)}) == len(rows)
    assert (np.bincount(persons, minlength=600) <= people.caps).all()
    assert (np.bincount(terms.budget_of[coupons], weights=costs, minlength=3) <= terms.budgets).all()
    assert (np.bincount(terms.category_of[coupons], minlength=4) >= terms.floors).all()
    assert values.sum() == pytest.approx(found.value)

    again = allocate(pairs, terms, start=found.duals, sample_people=200, seed=1)
    assert again.dual <= found.dual * (1 + 1e-5)
    assert again.passes <= found.passes


def test_a_floor_beyond_its_budget_is_reported_with_what_it_is_short_of(spark) -> None:
    people = Block(np.tile([5.0, 1.0], (100, 1)), np.ones((100, 2)), np.ones(100, dtype=int))
    terms = Terms(np.array([0, 1]), np.array([0, 1]), np.array([40.0, 10.0]), np.array([0.0, 25.0]))
    found = allocate(in_spark(spark, people), terms)
    assert found.shortfall.tolist() == [0.0, 15.0]
    assert (found.violations, found.value, found.counts.tolist()) == (0, 210.0, [40.0, 10.0])
    assert found.dual == pytest.approx(exact_value(people, terms, floor_price=floor_price(people.values.max())), rel=1e-4)
    assert found.gap == pytest.approx(0.0, abs=1e-4)


def test_floors_are_reached_before_budgets_are_kept_and_budgets_never_cost_a_floor_that_can_be_kept() -> None:
    terms = Terms(np.array([0, 0, 1]), np.array([0, 1, 2]), np.array([10.0, 5.0]), np.array([3.0, 0.0, 1.0]))
    columns = [  # kind, person, out, in, cost out, cost in, rate
        (TAKE, 1, 0, NONE, 1.0, 0.0, 0.1),  # the cheapest, and the floor's last one
        (TAKE, 2, 1, NONE, 1.0, 0.0, 0.2),
        (TAKE, 3, 1, NONE, 1.0, 0.0, 0.3),
        (FLOOR, 3, NONE, 2, 0.0, 2.0, 0.1),
        (GIVE, 4, NONE, 2, 0.0, 4.0, 0.1),  # would not fit
        (GIVE, 5, NONE, 2, 0.0, 3.0, 0.2),
    ]
    kind, person, out, in_, cost_out, cost_in, rate = (np.array(column) for column in zip(*columns, strict=True))
    moves = Moves(kind, np.zeros(6, dtype=int), person, out, in_, cost_out, cost_in, rate)
    made = mend(terms, np.array([11.0, 0.0]), np.array([3.0, 8.0, 0.0]), moves)
    assert made.tolist() == [3, 1, 5]


def test_limits_and_pairs_that_do_not_fit_are_refused(spark) -> None:
    with pytest.raises(UserError, match=r"limits of each budget(.|\n)*category of a coupon: want a place from 0 to 0, have 0 to 1"):
        Terms(np.array([0, 0]), np.array([0, 1]), np.array([-1.0]), np.array([0.0]))
    with pytest.raises(UserError, match="as many for everybody, have 1 to 2"):
        cached_pairs(spark.createDataFrame([("a", [1.0, 2.0], [1.0, 1.0], 1), ("b", [1.0], [1.0, 2.0], 1)], PAIRS))
    with pytest.raises(UserError, match="have nobody"):
        cached_pairs(spark.createDataFrame([], PAIRS))


def test_prices_of_zero_give_everybody_their_best() -> None:
    people, terms = instance(50, 1)
    found = lagrangian_totals(people, terms, Duals(np.zeros(3), np.zeros(4)))
    ordered = -np.sort(-people.values, axis=1)
    assert found.value == pytest.approx(sum(ordered[i, :cap].clip(0).sum() for i, cap in enumerate(people.caps)))


def test_the_command_prints_the_json_of_the_design(spark) -> None:
    given = ["allocation", "--people", "1200", "--coupons", "16", "--exact", "--seed", "2", "--json"]
    result = CliRunner().invoke(app, given, catch_exceptions=False)
    found = json.loads(result.stdout.splitlines()[-1])
    assert {"dual", "value", "gap", "passes", "seconds", "violations", "shortfall", "exact", "peak_memory_bytes"} <= set(found)
    assert (found["violations"], found["shortfall"], found["people"], found["seed"]) == (0, {}, 1200, 2)
    assert found["dual"] == pytest.approx(found["exact"], rel=1e-4)
    assert found["gap"] <= 0.005
    assert found["passes"] <= 40
