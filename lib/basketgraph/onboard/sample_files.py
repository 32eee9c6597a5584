"""Write the sampled parts of a shop's files as files that cleaning's own code can read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from basketgraph.onboard.files import Excerpt, excerpt
from basketgraph.onboard.plan import FilesPlan

BYTES = 4 << 20  # of all files of a kind together
LEAST = 256 << 10  # of each of them
SPANNING = 64 << 20  # of a file whose records span lines, which is read as it is


class SampleFile(NamedTuple):
    """A file, or a part of one, at `path`. name: that of the file below the landing folder. whole: whether it has all of its rows."""

    name: str
    path: Path
    modified_at: datetime
    whole: bool


def sample_files(files: FilesPlan, folder: Path) -> list[SampleFile]:
    """The sampled files: small ones and Parquet as they are; of others whole lines from all over, written below `folder`."""
    sample, looked_at = files.reading.sample, files.kind.looked_at
    most = max(LEAST, BYTES // max(1, len(looked_at)))
    options = sample.options
    spans = str(options.get("multiLine", False)).lower() == "true" or str(options.get("encoding", "")).startswith("UTF-16")
    parts = []
    for number, file in enumerate(looked_at):
        modified_at = datetime.fromtimestamp(file.path.stat().st_mtime, timezone.utc)
        part = excerpt(file) if sample.format != "parquet" else None
        fits = part is None or (part.whole and len(part.head) <= (SPANNING if spans else most))
        if fits or (spans and file.size <= SPANNING):
            parts.append(SampleFile(file.name, file.path, modified_at, True))
        elif part is not None and not spans:
            place = folder / str(number) / (Path(file.name).stem if file.is_packed else Path(file.name).name)
            place.parent.mkdir(parents=True)
            place.write_bytes(b"".join(_lines(part, most)))
            parts.append(SampleFile(file.name, place, modified_at, False))
    return parts


def _lines(part: Excerpt, most: int) -> Sequence[bytes]:
    """Whole lines of an excerpt: half of the bytes from its head, half from its blocks."""
    each = most if not part.blocks else most // 2
    start = part.head[:each]
    lines = [start[: start.rfind(b"\n") + 1]]
    for block in part.blocks:
        some = block[: max(1024, each // len(part.blocks))]
        lines.append(some[some.find(b"\n") + 1 : some.rfind(b"\n") + 1])
    return lines
