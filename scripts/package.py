"""Build dist/basketgraph.zip for `spark-submit --py-files`: the package, and schemas, expectations, conf and jobs as its data.

PySpark puts zip, egg and jar files on the executors' path, not wheels. The same checkout gives the same bytes.
"""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = ("schemas", "expectations", "conf", "jobs")  # as pyproject.toml's force-include has them
OLDEST = (1980, 1, 1, 0, 0, 0)  # zip's own; a file's real time would make each build different


def members() -> Iterator[tuple[str, Path]]:
    """(name inside the zip, file), in order of the name."""
    places = [(REPOSITORY / "lib" / "basketgraph", "basketgraph"), *((REPOSITORY / folder, f"basketgraph/_data/{folder}") for folder in DATA)]
    entries = []
    for folder, prefix in places:
        entries += [(f"{prefix}/{file.relative_to(folder).as_posix()}", file) for file in folder.rglob("*") if file.is_file()]
    yield from sorted(entry for entry in entries if "__pycache__" not in entry[0])


def build(folder: Path) -> Path:
    """Write `folder`/basketgraph.zip, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    target, written = folder / "basketgraph.zip", folder / f".basketgraph.{os.getpid()}.zip"
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in members():
            entry = zipfile.ZipInfo(name, OLDEST)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, file.read_bytes())
    os.replace(written, target)
    return target


if __name__ == "__main__":
    print(build(Path(sys.argv[1] if len(sys.argv) > 1 else REPOSITORY / "dist")))
