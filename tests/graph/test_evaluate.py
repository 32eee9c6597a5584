"""Recall and NDCG by the protocol of the field's edge lists."""

import numpy as np
import torch

from basketgraph.graph.evaluate import quality, quality_of
from basketgraph.graph.export import Serving
from basketgraph.graph.partition import csr_from_edges


def test_a_user_unknown_in_train_gets_the_most_popular_items_and_every_user_with_test_items_counts():
    train = csr_from_edges(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 2, 1]), None, (4, 40))
    test = csr_from_edges(np.array([3, 0]), np.array([1, 39]), None, (4, 40))
    worst = Serving(torch.zeros(4, 2), -torch.arange(40.0)[:, None].expand(40, 2), torch.zeros(0), torch.zeros(0))
    (found,) = quality(worst, train, test)
    assert found.recall == 0.5  # user 3 finds item 1, the most popular, first; user 0's item 39 is last
    assert found.ndcg == 0.5


def test_training_items_are_masked_and_ties_go_to_the_lower_index():
    train = csr_from_edges(np.array([0]), np.array([0]), None, (1, 30))
    in_list, outside = (csr_from_edges(np.array([0]), np.array([item]), None, (1, 30)) for item in (20, 21))
    flat = [lambda users: [torch.zeros(len(users), 30)]][0]
    assert quality_of(flat, train, in_list)[0].recall == 1  # items 1 to 20 are listed: item 0 was bought
    assert quality_of(flat, train, outside)[0].recall == 0
