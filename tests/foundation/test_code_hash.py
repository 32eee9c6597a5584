"""A step runs again when its job, or a module that the job imports, changed; and only then."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from basketgraph.foundation.code_hash import MACHINERY, PackageCode
from basketgraph.foundation.config import data_text
from basketgraph.foundation.runs.steps import pipelines

INSTALLED = Path(str(files("basketgraph")))
STEPS = list(pipelines().steps)
JOBS = {step: data_text(f"jobs/{step}.py") for step in STEPS}


def module_of(function_text: str) -> Path:
    """The module that a text stands in, below the package: found by its content, so that a module may be moved or renamed."""
    (found,) = [file for file in INSTALLED.rglob("*.py") if function_text in file.read_text()]
    return found.relative_to(INSTALLED)


def steps_that_run_again(folder: Path, *modules: Path) -> set[str]:
    """The steps whose hash differs after a change of some modules in a copy of the package."""
    copy = folder / "basketgraph"
    shutil.copytree(INSTALLED, copy, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    code = PackageCode(copy)
    before = {step: code.hash(job) for step, job in JOBS.items()}
    for module in modules:
        with (copy / module).open("a") as file:
            file.write("\nCHANGED = 1\n")
    code = PackageCode(copy)
    return {step for step, job in JOBS.items() if code.hash(job) != before[step]}


def test_a_change_of_onboarding_runs_no_step_again(tmp_path: Path) -> None:
    (onboard,) = [folder for folder in INSTALLED.rglob("onboard") if folder.is_dir()]
    assert steps_that_run_again(tmp_path, *[file.relative_to(INSTALLED) for file in onboard.glob("*.py")]) == set()


def test_a_change_of_the_report_runs_only_the_report_again(tmp_path: Path) -> None:
    modules = [file.relative_to(INSTALLED) for file in (INSTALLED / "report").glob("*.py")]
    assert steps_that_run_again(tmp_path, *modules) == {"report"}


def test_a_change_of_the_ranker_ranks_again_and_trains_no_recommender(tmp_path: Path) -> None:
    again = steps_that_run_again(tmp_path, module_of("def train_rankers("))
    assert "recommendations" in again
    assert again <= {"recommendations", "evaluations", "gate"}


def test_a_change_of_the_contracts_runs_every_step_again(tmp_path: Path) -> None:
    assert steps_that_run_again(tmp_path, module_of("def conform(")) == set(STEPS)


def test_a_change_of_what_trains_in_a_process_of_its_own_trains_again(tmp_path: Path) -> None:
    """No job imports that module: it is started by its name."""
    assert steps_that_run_again(tmp_path, module_of("def train_source(")) == {"train_graph"}


def test_a_change_of_the_runners_machinery_runs_no_step_again(tmp_path: Path) -> None:
    modules = [Path(*name.split(".")[1:]).with_suffix(".py") for name in MACHINERY]
    assert all((INSTALLED / module).is_file() for module in modules), "a module that was renamed would count again"
    assert steps_that_run_again(tmp_path, *modules) == set()


SMALL = {
    "basketgraph/__init__.py": "",
    "basketgraph/lazy.py": "def f():\n    from basketgraph.stage import part\n",
    "basketgraph/stage/__init__.py": "import basketgraph.named",
    "basketgraph/stage/part.py": "if TYPE_CHECKING:\n    import basketgraph.types\nelse:\n    import basketgraph.other\n",
    "basketgraph/named.py": "NAME = 'basketgraph.worker'",
    "basketgraph/worker.py": "import basketgraph.lazy",
    "basketgraph/types.py": "",
    "basketgraph/other.py": "",
    "basketgraph/unused.py": "",
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    for name, text in SMALL.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "basketgraph"


def test_imports_in_functions_of_packages_and_by_name_count_and_those_for_types_do_not(small: Path) -> None:
    reached = {"lazy", "named", "other", "stage", "stage.part", "worker"}
    assert PackageCode(small).closure("from basketgraph import lazy") == {"basketgraph", *(f"basketgraph.{name}" for name in reached)}


def test_the_order_of_imports_does_not_matter(small: Path) -> None:
    code = PackageCode(small)
    assert code.closure("from basketgraph import named, unused") == code.closure("import basketgraph.unused\nimport basketgraph.named")


def test_a_relative_import_is_refused_since_it_would_not_be_followed(small: Path) -> None:
    with pytest.raises(ValueError, match=r"from \. import lazy"):
        PackageCode(small).hash("from . import lazy")
