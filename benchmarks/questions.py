"""Milliseconds of a question among many titles, and of its parts, beside a plain numpy search by meaning on the same vectors, in one run.

    PYTHONPATH=lib OMP_NUM_THREADS=1 .venv/bin/python benchmarks/questions.py --titles titles.tsv --queries needs.tsv [--count 100000] [--index DIR]

Titles are made by joining the first half of the words of one title to the second half of another's. The vector of such a title is the mean of
both of theirs: what a question costs does not depend on what vectors say, and encoding 100,000 titles takes minutes. Beside the questions of
--queries there are as many `typed` ones: three words of a title, of one of which two letters are swapped. Everything runs in one process, warm, each
question as if it were asked for the first time. With --index the index is kept, and read again by a later run. CPU is the time of one thread, which
says more on a machine that others use.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from basketgraph.content.catalogue import Catalogue, Item
from basketgraph.content.encoder import encode, model_files
from basketgraph.content.features import plain
from basketgraph.content.index_files import MANIFEST, read_index, write_index
from basketgraph.content.search import SearchIndex, SearchSettings, search_index
from basketgraph.content.settings import ContentSettings
from basketgraph.content.title_files import read_queries, read_titles
from basketgraph.shards.manifest import file_sha256

SHOWN = 10


def made_titles(titles: Sequence[str], count: int, seed: int) -> dict[str, tuple[int, int]]:
    """`count` different titles, the given ones first, each with the rows of the two that it is made of."""
    draw, made = random.Random(seed), {title: (row, row) for row, title in enumerate(titles) if title}
    while len(made) < count:
        rows = draw.randrange(len(titles)), draw.randrange(len(titles))
        first, second = (titles[row].split() for row in rows)
        made.setdefault(" ".join([*first[: (len(first) + 1) // 2], *second[len(second) // 2 :]]), rows)
    return dict(list(made.items())[:count])


def mean_vectors(titles: Sequence[str], pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """float32 [pairs, dim], of length 1 where any of the two has a vector."""
    of_titles = encode([plain(title) for title in titles])
    sums = of_titles[[first for first, _ in pairs]] + of_titles[[second for _, second in pairs]]
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def typed(titles: Sequence[str], count: int, seed: int) -> list[str]:
    """Three words of a title, of the longest of which two neighbours are swapped."""
    draw, made = random.Random(seed), []
    while len(made) < count:
        words = plain(draw.choice(titles)).split()
        chosen = draw.sample(words, min(3, len(words)))
        longest = max(chosen, key=len, default="")
        if len(longest) > 4:
            at = draw.randrange(1, len(longest) - 1)
            swapped = longest[:at] + longest[at + 1] + longest[at] + longest[at + 2 :]
            made.append(" ".join(swapped if word == longest else word for word in chosen))
    return made


def opened(folder: Path, titles: Sequence[str], count: int, seed: int) -> Catalogue:
    """The index in a folder, made there where it is empty."""
    if not (folder / MANIFEST).exists():
        folder.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        made = made_titles(titles, count, seed)
        items = tuple((Item(str(number), title, "", None, 0),) for number, title in enumerate(made))
        vectors = mean_vectors(titles, list(made.values()))
        write_index(folder, Catalogue(items, search_index(list(made), SearchSettings(), vectors=vectors)), model_id=model_files().id)
        print(f"made an index of {len(made):,} titles in {time.perf_counter() - began:,.0f} s")
    began = time.perf_counter()
    catalogue = read_index(folder, sha256=file_sha256(folder / MANIFEST), model="default")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{len(catalogue.items):,} titles, {size / 1e6:.0f} MB, opened in {time.perf_counter() - began:.1f} s")
    return catalogue


def plain_search(index: SearchIndex, question: str) -> list[int]:
    """The peer: the nearest titles by the cosine of the encoder's vectors, no more."""
    (vector,) = encode([plain(question)])
    cosines = index.vectors @ vector
    best = np.argpartition(-cosines, SHOWN)[:SHOWN]
    return [int(row) for row in best[np.argsort(-cosines[best])]]


def milliseconds(of: Callable[[str], object], index: SearchIndex, questions: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """[questions] on the clock and of CPU; the cache of corrected words is emptied before each."""
    took, worked = [], []
    for question in questions:
        index.spelling.corrected.clear()
        began, cpu = time.perf_counter(), time.process_time()
        of(question)
        worked.append(1000 * (time.process_time() - cpu))
        took.append(1000 * (time.perf_counter() - began))
    return np.array(took), np.array(worked)


def parts(index: SearchIndex) -> dict[str, Callable[[str], object]]:
    """What a question is made of; of one by words the encoder and all below it take no part, of one by meaning BM25 and n-grams."""

    def product(question: str) -> object:
        return index.vectors @ encode([plain(question)])[0]

    def bm25(question: str) -> object:
        known = [word for word in index.corrected(question) if word in index.numbers]
        return index.bm25.get_scores(known) if known else None

    return {
        "spelling": index.corrected,
        "spelling, words held": index.is_lexical,
        "spelling, BM25": bm25,
        "n-grams": index.ngram,
        "encoding": lambda question: encode([plain(question)]),
        "encoding, product": product,
        "encoding, product, nearest ordered anew": index.dense,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", type=Path, required=True, help="`id<TAB>title` a line")
    parser.add_argument("--queries", type=Path, required=True, help="`query<TAB>relevant ids` a line; the ids are not looked at")
    parser.add_argument("--count", type=int, default=100_000, help="titles to make")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--index", type=Path, help="a folder in which the index is kept")
    options = parser.parse_args()
    titles, settings = list(read_titles(options.titles).values()), ContentSettings()
    asked = [query.text for query in read_queries(options.queries)]
    with tempfile.TemporaryDirectory(prefix="basketgraph-bench-") as folder:
        catalogue = opened(options.index or Path(folder), titles, options.count, options.seed)
    index = catalogue.index
    for name, questions in (("questions", asked), ("typed", typed(titles, len(asked), options.seed))):
        by_words = [question for question in questions if catalogue.answers(question, settings, n=SHOWN).route == "words"]
        title = f"{name}: {len(questions)}, of which {len(by_words)} by words"
        print(f"\n{title:44}    mean  median    95 %     CPU")
        whole = {"ask": lambda question: catalogue.answers(question, settings, n=SHOWN), "plain numpy search": lambda q: plain_search(index, q)}
        for part, of in {**whole, **{f"  {part}": of for part, of in parts(index).items()}}.items():
            took, worked = milliseconds(of, index, questions)
            print(f"{part:44} {took.mean():7.1f} {np.median(took):7.1f} {np.quantile(took, 0.95):7.1f} {worked.mean():7.1f}")


if __name__ == "__main__":
    main()
