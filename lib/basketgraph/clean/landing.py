"""Where a shop's files land and which of them are picked up, as far as that can be told without Spark."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from basketgraph.clean.mapping import Source
from basketgraph.foundation.config import UserError
from basketgraph.foundation.paths import PACKAGE, local_folder

UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".inprogress", ".filepart", ".crdownload", "._COPYING_")  # how copying tools call what they write


def landing_folder(landing: str, source: str) -> str:
    """The landing folder's absolute path or URI; `package:NAME/FOLDER` is a folder inside an installed Python package."""
    if not landing.startswith(PACKAGE):
        return landing
    name, _, folder = landing.removeprefix(PACKAGE).partition("/")
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None or not found.submodule_search_locations:
        raise UserError(
            f"conf/sources/{source}.yaml: landing: want an installed Python package, have {landing}",
            cure=f"pip install {name.replace('_', '-')}, or name a folder with --set landing=DIR.",
        )
    return str(Path(next(iter(found.submodule_search_locations))).absolute() / folder)


def is_landed(path: str, patterns: Sequence[str]) -> bool:
    """Whether a file matches one of the patterns, is not hidden (a name part starting with . or _) and, by its name, not still being written.

    path: relative to the landing folder.
    """
    hidden = any(part.startswith((".", "_")) for part in path.split("/")) or path.endswith(UNFINISHED)
    return not hidden and any(fnmatch(path, pattern) for pattern in patterns)


def patterns_of(source: Source) -> list[str]:
    """The patterns of the files that feed a table."""
    return [files.pattern for name, files in source.files.items() if any(mapped.files == name for mapped in source.tables.values())]


def no_folder(folder: object, patterns: Sequence[str]) -> UserError:
    return UserError(f"landing: want a folder with {_or(patterns)}, have no folder {folder}", cure="Name it with --set landing=DIR.")


def no_files(folder: object, patterns: Sequence[str]) -> UserError:
    return UserError(f"landing: want files like {_or(patterns)}, have none in {folder}", cure="Name the right folder with --set landing=DIR.")


def want_files(source: Source, shop: str) -> None:
    """Raises UserError where the landing folder is one of this machine and is not there, or no file in it would be picked up."""
    folder, patterns = local_folder(landing_folder(source.landing, shop)), patterns_of(source)
    if folder is None:
        return  # Hadoop's to look at
    if not folder.exists():
        raise no_folder(folder.absolute(), patterns)
    if not any(is_landed(path, patterns) for path in _below(folder)):
        raise no_files(folder.absolute(), patterns)


def _below(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder, followlinks=True):  # as Hadoop does
        yield from (os.path.relpath(os.path.join(place, name), folder) for name in names)


def _or(patterns: Sequence[str]) -> str:
    return " or ".join(sorted(set(patterns)))
