"""Paths that a user gives: made absolute when they are read, and as Spark, Delta and Hadoop want them written."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

PACKAGE = "package:"  # a folder inside an installed Python package: landing folders only
SCHEME = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9+.-]*):(?P<rest>/.*)")  # of a URL: s3a://bucket/x, file:///x
FILE = re.compile(r"file:(?:/|//localhost/|/{3,})(?P<below>(?!/).*)", re.IGNORECASE)  # of the root; file://x would name a host
PATTERN = re.compile(r"[\[\]{}*?\\,]")  # a character that means something to Spark's readers
FAR_ABOVE = 2  # a missing warehouse is made with one missing folder above it; more are a typing error or a disk that is not mounted


def absolute(path: str) -> str:
    """An absolute path of what a user gave, or a `file:///` URL where that was a `file:` one; other schemes and `package:` as they are.

    A relative path starts in the working folder, `~` is a home, a slash at the end goes, `..` leads where the file system leads, and a link keeps
    its name. Nothing is decoded: %20 is three characters, in a URL too, as for Hadoop.
    errors: ValueError, with want and have, for what is no path, or holds characters that cannot be printed.
    """
    if not path:
        raise ValueError("want a path, have nothing")
    unprintable = sorted({character for character in path if unicodedata.category(character) in ("Cc", "Cs")})
    if unprintable:
        raise ValueError(f"want a path without control characters, have {', '.join(map(ascii, unprintable))} in {path!a}")
    if path.lower().startswith("file:"):
        url = FILE.fullmatch(path)
        if url is None:
            raise ValueError(f"want file:///FOLDER with an absolute path, have {path}")
        return f"file://{_absolute_path('/' + url['below'])}"
    if path.startswith(PACKAGE) or SCHEME.fullmatch(path):
        return path
    return _absolute_path(os.path.expanduser(path))


def _absolute_path(text: str) -> str:
    path = Path.cwd() / text
    if ".." in path.parts:  # of a link's target, where a link stands before it: Hadoop would take both away
        after = len(path.parts) - path.parts[::-1].index("..")
        path = Path(*path.parts[:after]).resolve().joinpath(*path.parts[after:])
    return f"/{str(path).lstrip('/')}"  # after two slashes Hadoop would look for a host


def local_folder(place: str) -> Path | None:
    """The folder of a path or a `file:` URL that `absolute` made; None for any other scheme."""
    url = FILE.fullmatch(place)
    if url is not None:
        return Path("/", url["below"])
    return None if place.startswith(PACKAGE) or SCHEME.fullmatch(place) else Path(place)


def file_url(path: Path) -> str:
    """As Hadoop takes a local path whatever its default file system is: nothing is encoded."""
    return f"file://{path.absolute()}"


def globbed(path: str) -> str:
    """A path as Spark's readers want it: they take patterns, so pattern characters in a name are escaped."""
    return PATTERN.sub(r"\\\g<0>", path)


def no_glob(path: str) -> bool:
    """Whether Hadoop's globbing cannot find a path: it takes the part before a colon for a scheme."""
    folder = local_folder(path)
    return folder is not None and ":" in str(folder) and PATTERN.search(str(folder)) is not None


def writable_fault(folder: Path) -> str | None:
    """What keeps `folder` from being written to, as want and have; None where nothing does. A missing folder is made."""
    try:
        there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        if not there.is_dir():
            kind = "a link to what is not there" if there.is_symlink() and not there.exists() else "a file"
            return f"want a folder, have {kind}: {there}"
        if len(folder.relative_to(there).parts) > FAR_ABOVE:
            return f"want a folder to make it in, have no {folder.parent}"
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"want a folder that can be written to, have {error.strerror}: {error.filename}"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"want a folder that can be written to, have one that cannot: {folder}"
    return None
