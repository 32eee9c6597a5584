"""A causal Transformer over packed sequences (SASRec; Kang and McAuley 2018, arXiv 1808.09781), with layer norms before each part."""

from collections.abc import Callable, Mapping

import torch
from torch.nn import functional as F

from basketgraph.foundation.distributed.workers import Workers
from basketgraph.sequences.loss import SampledSoftmax
from basketgraph.sequences.settings import SequenceSettings

Dropout = Callable[[torch.Tensor], torch.Tensor]
START = 6.4  # root mean square of the first item and position vectors times d: what a score first is where the state points to an item
QUIET = 0.3


class SequenceModel:
    """The parameters by name, and what they compute. A score is <hidden state, item vector>.

    A block begins by adding QUIET times the mean of what came before to an entry, and nothing else: random mixing would drown the first item vectors.
    """

    def __init__(self, items: int, settings: SequenceSettings) -> None:
        self.items, self.settings = items, settings
        width, draw = settings.dim, torch.Generator().manual_seed(settings.seed)

        def normal(rows: int, columns: int, scale: float) -> torch.Tensor:
            return torch.randn(rows, columns, generator=draw) * scale

        start = {"item": normal(items, width, START / width), "position": normal(settings.length, width, START / width)}
        for block in range(settings.blocks):
            start |= {f"{block}.{name}": normal(width, width, QUIET * width**-0.5) for name in ("query", "key")}
            start |= {f"{block}.value": torch.eye(width), f"{block}.mix": QUIET * torch.eye(width)}
            start |= {f"{block}.inner": normal(width, width, width**-0.5), f"{block}.outer": torch.zeros(width, width)}
            start |= {f"{block}.{name}_bias": torch.zeros(width) for name in ("inner", "outer")}
            for norm in ("attention_norm", "feed_norm"):
                start |= {f"{block}.{norm}": torch.ones(width), f"{block}.{norm}_bias": torch.zeros(width)}
        start |= {"norm": torch.ones(width), "norm_bias": torch.zeros(width)}
        self._parameters = {name: value.requires_grad_() for name, value in start.items()}

    def parameters(self) -> dict[str, torch.Tensor]:
        return self._parameters

    @torch.no_grad()
    def load(self, saved: Mapping[str, torch.Tensor]) -> None:
        """Take over parameters that were saved by name."""
        for name, parameter in self._parameters.items():
            parameter.copy_(saved[name])

    @torch.no_grad()
    def start_from(self, items: torch.Tensor) -> None:
        """Set the item vectors, float32 [items, d]."""
        self._parameters["item"].copy_(items)

    def hidden(self, items: torch.Tensor, positions: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """The state after each entry of packed rows, from it and the earlier ones of its sequence: int64 [rows, length] -> [rows, length, d]."""
        own, width = self._parameters, self.settings.dim
        state = own["item"][items.clamp_min(0)] * width**0.5 + own["position"][positions.clamp_min(0)]
        state = dropout(state)
        mask = causal_mask(positions)[:, None]  # [rows, 1, length, length]
        for block in range(self.settings.blocks):
            seen = self._norm(state, f"{block}.attention_norm")
            query, key, value = (self._heads(seen @ own[f"{block}.{name}"]) for name in ("query", "key", "value"))  # [rows, heads, length, d/heads]
            chances = torch.softmax(query @ key.transpose(2, 3) * query.shape[3] ** -0.5 + mask, dim=3)
            mixed = (chances @ value).transpose(1, 2).reshape(state.shape)
            state = state + dropout(mixed @ own[f"{block}.mix"])
            seen = self._norm(state, f"{block}.feed_norm")
            inner = dropout(F.relu(seen @ own[f"{block}.inner"] + own[f"{block}.inner_bias"]))
            state = state + dropout(inner @ own[f"{block}.outer"] + own[f"{block}.outer_bias"])
        return self._norm(state, "norm")

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Scores of all items: [n, d] -> [n, items]."""
        return hidden @ self._parameters["item"].T

    def step(
        self,
        items: torch.Tensor,
        targets: torch.Tensor,
        positions: torch.Tensor,
        negatives: tuple[torch.Tensor, torch.Tensor],
        dropout: Dropout,
        global_weight: float,
        workers: Workers,
    ) -> torch.Tensor:
        """Set every parameter's gradient for a batch, of which this rank has some rows [rows, length], maybe none.

        global_weight: the targets of all ranks' rows. returns: this rank's loss sum, not yet divided by it.
        """
        own = self._parameters
        wanted = targets >= 0
        hidden = self.hidden(items, positions, dropout)[wanted]  # [n, d]
        loss: torch.Tensor = SampledSoftmax.apply(hidden, own["item"], targets[wanted], *negatives)  # type: ignore[no-untyped-call]
        gradients = torch.autograd.grad(loss / global_weight, list(own.values()))
        total = workers.sum(torch.cat([gradient.reshape(-1) for gradient in gradients]))  # one message
        for parameter, gradient in zip(own.values(), torch.split(total, [parameter.numel() for parameter in own.values()]), strict=True):
            parameter.grad = gradient.view(parameter.shape)
        return loss.detach()

    def _norm(self, state: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(state, (self.settings.dim,), self._parameters[name], self._parameters[f"{name}_bias"])

    def _heads(self, values: torch.Tensor) -> torch.Tensor:
        return values.view(*values.shape[:2], self.settings.heads, self.settings.dim // self.settings.heads).transpose(1, 2)


def causal_mask(positions: torch.Tensor) -> torch.Tensor:
    """0 where an entry may look, else -inf: at itself and at the earlier entries of its sequence. positions [rows, length] -> [rows, length, length].

    An empty entry looks at itself alone.
    """
    place = torch.arange(positions.shape[1])
    first = place - positions.clamp_min(0)  # where the entry's sequence begins
    may_look = (place <= place[:, None]) & (place >= first[:, :, None])  # [rows, from, to]
    return torch.zeros(may_look.shape).masked_fill_(~may_look, float("-inf"))
