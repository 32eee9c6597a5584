"""The peers, each as: fit on edges, return a function from users to scores over all items."""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import torch

from basketgraph.graph.evaluate import Quality
from basketgraph.graph.sparse import Csr

Scores = Callable[[np.ndarray], torch.Tensor]


def as_scipy(edges: Csr) -> sp.csr_matrix:
    return sp.csr_matrix((edges.values, edges.columns, edges.indptr), shape=(edges.rows, edges.width))


def item_cosine(edges: Csr) -> Scores:
    """Sum over the user's items of their cosine with the candidate, over all users; an item is no neighbour of itself."""
    matrix = as_scipy(edges)
    degree = np.maximum(np.asarray(matrix.sum(axis=0)).ravel(), 1)
    scaled = matrix @ sp.diags(degree**-0.5)
    similar = (scaled.T @ scaled).tolil()
    similar.setdiag(0)
    similar = similar.tocsr()
    return lambda users: torch.from_numpy((matrix[users] @ similar).toarray().astype(np.float32))


def ease(edges: Csr, *, penalty: float) -> Scores:
    """EASE (Steck 2019, arXiv 1905.03375)."""
    matrix = as_scipy(edges)
    gram = (matrix.T @ matrix).toarray().astype(np.float32)
    gram[np.diag_indices_from(gram)] += penalty
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return lambda users: torch.from_numpy(np.asarray(matrix[users] @ weights, dtype=np.float32))


def als(edges: Csr, *, dim: int, regularisation: float, alpha: float, iterations: int, seed: int) -> Scores:
    """implicit's ALS (Hu, Koren and Volinsky 2008): confidence 1 + alpha per edge."""
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(factors=dim, regularization=regularisation, alpha=alpha, iterations=iterations, random_state=seed, num_threads=1)
    model.fit(as_scipy(edges), show_progress=False)
    users, items = torch.from_numpy(np.asarray(model.user_factors)), torch.from_numpy(np.asarray(model.item_factors))
    return lambda wanted: users[wanted] @ items.T


def pyg_lightgcn(
    edges: Csr,
    *,
    dim: int,
    epochs: int,
    seed: int,
    valid: Csr | None = None,
    score: Callable[[Scores, Csr, Csr], Quality] | None = None,
    every: int = 10,
    patience: int = 5,
) -> tuple[Scores, int]:
    """PyTorch Geometric's LightGCN with its authors' settings: 3 layers, BPR, Adam .001, L2 1e-4 on the layer-0 vectors, batches of 2,048.

    With `valid`, training stops when its Recall@20 has not risen for `patience` looks, one every `every` epochs; returns the best epoch's number.
    """
    from torch_geometric.nn import LightGCN

    torch.manual_seed(seed)
    rows = torch.from_numpy(np.repeat(np.arange(edges.rows), np.diff(edges.indptr)))
    columns = torch.from_numpy(edges.columns.astype(np.int64)) + edges.rows
    both = torch.stack([torch.cat([rows, columns]), torch.cat([columns, rows])])
    model = LightGCN(edges.rows + edges.width, dim, num_layers=3)
    torch.nn.init.normal_(model.embedding.weight, std=0.1)  # as the authors start
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    best, best_epoch, looks = -1.0, epochs, 0

    def scores() -> Scores:
        with torch.no_grad():
            final = model.get_embedding(both)
        return lambda users: final[users] @ final[edges.rows :].T

    for epoch in range(1, epochs + 1):
        for batch in torch.randperm(len(rows)).split(2048):
            negatives = torch.randint(edges.rows, edges.rows + edges.width, (len(batch),))
            final = model.get_embedding(both)
            users, positives = rows[batch], columns[batch]
            difference = (final[users] * (final[positives] - final[negatives])).sum(1)
            start = model.embedding.weight
            norms = start[users].square().sum() + start[positives].square().sum() + start[negatives].square().sum()
            loss = -torch.nn.functional.logsigmoid(difference).mean() + 1e-4 * 0.5 * norms / len(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if valid is not None and score is not None and epoch % every == 0:
            found = score(scores(), edges, valid).recall
            looks = 0 if found > best else looks + 1
            if found > best:
                best, best_epoch = found, epoch
            print(f"    epoch {epoch}: validation Recall@20 {found:.4f}", flush=True)
            if looks >= patience:
                break
    return scores(), best_epoch
