"""People's pairs on Spark: rows of (user, values, costs, cap) as cached blocks of people, and passes over them.

A block holds its people's numbers as bytes: a pass hands Python some hundred blocks instead of millions of arrays, whose elements Spark would copy
one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from basketgraph.foundation.config import UserError
from basketgraph.offers.coupon_terms import Block, Duals, Floats, Ints, Terms, Totals, best_coupons, lagrangian_totals, reduced_values, totals
from basketgraph.offers.rounding import NONE, Moves, Shares, block_moves

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PAIRS = "user_id string, values array<double>, costs array<double>, cap int"
BLOCK = "block long, people long, most double, users array<string>, values binary, costs binary, caps binary"
MOVES = "kind long, block long, person long, out long, in_ long, cost_out double, cost_in double, rate double"
ALLOCATION = "user_id string, coupon long, value double, cost double"
NUMBERS = ("block", "values", "costs", "caps")
BLOCK_BYTES = 1 << 20  # of values; as many of costs
Batches = Iterable[pa.RecordBatch]


class Changes(NamedTuple):
    """Moves to make in one block, columns of one length: the coupon that a person loses and gets, or NONE."""

    person: Ints
    out: Ints
    in_: Ints


class Chosen(NamedTuple):
    """Sums of an allocation: its totals, and how many people have more coupons than their cap or one coupon twice."""

    totals: Totals
    breaches: int


@dataclass(frozen=True)
class Pairs:
    """Cached blocks of people. people: in all; coupons: of each person; number: of blocks; most: the largest value of a pair."""

    blocks: DataFrame
    people: int
    coupons: int
    number: int
    most: float

    def evaluate(self, terms: Terms, duals: Duals) -> Totals:
        """One pass: sums of the best pairs at these prices."""
        return Totals(self._summed(lambda _, block: lagrangian_totals(block, terms, duals).by_coupon))

    def chosen(self, terms: Terms, duals: Duals, changes: Mapping[int, Changes]) -> Chosen:
        """One pass: sums of the best pairs at these prices with the changes (by block) made, counted anew from the pairs."""

        def sums(number: int, block: Block) -> Floats:
            persons, coupons = chosen_pairs(block, terms, duals, changes.get(number))
            over = np.bincount(persons, minlength=len(block.caps)) > block.caps
            twice = np.unique(persons * terms.coupons + coupons, return_counts=True)[1] > 1
            return np.vstack([totals(block, persons, coupons).by_coupon, np.full(terms.coupons, over.sum() + twice.sum())])

        found = self._summed(sums)
        return Chosen(Totals(found[:3]), int(found[3, 0]))

    def allocation(self, terms: Terms, duals: Duals, changes: Mapping[int, Changes]) -> DataFrame:
        """The same pairs as rows: user_id, coupon (its place), value, cost. Not yet computed."""

        def listed(number: int, block: Block, users: pa.Array) -> list[pa.Array]:
            persons, coupons = chosen_pairs(block, terms, duals, changes.get(number))
            return [users.take(pa.array(persons)), *map(pa.array, (coupons, block.values[persons, coupons], block.costs[persons, coupons]))]

        return self._mapped(listed, ALLOCATION, "users")

    def moves(self, terms: Terms, duals: Duals, shares: Shares, at_least: int) -> Moves:
        """One pass: the blocks' cheapest moves at these prices. at_least: of each kind and limit, from all blocks together."""
        in_block = max(1, at_least // self.number)

        def found(number: int, block: Block, _: pa.Array) -> list[pa.Array]:
            return list(map(pa.array, block_moves(block, terms, duals, number, shares, in_block)))

        rows = self._mapped(found, MOVES).toArrow()
        return Moves(*(rows[name].to_numpy() for name in Moves._fields))

    def sample(self, people: int, seed: int) -> Block:
        """About `people` people, drawn by seed; everybody where there are no more."""
        share = people / self.people

        def drawn(number: int, block: Block, _: pa.Array) -> list[pa.Array]:
            rows = np.random.default_rng([seed, number]).random(len(block.caps)) < share
            return [pa.array([part[rows].tobytes()]) for part in block]

        blocks = [
            _block(row["values"], row["costs"], row["caps"], self.coupons)
            for row in self._mapped(drawn, "values binary, costs binary, caps binary").collect()
        ]
        return Block(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))

    def _mapped(self, function: Callable[[int, Block, pa.Array], list[pa.Array]], schema: str, *more: str) -> DataFrame:
        """The function's columns for each block, as rows of `schema`. more: columns of the blocks beside the numbers."""
        coupons, names = self.coupons, [column.split()[0] for column in schema.split(", ")]

        def run(batches: Batches) -> Iterator[pa.RecordBatch]:
            for number, block, users in _blocks(batches, coupons):
                yield pa.record_batch(function(number, block, users), names=names)

        return self.blocks.select(*NUMBERS, *more).mapInArrow(run, schema)

    def _summed(self, function: Callable[[int, Block], Floats]) -> Floats:
        """The sum of the function's arrays over all blocks: first in each partition, then on the driver."""
        coupons = self.coupons

        def run(batches: Batches) -> Iterator[pa.RecordBatch]:
            arrays = [function(number, block) for number, block, _ in _blocks(batches, coupons)]
            if arrays:
                yield pa.record_batch([pa.array([np.sum(arrays, axis=0).tobytes()])], names=["sums"])

        rows = self.blocks.select(*NUMBERS).mapInArrow(run, "sums binary").collect()
        found: Floats = np.sum([np.frombuffer(row.sums).reshape(-1, coupons) for row in rows], axis=0)
        return found


