"""One rank that fine-tunes a text encoder: `python -m basketgraph.content.encoder_worker_main --settings JSON --model DIR --folder DIR`."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy import sparse

from basketgraph.content.encoder_train import train
from basketgraph.content.encoder_tuning import PROGRESS, RESULT, TARGETS, TEXTS, EncoderSettings, Tuned, vectors_file
from basketgraph.content.text_model import TextModel
from basketgraph.foundation.distributed.epoch_log import append_epoch
from basketgraph.foundation.distributed.launch import free_threads, watch_launcher
from basketgraph.foundation.distributed.workers import Workers, started_workers
from basketgraph.foundation.peak_memory import peak_memory_bytes
from basketgraph.foundation.tables.files import write_atomically


def tune(model_dir: Path, folder: Path, settings: EncoderSettings, workers: Workers) -> None:
    """Train on the folder's texts and targets. Rank 0 writes progress and the vectors of all texts after every `every` steps, the result last."""
    torch.set_num_threads(settings.threads or free_threads(workers.size))
    model = TextModel(model_dir, settings)
    tokens = model.tokens(json.loads((folder / TEXTS).read_text(encoding="utf-8")))
    targets = sparse.load_npz(folder / TARGETS).tocsr()
    losses: list[float] = []
    seconds, started = 0.0, time.monotonic()
    for loss in train(model, tokens[: targets.shape[0]], targets, settings, workers):
        losses.append(loss)
        if len(losses) % settings.every:
            continue
        seconds += time.monotonic() - started
        vectors = model.all_vectors(tokens, workers)
        if workers.rank == 0:
            np.save(folder / vectors_file(len(losses)), vectors.numpy())
            mean = float(np.mean(losses[-settings.every :]))
            append_epoch(folder / PROGRESS, {"steps": len(losses), "loss": mean, "seconds": round(seconds, 1)})
        started = time.monotonic()
    peak = workers.sum(torch.tensor(float(peak_memory_bytes()), dtype=torch.float64))
    if workers.rank == 0:
        result = Tuned(
            losses=tuple(losses),
            seconds=round(seconds, 2),
            peak_memory_bytes=int(peak),
            trained_weights=sum(weights.numel() for weights in model.parameters.values()),
            ranks=workers.size,
        )
        write_atomically(folder / RESULT, result.model_dump_json())


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--settings", required=True, help="EncoderSettings as JSON")
    parser.add_argument("--model", type=Path, required=True, help="a folder with config.json, model.safetensors and tokenizer.json")
    parser.add_argument("--folder", type=Path, required=True, help="holds texts.json and targets.npz, and gets progress, vectors and the result")
    options = parser.parse_args(arguments)
    watch_launcher()
    tune(options.model, options.folder, EncoderSettings.model_validate_json(options.settings), started_workers())


if __name__ == "__main__":
    main(sys.argv[1:])
