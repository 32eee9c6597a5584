"""Settings of the graph recommender, and a recipe for those that depend on the size of the graph."""

import math
from typing import Literal

from pydantic import Field

from basketgraph.foundation.config import Settings


class GraphSettings(Settings):
    """Settings of the graph recommender; conf/settings.yaml has them under `graph`."""

    dim: int = Field(64, ge=2)
    layers: int = Field(2, ge=1)
    own_weight: float = Field(0.5, gt=0, le=1)  # w0: the weight of a node's own vector beside its neighbours'
    temperature: float = Field(0.1, ge=0.03)  # below .03 the softmax underflows in float32
    beta: float = Field(0.5, ge=0)  # weight of log degree in the score
    popularity_power: float = Field(0.5, ge=0)  # the softmax's denominator weighs item j by degree_j ** this
    user_power: float = Field(0.5, ge=0)  # a positive of user u weighs degree_u ** -this
    item_power: float = Field(0.0, ge=0)  # and one of item j degree_j ** -this
    learning_rate: float = Field(0.03, gt=0)
    warmup_epochs: float = Field(1.0, ge=0)
    epochs: int = Field(5, ge=1)
    batch_users: int = Field(1024, ge=1)
    steps_per_epoch: int = Field(32, ge=1)  # the batch grows with the users: at most this many steps an epoch
    start_scale: float = Field(0.1, gt=0)  # root mean square of the coordinates that training starts from
    start_iterations: int = Field(3, ge=0)  # subspace iterations, where no ALS factors are given
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    kernel: Literal["auto", "numba", "torch"] = "auto"
    threads: int = Field(0, ge=0)  # 0: as many as there are cores free for each rank

    def batch_size(self, users: int) -> int:
        """Users a step takes, over all ranks."""
        return max(self.batch_users, -(-users // self.steps_per_epoch))

    def steps(self, users: int) -> int:
        """Steps an epoch takes."""
        return max(1, -(-users // self.batch_size(users)))


def recipe(users: int, edges: int) -> dict[str, float | int]:
    """Temperature, own weight and epochs for a graph without tuned settings.

    Measured: graphs of 42,000 to 120,000 edges are best near temperature .2 and own weight .3 (lower temperatures overfit),
    a graph of 810,000 edges at .1 and .5. Between 200,000 and 800,000 edges both are interpolated by the logarithm of the
    edges. About 150 steps are enough, or 12 epochs where an epoch has few steps.
    """
    large = min(max(math.log(max(edges, 1) / 200_000) / math.log(4), 0.0), 1.0)
    steps = GraphSettings.model_validate({}).steps(users)
    return {
        "temperature": round(0.2 * 0.5**large, 3),
        "own_weight": round(0.3 + 0.2 * large, 3),
        "epochs": min(max(round(150 / steps), 5), 12),
    }
