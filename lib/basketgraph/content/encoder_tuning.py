"""Fine-tuning the text encoder itself, by LoRA or whole: start the ranks, report their progress, read the vectors. Imports no torch."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib import util
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.foundation.config import Settings, UserError
from basketgraph.foundation.distributed.epoch_log import reported_epochs
from basketgraph.foundation.distributed.launch import run_ranks

WORKER = "basketgraph.content.encoder_worker_main"
MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json")
PACKAGES = {"lora": ("transformers", "peft"), "full": ("transformers",)}
TEXTS, TARGETS, PROGRESS, RESULT = "texts.json", "targets.npz", "progress.jsonl", "result.json"
Floats = NDArray[np.float32]


class EncoderSettings(Settings):
    """tune: `lora` trains low-rank additions to every linear layer (Hu et al. 2021, arXiv 2106.09685), `full` all weights.

    temperature: of the cosines of vectors in the softmax. learning_rate: it rises over the first `warmup` steps and stays.
    batch: items a step, of all ranks together; steps: at most; every: after so many steps the validation looks at the vectors.
    lora_rank: of each addition; threads: of each rank, 0 shares the cores evenly.
    """

    tune: Literal["lora", "full"]
    learning_rate: float
    temperature: float = 0.1
    warmup: int = 20
    batch: int = 64
    steps: int = 200
    every: int = 50
    lora_rank: int = 16
    threads: int = 0
    seed: int = 0


class Tuned(Settings):
    """result.json. losses: of each step; seconds: of training alone, by rank 0's clock, without encoding for the validation."""

    losses: tuple[float, ...]
    seconds: float
    peak_memory_bytes: int  # all ranks together
    trained_weights: int
    ranks: int


class TunedVectors(NamedTuple):
    """vectors: steps done -> float32 [texts, dim] of length 1."""

    vectors: Mapping[int, Floats]
    result: Tuned


def tune_encoder(
    model: Path,
    texts: Sequence[str],
    targets: sparse.csr_matrix,
    settings: EncoderSettings,
    *,
    ranks: int = 1,
    on_progress: Callable[[dict[str, Any]], None] = lambda steps: None,
) -> TunedVectors:
    """Train the weights of an encoder so that texts which `targets` bring together get near vectors, with `ranks` Horovod ranks.

    model:       a folder with config.json, model.safetensors and tokenizer.json, as sentence-transformers keeps a model.
    texts:       those that are trained on first, in the order of the targets; the others only get vectors.
    targets:     float32 [trained, trained], rows that add up to 1, or are empty.
    on_progress: called after every `every` steps with steps, loss (their mean) and seconds.
    errors:      UserError for a folder or an environment that lacks something; RanksFailed where a rank fails.
    """
    want_encoder(model, settings.tune)
    with tempfile.TemporaryDirectory(prefix="basketgraph-tune-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / TEXTS).write_text(json.dumps(list(texts)), encoding="utf-8")
        sparse.save_npz(folder / TARGETS, targets)
        arguments = ["--settings", settings.model_dump_json(), "--model", str(model), "--folder", name]
        with reported_epochs([folder / PROGRESS], lambda _, steps: on_progress(steps)):
            run_ranks(WORKER, arguments, ranks, threads=settings.threads)
        result = Tuned.model_validate_json((folder / RESULT).read_text(encoding="utf-8"))
        done = range(settings.every, settings.steps + 1, settings.every)
        return TunedVectors({steps: np.load(folder / vectors_file(steps)) for steps in done}, result)


def vectors_file(steps: int) -> str:
    return f"vectors-{steps}.npy"


def want_encoder(model: Path, tune: str) -> None:
    """Raises UserError where the extra `tune` is not installed, or the folder is no encoder."""
    if lacking := [package for package in PACKAGES[tune] if util.find_spec(package) is None]:
        fault = f"packages: want the extra `tune`, have no {', '.join(lacking)}"
        raise UserError("the encoder cannot be fine-tuned", [fault], "pip install 'basketgraph[tune]', or train a linear head.")
    if lacking := [name for name in MODEL_FILES if not (model / name).is_file()]:
        fault = f"folder: want {', '.join(MODEL_FILES)}, have no {', '.join(lacking)}"
        raise UserError(f"{model}: holds no encoder", [fault], "Name the folder of a model of sentence-transformers, as docs/content.md says.")
