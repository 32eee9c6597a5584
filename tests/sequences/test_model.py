"""What a prediction may depend on."""

import numpy as np
import torch

from basketgraph.foundation.distributed.workers import OneProcess
from basketgraph.sequences.dropout import RowDropout, no_dropout
from basketgraph.sequences.model import SequenceModel
from basketgraph.sequences.packing import pack
from basketgraph.sequences.settings import SequenceSettings

SETTINGS = SequenceSettings(dim=8, heads=2, blocks=2, length=6)


def states(*sequences) -> torch.Tensor:
    rows = pack([np.array(one) for one in sequences], [np.array(one) for one in sequences], SETTINGS.length).rows
    items, positions = torch.from_numpy(rows.items).long(), torch.from_numpy(rows.positions).long()
    with torch.no_grad():
        return SequenceModel(10, SETTINGS).hidden(items, positions, no_dropout)


def test_a_later_item_changes_no_earlier_prediction():
    one, other = states([1, 2, 3, 4])[0], states([1, 2, 3, 9])[0]
    torch.testing.assert_close(one[:3], other[:3])
    assert not torch.allclose(one[3], other[3])


def test_an_earlier_item_does():
    assert not torch.allclose(states([1, 2, 3, 4])[0, 3], states([5, 2, 3, 4])[0, 3])
    assert not torch.allclose(states([1, 2, 3, 4])[0, 3], states([2, 1, 3, 4])[0, 3])


def test_a_neighbour_in_the_row_changes_nothing():
    alone, beside = states([1, 2, 3]), states([7, 8, 9], [1, 2, 3])
    assert beside.shape[0] == 1
    torch.testing.assert_close(alone[0, :3], beside[0, 3:])


def test_a_row_is_dropped_alike_in_any_batch_and_anew_in_each_call_epoch_and_seed():
    values = torch.ones(3, 40, 50)
    whole = RowDropout(0.25, 0, 0, [4, 5, 6])
    first, second = whole(values), whole(values)
    torch.testing.assert_close(RowDropout(0.25, 0, 0, [6, 4])(values[:2]), first[[2, 0]])
    assert abs(float((first == 0).float().mean()) - 0.25) < 0.02
    assert set(np.round(first.unique().tolist(), 4)) == {0, 1.3333}
    for other in (second, RowDropout(0.25, 0, 1, [4, 5, 6])(values), RowDropout(0.25, 1, 0, [4, 5, 6])(values)):
        assert not torch.equal(first, other)


def test_a_batch_without_rows_adds_nothing_but_takes_part():
    model = SequenceModel(10, SETTINGS)
    nothing = torch.zeros(0, SETTINGS.length, dtype=torch.int64)
    negatives = torch.arange(10), torch.zeros(10)
    loss = model.step(nothing, nothing, nothing, negatives, RowDropout(0.5, 0, 0, []), 5.0, OneProcess())
    assert float(loss) == 0
    assert not any(parameter.grad.any() for parameter in model.parameters().values())
