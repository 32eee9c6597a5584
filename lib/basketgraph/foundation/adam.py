"""Adam (Kingma and Ba 2015, arXiv 1412.6980), one fused pass per parameter on the CPU and on CUDA.

torch.optim.Adam is the same kernel behind an import of torch's whole compiler: seconds and 150 MB in every rank.
"""

from collections.abc import Mapping

import torch

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Adam:
    """Parameters by name, and their moments. Parameters and gradients have to be contiguous: the kernel ignores strides."""

    def __init__(self, parameters: Mapping[str, torch.Tensor]) -> None:
        self.parameters = {name: parameter.detach() for name, parameter in parameters.items()}  # the same memory
        self.owners = parameters
        self.first = {name: torch.zeros_like(parameter) for name, parameter in self.parameters.items()}
        self.second = {name: torch.zeros_like(parameter) for name, parameter in self.parameters.items()}
        self.steps = {name: torch.zeros((), device=parameter.device) for name, parameter in self.parameters.items()}

    def step(self, learning_rate: float) -> None:
        """Move every parameter by its gradient."""
        for name, owner in self.owners.items():
            if owner.grad is None or not owner.numel():
                continue
            if not (owner.is_contiguous() and owner.grad.is_contiguous()):
                raise ValueError(f"{name}: want a contiguous parameter and gradient")
            self.steps[name] += 1
            torch._fused_adam_(
                [self.parameters[name]],
                [owner.grad],
                [self.first[name]],
                [self.second[name]],
                [],
                [self.steps[name]],
                lr=learning_rate,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=0.0,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
            )
