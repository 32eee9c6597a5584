"""The index of a catalogue as files: written by the step search_index, named by their content, verified when they are opened."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pydantic import ValidationError
from scipy import sparse

from basketgraph.content.catalogue import Catalogue, Item
from basketgraph.content.encoder import lacking_extra, model_files
from basketgraph.content.search import SearchIndex, SearchSettings
from basketgraph.content.spelling import Spelling
from basketgraph.content.tfidf import Tfidf
from basketgraph.foundation.config import Settings, UserError
from basketgraph.foundation.paths import local_folder
from basketgraph.foundation.tables.files import Files, write_atomically
from basketgraph.shards.manifest import file_sha256

log = logging.getLogger("basketgraph")

FOLDER = "search_indexes"  # below the warehouse
MANIFEST, ITEMS, VECTORS, BM25 = "manifest.json", "items.json", "vectors.npy", "bm25"
GRAMS, LETTERS = "grams", "letters"
FORMAT = 1
NAME_DIGITS = 32  # of a sha256: 128 bits, as of pseudonyms
CURE = "Make the index again: basketgraph run content --from search_index."


class IndexManifest(Settings):
    """What an index holds. files: path below the folder -> sha256."""

    format: int
    model: str  # the encoder's id
    titles: int
    search: dict[str, float]  # SearchSettings
    files: dict[str, str]


def write_index(folder: Path, catalogue: Catalogue, *, model_id: str) -> str:
    """Write a catalogue into an empty folder. Equal catalogues give equal files.

    returns: the sha256 of the manifest, which has that of every other file.
    """
    index = catalogue.index
    items = [[list(item) for item in of_title] for of_title in catalogue.items]
    (folder / ITEMS).write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    np.save(folder / VECTORS, index.vectors)
    index.bm25.save(folder / BM25, show_progress=False)
    for name, tfidf, matrix in ((GRAMS, index.grams, index.gram_vectors), (LETTERS, index.spelling.letters, index.spelling.vectors)):
        _write_vectors(folder, name, tfidf, matrix)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    manifest = IndexManifest(
        format=FORMAT,
        model=model_id,
        titles=len(items),
        search=index.settings.model_dump(),
        files={name: file_sha256(folder / name) for name in names},
    )
    write_atomically(folder / MANIFEST, manifest.model_dump_json(indent=1))
    return file_sha256(folder / MANIFEST)


def upload_index(files: Files, folder: Path, place: str, *, sha256: str) -> bool:
    """Copy an index to `place`, unless it lies there whole: whoever answers from it is not disturbed.

    sha256: of the manifest.
    returns: whether anything was written.
    """
    if files.exists(place):
        with index_folder(files, place) as there:
            try:
                _verified(there, sha256)
                return False
            except UserError:
                log.warning("%s: the index there is damaged, and is written again", place)
    files.upload(folder, place)
    return True


@contextmanager
def index_folder(files: Files, place: str) -> Iterator[Path]:
    """The folder of an index on this machine, for the length of a `with` block: itself, or a copy of what lies elsewhere."""
    local = local_folder(place)
    if local is not None:
        yield local
        return
    with TemporaryDirectory() as private:  # which nobody else may read
        files.download(place, folder := Path(private, "index"))
        yield folder


def read_index(folder: Path, *, sha256: str, model: str) -> Catalogue:
    """The catalogue of a folder, once every file was compared with the sha256 that its release names.

    sha256: of the manifest.   model: that encodes questions, as `encode` takes it.
    errors: UserError where a file is lacking or another one, where the index is of another version of basketgraph or another model, or without the
            extra `words`.
    """
    try:
        import bm25s
    except ImportError as error:
        raise lacking_extra(str(error)) from error
    manifest = _verified(folder, sha256)
    if (have := model_files(model).id) != manifest.model:
        fault = f"content.model: want {manifest.model}, which made the index, have {have}"
        raise UserError(f"{folder}: questions would be read by another model", [fault], CURE)
    bm25 = bm25s.BM25.load(folder / BM25, show_progress=False)
    known = tuple(word for word in bm25.vocab_dict if word)  # in the order of their numbers; bm25s adds an empty one
    numbers = {word: number for number, word in enumerate(known)}
    titles, indptr = bm25.scores["indices"], bm25.scores["indptr"]
    holding = sparse.csr_matrix((np.ones(len(titles), dtype=np.int32), titles, indptr), shape=(len(known), manifest.titles))
    grams, gram_vectors = _read_vectors(folder, GRAMS, manifest.titles)
    letters, of_words = _read_vectors(folder, LETTERS, len(known))
    items = json.loads((folder / ITEMS).read_text(encoding="utf-8"))
    index = SearchIndex(
        settings=SearchSettings.model_validate(manifest.search),
        spelling=Spelling(known, np.diff(indptr).astype(np.int64), letters, of_words, numbers),
        bm25=bm25,
        numbers=numbers,
        holding=holding,
        grams=grams,
        gram_vectors=gram_vectors,
        vectors=np.load(folder / VECTORS),
        model=model,
    )
    return Catalogue(tuple(tuple(Item(*item) for item in of_title) for of_title in items), index)


def _verified(folder: Path, sha256: str) -> IndexManifest:
    path = folder / MANIFEST
    have = file_sha256(path) if path.is_file() else "no such file"
    if have != sha256:
        raise UserError(f"{folder}: not the index of the live release", [f"{MANIFEST}: want sha256 {sha256}, have {have}"], CURE)
    try:
        manifest = IndexManifest.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise UserError(f"{folder}: the index was made by another version of basketgraph", str(error).splitlines(), CURE) from None
    if manifest.format != FORMAT:
        raise UserError(f"{folder}: the index was made by another version of basketgraph", [f"format: want {FORMAT}, have {manifest.format}"], CURE)
    hashes: Mapping[str, str] = {name: file_sha256(folder / name) if (folder / name).is_file() else "no such file" for name in manifest.files}
    faults = [f"{name}: want sha256 {want}, have {hashes[name]}" for name, want in manifest.files.items() if hashes[name] != want]
    if faults:
        raise UserError(f"{folder}: the index is damaged", faults, CURE)
    return manifest


def _write_vectors(folder: Path, name: str, tfidf: Tfidf, matrix: Any) -> None:
    """matrix: CSR [features, texts]."""
    (folder / f"{name}.json").write_text(json.dumps(list(tfidf.columns), ensure_ascii=False), encoding="utf-8")
    arrays = {"idf": tfidf.idf, "data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
    for part, array in arrays.items():
        np.save(folder / f"{name}_{part}.npy", array)


def _read_vectors(folder: Path, name: str, texts: int) -> tuple[Tfidf, Any]:
    features = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    idf, data, indices, indptr = (np.load(folder / f"{name}_{part}.npy") for part in ("idf", "data", "indices", "indptr"))
    matrix = sparse.csr_matrix((data, indices, indptr), shape=(len(features), texts))
    return Tfidf({feature: number for number, feature in enumerate(features)}, idf), matrix
