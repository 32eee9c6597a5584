"""Sums and barriers between the ranks of a training: by Horovod, or in one process without it."""

import os
from typing import Protocol

import torch


class Workers(Protocol):
    """The ranks of one training."""

    rank: int
    size: int

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum of every rank's tensor, the same bits on each; the tensor given is overwritten."""
        ...

    def barrier(self) -> None:
        """Return once every rank has come here."""
        ...


class OneProcess:
    """The only rank."""

    rank = 0
    size = 1

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor

    def barrier(self) -> None:
        return None


class HorovodWorkers:
    """This process as one of Horovod's ranks; made after its launcher started all of them."""

    def __init__(self) -> None:
        import horovod.torch as hvd

        hvd.init()
        self.horovod = hvd
        self.rank, self.size = hvd.rank(), hvd.size()
        self.takes_gpu_tensors = bool(hvd.cuda_built() or hvd.rocm_built())  # not where Horovod was built without CUDA's compiler

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        sent = tensor.contiguous()  # a transposed product need not be
        if not self.takes_gpu_tensors:
            sent = sent.cpu()
        total: torch.Tensor = self.horovod.allreduce_(sent, op=self.horovod.Sum)
        return total.to(tensor.device)

    def barrier(self) -> None:
        self.horovod.barrier()


def started_workers() -> Workers:
    """The ranks this process was started among: Horovod's where its launcher started us (it sets HOROVOD_RANK), else this process alone."""
    return HorovodWorkers() if "HOROVOD_RANK" in os.environ else OneProcess()
