"""A text encoder in torch whose weights can be trained: all of them, or low-rank additions to its linear layers."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from basketgraph.content.encoder import BATCH, LONGEST
from basketgraph.content.encoder_tuning import EncoderSettings
from basketgraph.foundation.distributed.workers import Workers

Tokens = Sequence[Sequence[int]]  # of each text


class TextModel:
    """Without dropout, so that any number of ranks computes the same.

    parameters: those that are trained, by name.   dim: numbers of a vector.
    """

    def __init__(self, folder: Path, settings: EncoderSettings) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"
        from tokenizers import Tokenizer
        from transformers import AutoModel

        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()  # the file asks for 128 tokens a text
        self.tokenizer.enable_truncation(max_length=LONGEST)
        module = AutoModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32)
        self.dim = int(module.config.hidden_size)
        self.module = _with_additions(module, settings) if settings.tune == "lora" else module
        self.module.eval()
        self.parameters = {name: weights for name, weights in self.module.named_parameters() if weights.requires_grad}

    def tokens(self, texts: Sequence[str]) -> Tokens:
        return [of_text.ids for of_text in self.tokenizer.encode_batch(list(texts))]

    def vectors(self, tokens: Tokens) -> torch.Tensor:
        """float32 [texts, dim] of length 1: the mean of the last layer over the tokens."""
        if not tokens:
            return torch.zeros((0, self.dim))
        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(of_text) for of_text in tokens], batch_first=True)  # [texts, longest]
        mask = torch.arange(ids.shape[1]) < torch.tensor([len(of_text) for of_text in tokens])[:, None]
        hidden = self.module(input_ids=ids, attention_mask=mask.long()).last_hidden_state  # [texts, longest, dim]
        return torch.nn.functional.normalize((hidden * mask[:, :, None]).sum(dim=1), dim=1)

    def all_vectors(self, tokens: Tokens, workers: Workers) -> torch.Tensor:
        """float32 [texts, dim] on each rank, of which each encodes its part, in batches of texts of about one length."""
        mine = sorted(range(workers.rank, len(tokens), workers.size), key=lambda text: len(tokens[text]))
        vectors = torch.zeros((len(tokens), self.dim))
        with torch.no_grad():
            for start in range(0, len(mine), BATCH):
                batch = mine[start : start + BATCH]
                vectors[batch] = self.vectors([tokens[text] for text in batch])
        return workers.sum(vectors)


def _with_additions(module: Any, settings: EncoderSettings) -> Any:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(settings.seed)  # the additions start at random, on all ranks alike
    config = LoraConfig(r=settings.lora_rank, lora_alpha=2 * settings.lora_rank, target_modules="all-linear", lora_dropout=0.0)
    return get_peft_model(module, config)
