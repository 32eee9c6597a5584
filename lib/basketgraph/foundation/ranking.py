"""Top-K, recall, NDCG and paired bootstrap intervals on plain arrays; no Spark and no tables.

Shared by the graph bench and the evaluation of releases, so that both count in the same way.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

MISSING = -1  # fills a list that has fewer than k items


class Interval(NamedTuple):
    """A mean over users and its bootstrap bounds."""

    mean: float
    low: float
    high: float


def top_k(scores: Floats, k: int, *, mask: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """The k best items of every user, best first; equal scores go to the lower item index.

    scores:  [users, items]; -inf and NaN mean "never list this item".
    mask:    [users, items], True where the item may not be listed (say, already bought).
    returns: int64 [users, k], MISSING (-1) where fewer than k items may be listed.
    """
    users, items = scores.shape
    top = np.full((users, k), MISSING, dtype=np.int64)
    width = min(k, items)
    if width == 0:
        return top
    for user in range(users):
        may_list = scores[user] > -np.inf  # False for NaN
        if mask is not None:
            may_list &= ~mask[user]
        listed = np.flatnonzero(may_list)
        values = scores[user, listed]
        if len(listed) > width:
            # argpartition alone would pick any of the items tied at the bound, so the ties are taken by index
            bound = np.partition(values, len(values) - width)[len(values) - width]
            above = np.flatnonzero(values > bound)
            chosen = np.concatenate([above, np.flatnonzero(values == bound)[: width - len(above)]])
            listed, values = listed[chosen], values[chosen]
        top[user, : len(listed)] = listed[np.lexsort((listed, -values))]
    return top


def hits(top: Ints, relevant_indptr: Ints, relevant_indices: Ints) -> NDArray[np.bool_]:
    """Which listed items are relevant; bool of top's shape. The relevant items of user u are
    relevant_indices[relevant_indptr[u] : relevant_indptr[u + 1]], each named once, in any order.
    """
    users, _ = top.shape
    span = int(max(top.max(initial=MISSING), relevant_indices.max(initial=0))) + 1
    owner = np.repeat(np.arange(users, dtype=np.int64), np.diff(relevant_indptr))
    wanted = np.sort(owner * span + relevant_indices)
    listed = np.arange(users, dtype=np.int64)[:, None] * span + top
    if len(wanted) == 0:
        return np.zeros(top.shape, dtype=bool)
    place = np.minimum(np.searchsorted(wanted, listed), len(wanted) - 1)
    return np.asarray((wanted[place] == listed) & (top != MISSING))


def recall_ndcg(top: Ints, relevant_indptr: Ints, relevant_indices: Ints, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall@k (hits / all relevant items) and NDCG@k (binary gains, ideal DCG cut at k) of every user.

    top:     [users, >= k], MISSING (-1) counts as a miss; longer lists are cut at k, shorter ones miss the rest.
    returns: two float64 [users]; NaN for users without a relevant item, who take no part in a mean.
    """
    is_hit = hits(top[:, :k], relevant_indptr, relevant_indices)
    relevant = np.diff(relevant_indptr).astype(np.float64)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(relevant, k).astype(np.int64)]
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN that is promised
        recall = is_hit.sum(axis=1) / relevant
        ndcg = (is_hit * discount[: is_hit.shape[1]]).sum(axis=1) / ideal
    return recall, ndcg


def interval(values: Floats, seed: int, draws: int = 1000, level: float = 0.95) -> Interval:
    """Mean over users and its percentile bootstrap interval; NaN users take no part.

    values: [users], one number a user. No user at all gives (nan, nan, nan).
    level:  the share of draws between the bounds; releases are judged at .95, benches on plain files at .9.
    """
    of_users = np.asarray(values, dtype=np.float64)
    of_users = of_users[~np.isnan(of_users)]
    if len(of_users) == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    means = np.array([of_users[rng.integers(0, len(of_users), len(of_users))].mean() for _ in range(draws)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(of_users.mean()), float(low), float(high))


def ratio_intervals(parts: Floats, wholes: Floats, seed: int, draws: int = 1000, level: float = 0.95) -> list[Interval]:
    """Each sum of parts over the sum of its wholes, with a percentile bootstrap interval over users; the same draws serve all ratios.

    parts, wholes: [users, ratios], with a user's own part and whole in each row: the places that were bought, and all places.
    returns:       an Interval for each ratio, its mean the ratio itself; (nan, nan, nan) where the wholes do not add up to more than 0.
    """
    users, ratios = parts.shape
    sums = np.concatenate([parts, wholes], axis=1).astype(np.float64)  # [users, 2 * ratios]
    rng = np.random.default_rng(seed)
    drawn = np.array([sums[rng.integers(0, users, users)].sum(axis=0) for _ in range(draws)]) if users else np.zeros((draws, 2 * ratios))
    whole = sums.sum(axis=0)
    found = []
    for part in range(ratios):
        of = ratios + part
        if whole[of] <= 0:
            found.append(Interval(float("nan"), float("nan"), float("nan")))
            continue
        has_whole = drawn[:, of] > 0
        low, high = np.quantile(drawn[has_whole, part] / drawn[has_whole, of], [(1 - level) / 2, (1 + level) / 2])
        found.append(Interval(float(whole[part] / whole[of]), float(low), float(high)))
    return found


def paired_difference(a: Floats, b: Floats, seed: int, draws: int = 1000, level: float = 0.95) -> Interval:
    """Mean of a - b over the users that have both, with a bootstrap interval over those users.

    a, b: [users], the same user at the same place; resampling users keeps the pairs together.
    """
    if a.shape != b.shape:
        raise ValueError(f"paired values differ in shape: {a.shape} and {b.shape}")
    return interval(np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64), seed, draws, level)


def best_variant(values: Mapping[int, Floats], seed: int, *, level: float) -> int:
    """The key with the highest mean, of those that gain on key 0 with a paired interval above 0; 0 where none does.

    values: of 0 and of each variant [users], the same user at the same place.
    """
    best = (0.0, 0)
    for key, of_users in values.items():
        gain = paired_difference(of_users, values[0], seed, level=level)
        if key and gain.low > 0:
            best = max(best, (gain.mean, key))
    return best[1]
