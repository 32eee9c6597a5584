"""Tests import no tests: what they share lives in tests/support/."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent


def imported_modules(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def test_no_module_imports_a_test() -> None:
    files = {path.relative_to(TESTS).with_suffix("").as_posix().replace("/", "."): path for path in TESTS.rglob("*.py")}
    tests = {name for name in files if name.rpartition(".")[2].startswith("test_")}
    found = {f"{name} imports {module}" for name, path in files.items() for module in imported_modules(path.read_text()) if module in tests}
    assert sorted(found) == []


def test_every_way_to_import_a_test_is_seen() -> None:
    for source in (
        "import clean.test_load",
        "from clean import test_load",
        "from clean.test_load import DIRTY",
        "def f():\n    import clean.test_load",
    ):
        assert "clean.test_load" in set(imported_modules(source))
