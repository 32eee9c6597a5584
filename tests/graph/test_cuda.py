"""Training on a GPU; skipped where there is none. tests/foundation/distributed/test_launch.py has the tests of several ranks."""

import pytest
import torch

from basketgraph.foundation.adam import Adam
from basketgraph.foundation.distributed.workers import OneProcess
from basketgraph.graph.bench import fit
from basketgraph.graph.checkpoints import Checkpoints
from basketgraph.graph.model import LightGCN
from basketgraph.graph.partition import whole_part
from basketgraph.graph.settings import GraphSettings
from basketgraph.graph.train import train
from support.planted_graphs import planted

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
SETTINGS = GraphSettings(dim=8, epochs=4, batch_users=64, temperature=0.2, threads=1)


@needs_cuda
def test_a_gpu_comes_to_the_cpus_numbers():
    edges, _ = planted()
    on_cpu, cpu_losses, _ = fit(edges, SETTINGS.model_copy(update={"device": "cpu"}))
    on_gpu, gpu_losses, _ = fit(edges, SETTINGS.model_copy(update={"device": "cuda"}))
    assert on_gpu.users.is_cuda
    assert gpu_losses == pytest.approx(cpu_losses, rel=1e-5)
    torch.testing.assert_close(on_gpu.users.cpu() @ on_gpu.items.cpu().T, on_cpu.users @ on_cpu.items.T, atol=1e-2, rtol=1e-3)


@needs_cuda
def test_a_checkpoint_of_a_gpu_goes_on_on_a_cpu(tmp_path):
    part = whole_part(planted()[0])
    on_gpu, on_cpu = (LightGCN(part, SETTINGS, OneProcess(), torch.device(device), threads=1) for device in ("cuda", "cpu"))
    held = Adam(on_gpu.parameters())
    epochs = []
    for epoch in train(on_gpu, held):
        epochs.append(epoch)
        if len(epochs) == 2:
            Checkpoints(tmp_path, "a training", on_gpu, held).save(epochs)
    optimizer = Adam(on_cpu.parameters())
    resumed = Checkpoints(tmp_path, "a training", on_cpu, optimizer).resume()
    assert resumed == epochs[:2]
    rest = list(train(on_cpu, optimizer, first_epoch=2))
    assert [epoch.loss for epoch in rest] == pytest.approx([epoch.loss for epoch in epochs[2:]], rel=1e-5)
