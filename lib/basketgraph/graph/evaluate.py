"""Recall and NDCG on edge lists: all users with test items, all items, training items masked."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from basketgraph.foundation.ranking import recall_ndcg, top_k
from basketgraph.graph.export import Serving
from basketgraph.graph.sparse import Array, Csr

K = 20
USERS_AT_ONCE = 512
SPARE = 3  # the exact top k are chosen among the best SPARE * k by torch


@dataclass(frozen=True)
class Quality:
    """Means over the users with test items; ideal DCG cut at K."""

    recall: float
    ndcg: float

    @property
    def both(self) -> float:
        return self.recall + self.ndcg


def quality(serving: Serving, train: Csr, test: Csr, *, betas: tuple[float, ...] | None = None) -> list[Quality]:
    """Recall@20 and NDCG@20 of the embeddings.

    betas: weights of log degree to try in place of the embeddings' own, one Quality each.
    """
    log_degree = _log_degree(train)
    priors = [serving.items[:, -1].cpu()] if betas is None else [beta * log_degree for beta in betas]
    user_vectors, item_vectors = serving.users[:, :-1].cpu(), serving.items[:, :-1].cpu()

    def scores(users: Array) -> Iterator[torch.Tensor]:
        cosine = user_vectors[users] @ item_vectors.T
        for prior in priors:
            yield cosine + prior

    return quality_of(scores, train, test)


def quality_of(scores_of: Callable[[Array], Iterable[torch.Tensor]], train: Csr, test: Csr) -> list[Quality]:
    """Recall@20 and NDCG@20 of one or more models. Users without training edges get the most popular items.

    scores_of: float32 [users asked for, items] of each model; they are overwritten.
    """
    users = np.flatnonzero(np.diff(test.indptr))
    log_degree = _log_degree(train)
    tops: dict[int, list[Array]] = {}
    for begin in range(0, len(users), USERS_AT_ONCE):
        block = users[begin : begin + USERS_AT_ONCE]
        unknown = torch.from_numpy(np.diff(train.indptr)[block] == 0)
        rows, columns = _known_items(train, block)
        for model, scores in enumerate(scores_of(block)):
            scores[unknown] = log_degree
            scores[rows, columns] = -torch.inf
            tops.setdefault(model, []).append(_shortlisted(scores))
    indptr = np.concatenate([[0], np.cumsum(np.diff(test.indptr)[users])])
    relevant = np.concatenate([test.columns[test.indptr[user] : test.indptr[user + 1]] for user in users])
    metrics = [recall_ndcg(np.concatenate(top), indptr, relevant, K) for top in tops.values()]
    return [Quality(float(np.nanmean(recall)), float(np.nanmean(ndcg))) for recall, ndcg in metrics]


def _log_degree(train: Csr) -> torch.Tensor:
    return torch.from_numpy(np.bincount(train.columns, minlength=train.width)).float().clamp_min(1).log()


def _known_items(train: Csr, users: Array) -> tuple[torch.Tensor, torch.Tensor]:
    lengths = np.diff(train.indptr)[users]
    columns = np.concatenate([train.columns[train.indptr[user] : train.indptr[user + 1]] for user in users])
    return torch.from_numpy(np.repeat(np.arange(len(users)), lengths)), torch.from_numpy(columns.astype(np.int64))


def _shortlisted(scores: torch.Tensor) -> Array:
    """top_k of a shortlist by torch, whose selection is several times faster than numpy's but breaks ties in any order."""
    short = scores.topk(min(SPARE * K, scores.shape[1]), sorted=False).indices.sort(dim=1).values
    best = top_k(torch.gather(scores, 1, short).numpy(), K)
    return np.where(best >= 0, np.take_along_axis(short.numpy(), np.maximum(best, 0), axis=1), -1)