def cached_pairs(rows: DataFrame) -> Pairs:
    """Rows of PAIRS as blocks in Spark's cache, which `Pairs.blocks.unpersist()` frees.

    rows:   one a person. A value of null or NaN is a coupon that the person may not have; cap: the most coupons that the person may have.
    errors: UserError where there is nobody, or people have arrays of different lengths.
    """
    lengths = rows.select(F.min(F.least(F.size("values"), F.size("costs"))), F.max(F.greatest(F.size("values"), F.size("costs")))).first()
    shortest, longest = lengths if lengths is not None else (None, None)
    if shortest is None or shortest < 1 or shortest != longest:
        have = "nobody" if shortest is None else f"{shortest} to {longest}"
        raise UserError("pairs cannot be allocated", [f"values, costs: want one number for each coupon, as many for everybody, have {have}"])
    coupons = int(longest)
    in_block = max(1, BLOCK_BYTES // (8 * coupons))

    def packed(batches: Batches) -> Iterator[pa.RecordBatch]:
        for place, part in enumerate(_parts(batches, in_block)):
            values, costs = (part[name].flatten().to_numpy(zero_copy_only=False).astype(np.float64) for name in ("values", "costs"))
            numbers = [np.where(np.isnan(values), -np.inf, values), costs, part["cap"].to_numpy(zero_copy_only=False).astype(np.int64)]
            users = pa.ListArray.from_arrays(pa.array([0, len(part)], pa.int32()), part["user_id"])
            told = [pa.array([one]) for one in ((partition() << 32) + place, len(part), float(numbers[0].max()))]
            columns = [*told, users, *(pa.array([one.tobytes()]) for one in numbers)]
            yield pa.record_batch(columns, names=["block", "people", "most", "users", "values", "costs", "caps"])

    # in an order that stays: a lost block is made again, and moves name its people by their place
    blocks = rows.sortWithinPartitions("user_id").mapInArrow(packed, BLOCK).persist()
    people, number, most = blocks.select(F.sum("people"), F.count("*"), F.max("most")).first() or (0, 0, 0.0)
    return Pairs(blocks, int(people), coupons, int(number), float(most))


def partition() -> int:
    """The number of the partition that this task works on; 0 outside of one."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return 0 if context is None else context.partitionId()


def _parts(batches: Batches, size: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, len(batch), size):
            yield batch.slice(start, size)


def chosen_pairs(block: Block, terms: Terms, duals: Duals, changes: Changes | None) -> tuple[Ints, Ints]:
    """(person, coupon) of the best pairs at these prices, with the changes made."""
    persons, coupons = best_coupons(reduced_values(block, terms, duals), block.caps)
    if changes is None:
        return persons, coupons
    lost = changes.out != NONE
    kept = ~np.isin(persons * terms.coupons + coupons, (changes.person * terms.coupons + changes.out)[lost])
    got = changes.in_ != NONE
    return np.concatenate([persons[kept], changes.person[got]]), np.concatenate([coupons[kept], changes.in_[got]])


def _block(values: bytes, costs: bytes, caps: bytes, coupons: int) -> Block:
    return Block(np.frombuffer(values).reshape(-1, coupons), np.frombuffer(costs).reshape(-1, coupons), np.frombuffer(caps, dtype=np.int64))


def _blocks(batches: Batches, coupons: int) -> Iterator[tuple[int, Block, pa.Array | None]]:
    """(number, block, users) of each row; users are None where the column was left out."""
    for batch in batches:
        has_users = "users" in batch.schema.names
        for row in range(len(batch)):
            numbers = (
                np.frombuffer(batch[name][row].as_buffer(), dtype=kind) for name, kind in (("values", float), ("costs", float), ("caps", np.int64))
            )
            values, costs, caps = numbers
            block = Block(values.reshape(-1, coupons), costs.reshape(-1, coupons), caps)
            yield batch["block"][row].as_py(), block, batch["users"][row].values if has_users else None
