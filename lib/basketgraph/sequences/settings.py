"""Settings of the Transformer over sequences."""

from pydantic import Field

from basketgraph.foundation.config import Settings


class SequenceSettings(Settings):
    """Settings of the Transformer over sequences. Training ends after `epochs` passes, or earlier where `minutes` are used up."""

    dim: int = Field(128, ge=2)
    blocks: int = Field(1, ge=1)
    heads: int = Field(1, ge=1)
    length: int = Field(50, ge=2)  # items of a row, and the most that a prediction looks back on
    dropout: float = Field(0.5, ge=0, lt=1)
    negatives: int = Field(1024, ge=1)  # drawn once a step, for all positions of the batch
    negative_power: float = Field(0.5, ge=0)  # an item is drawn in proportion to its count ** this
    batch_rows: int = Field(64, ge=1)  # of a step, over all ranks, at most
    steps_per_epoch: int = Field(40, ge=1)  # at least, as far as there are rows: few rows make small batches
    learning_rate: float = Field(0.004, gt=0)
    warmup_steps: int = Field(100, ge=0)
    decay_share: float = Field(0.3, ge=0, lt=1)  # of the epochs, at the end: the rate falls to 0
    epochs: int = Field(16, ge=1)
    minutes: float | None = Field(None, gt=0)
    seed: int = 0
    threads: int = Field(1, ge=0)

    def steps(self, rows: int) -> int:
        """Steps an epoch takes."""
        return max(-(-rows // self.batch_rows), min(self.steps_per_epoch, rows))


class SequencesSection(SequenceSettings):
    """Section `sequences` of conf/settings.yaml."""

    train: bool  # whether the steps of sequences make anything
    longest: int = Field(ge=2)  # items of a person that are sealed, the latest

    def of_training(self) -> SequenceSettings:
        """What a training depends on."""
        return SequenceSettings.model_validate(self.model_dump(exclude={"train", "longest"}))
