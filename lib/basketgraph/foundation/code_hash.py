"""A hash of the code that a step's result depends on: its job and the modules that the job imports, directly or through others.

Imports are read from the source, so nothing is imported, and a checkout, an installed wheel and a zip of the same code give the same hash.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from basketgraph.foundation.config import data_text

PACKAGE = "basketgraph"
# Modules that no row depends on: they decide when a step runs, keep its log and lock, show progress and start processes. They and what only they
# import do not count. A module belongs here only if a change of it can never change what a step writes to its tables.
MACHINERY = frozenset({
    "basketgraph.foundation.runs.alerts",
    "basketgraph.foundation.failures",
    "basketgraph.foundation.runs.arguments",
    "basketgraph.foundation.code_hash",
    "basketgraph.foundation.interrupt",
    "basketgraph.foundation.distributed.launch",
    "basketgraph.foundation.runs.lock",
    "basketgraph.foundation.runs.memory",
    "basketgraph.foundation.progress",
    "basketgraph.foundation.runs.job",
    "basketgraph.foundation.runs.session",
    "basketgraph.foundation.runs.steps",
})  # fmt: skip


class PackageCode:
    """The source of a package's modules, and which of them import which."""

    def __init__(self, root: Traversable) -> None:
        """root: the package's own folder, be it inside a zip."""
        self.root = root
        self._sources: dict[str, str | None] = {}
        self._imports: dict[str, frozenset[str]] = {}

    def source(self, module: str) -> str | None:
        """The source of a module or of a package's `__init__`; None where there is no such module."""
        if module not in self._sources:
            folders = module.split(".")[1:]
            file = self.root.joinpath(*folders, "__init__.py")
            if folders and not file.is_file():
                file = self.root.joinpath(*folders[:-1], f"{folders[-1]}.py")
            self._sources[module] = file.read_text(encoding="utf-8") if file.is_file() else None
        return self._sources[module]

    def imported_by(self, source: str) -> frozenset[str]:
        """The modules that a source names, and the packages that they lie in."""
        return frozenset(module for name in _names_in(ast.parse(source)) for module in self._modules_of(name))

    def _modules_of(self, name: str) -> Iterator[str]:
        """The modules behind a dotted name: `a.b.c` is a module, or a name in a.b; importing it runs a and a.b, too."""
        parts = name.split(".")
        prefixes = [".".join(parts[:length]) for length in range(1, len(parts) + 1)] if parts[0] == PACKAGE else []
        yield from (module for module in prefixes if self.source(module) is not None)

    def closure(self, source: str) -> set[str]:
        """The modules that a source depends on, the MACHINERY left out."""
        modules: set[str] = set()
        new = set(self.imported_by(source) - MACHINERY)
        while new:
            modules |= new
            for module in new - self._imports.keys():
                self._imports[module] = self.imported_by(self.source(module) or "")
            new = {name for module in new for name in self._imports[module]} - MACHINERY - modules
        return modules

    def hash(self, source: str) -> str:
        """Of a source and of the modules that it depends on."""
        parts = [source, *(f"{module}\n{self.source(module)}" for module in sorted(self.closure(source)))]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _names_in(node: ast.AST) -> Iterator[str]:
    """The dotted names that a tree imports, also in functions, and its texts: a worker is started by its module's name. Not imports for types."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level:
        raise ValueError(f"want absolute imports, have {ast.unparse(node)}")
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    only_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    for child in ast.iter_child_nodes(node):
        if not (only_types and child in node.body):  # type: ignore[attr-defined]
            yield from _names_in(child)


@cache
def installed_code() -> PackageCode:
    """This package's own."""
    return PackageCode(files(PACKAGE))


def step_code(step: str) -> str:
    """The hash of jobs/<step>.py and of what it depends on."""
    return installed_code().hash(data_text(f"jobs/{step}.py"))


def module_code(module: str) -> str:
    """The hash of a module of this package and of what it depends on."""
    return installed_code().hash(f"import {module}")
