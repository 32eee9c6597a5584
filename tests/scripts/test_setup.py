"""What a machine lacks is told all at once, before anything is installed: the real scripts on a doctored PATH."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BASICS = ("bash", "cat", "cut", "dirname", "env", "flock", "grep", "head", "mkdir", "mktemp", "mv", "rm", "sed", "sha256sum", "tail", "uname")


@pytest.fixture
def check_machine() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_machine", REPOSITORY / "scripts" / "check_machine.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A copy of what set-up reads, a PATH with nothing but basic tools and Python, and a cache without a wheel of Horovod."""
    for name in ("scripts", "requirements.lock", "pyproject.toml", "conf"):
        source = REPOSITORY / name
        shutil.copytree(source, tmp_path / "checkout" / name) if source.is_dir() else shutil.copy(source, tmp_path / "checkout" / name)
    (tmp_path / "bin").mkdir()
    for tool in BASICS:
        found = shutil.which(tool)
        if found is not None:
            (tmp_path / "bin" / tool).symlink_to(found)
    add_tool(tmp_path, "python3.11", f'exec {sys.executable} "$@"')
    return tmp_path


def add_tool(machine: Path, name: str, script: str) -> None:
    tool = machine / "bin" / name
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


def set_up(machine: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"PATH": str(machine / "bin"), "HOME": str(machine), "XDG_CACHE_HOME": str(machine / "cache"), **environment}
    bash = shutil.which("bash") or "bash"
    return subprocess.run([bash, "scripts/setup.sh"], cwd=machine / "checkout", env=given, capture_output=True, text=True, check=False)


def lacks(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.removeprefix("this machine lacks: ").partition(":")[0] for line in done.stderr.splitlines() if line.startswith("this machine lacks")]


def test_java_compiler_and_cmake_are_missed_at_once_and_nothing_is_installed(machine: Path) -> None:
    done = set_up(machine)
    assert (done.returncode, lacks(done)) == (2, ["Java", "C++ compiler", "CMake"])
    assert not (machine / "checkout" / ".venv").exists()
    assert not (machine / "cache").exists()


def test_a_java_that_is_too_old_a_cmake_too_and_a_half_installed_cuda_are_told(machine: Path) -> None:
    add_tool(machine, "java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2")
    add_tool(machine, "cmake", "echo 'cmake version 3.5.1'")
    add_tool(machine, "c++", "echo 12.2.0")
    add_tool(machine, "nvcc", "true")
    done = set_up(machine)
    assert (done.returncode, lacks(done)) == (2, ["Java", "CMake", "CUDA"])
    assert "have 11" in done.stderr
    assert "have 3.5" in done.stderr
    assert "cuda_runtime.h" in done.stderr


def test_a_runtime_without_the_vector_module_is_no_full_jdk(machine: Path) -> None:
    add_tool(machine, "java", 'case "$1" in -version) echo \'openjdk version "17.0.1"\' >&2;; *) echo java.base;; esac')
    done = set_up(machine)
    assert "jdk.incubator.vector" in done.stderr


def test_without_python_3_11_any_python_tells_all_the_other_lacks_too(machine: Path) -> None:
    (machine / "bin" / "python3.11").rename(machine / "bin" / "python3")
    done = set_up(machine)
    assert (done.returncode, lacks(done)) == (2, ["Java", "Python", "C++ compiler", "CMake"])


def test_without_any_python_that_is_told(machine: Path) -> None:
    (machine / "bin" / "python3.11").unlink()
    done = set_up(machine)
    assert done.returncode == 2
    assert "this machine lacks: Python 3.11" in done.stderr


def test_a_kept_wheel_needs_no_compiler(machine: Path) -> None:
    """With the wheel in the cache only Java is missing."""
    read = 'source scripts/horovod/wheels.sh python3.11; echo "$wheels"'
    given = {"PATH": str(machine / "bin"), "HOME": str(machine), "XDG_CACHE_HOME": str(machine / "cache")}
    bash = shutil.which("bash") or "bash"
    folder = subprocess.run([bash, "-c", read], cwd=machine / "checkout", env=given, capture_output=True, text=True, check=True).stdout.strip()
    assert folder.startswith(str(machine / "cache" / "basketgraph" / "wheels" / "horovod-0.28.1-torch-2.11.0-cpython-311"))
    Path(folder).mkdir(parents=True)
    (Path(folder) / "horovod-0.28.1-cp311-cp311-linux_x86_64.whl").touch()
    assert lacks(set_up(machine)) == ["Java"]


def test_too_little_memory_and_disk_are_told_with_what_is_there(check_machine: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    gib = check_machine.GIB
    monkeypatch.setattr(check_machine, "memory_bytes", lambda: 10 * gib - 1)
    monkeypatch.setattr(check_machine.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(100 * gib, 89 * gib, 11 * gib))
    found = check_machine.lacks(sys.executable, fresh=True, builds_horovod=False)
    assert [lack.partition(":")[0] for lack in found if not lack.startswith("Java")] == ["memory", "disk"]
    monkeypatch.setattr(check_machine, "memory_bytes", lambda: 10 * gib)
    assert not [lack for lack in check_machine.lacks(sys.executable, fresh=False, builds_horovod=False) if not lack.startswith("Java")]


def test_two_set_ups_at_once_wait_for_each_other(machine: Path) -> None:
    """The second says that it waits, and goes on when the first one is gone."""
    if shutil.which("flock") is None:
        pytest.skip("no flock on this machine")
    add_tool(machine, "java", "exit 1")
    holder = subprocess.Popen(["flock", str(machine / "checkout" / ".setup.lock"), "sleep", "2"])
    try:
        while subprocess.run(["flock", "-n", str(machine / "checkout" / ".setup.lock"), "true"], check=False).returncode == 0:
            assert holder.poll() is None
        done = set_up(machine)
    finally:
        holder.wait()
    assert "waiting for another set-up" in done.stderr
    assert lacks(done) == ["Java", "C++ compiler", "CMake"]


def test_the_locks_name_no_host_and_hold_every_package_to_a_hash() -> None:
    for name in ("requirements.lock", "airflow_dags/requirements.lock", "scripts/horovod/requirements.txt"):
        text = (REPOSITORY / name).read_text()
        assert "://" not in text, f"{name} names a host"
        packages = [line for line in text.replace("\\\n", " ").splitlines() if "==" in line and not line.startswith("#")]
        assert packages
        assert all("--hash=sha256:" in line for line in packages)


def test_the_lock_is_what_pyproject_asks_for() -> None:
    """Versions that pyproject.toml pins exactly are those of the lock."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    lock = (REPOSITORY / "requirements.lock").read_text().lower().replace("_", "-")
    for requirement in project["dependencies"] + [one for extra in project["optional-dependencies"].values() for one in extra]:
        name = requirement.partition("[")[0] if "[" in requirement else requirement.split("=")[0].split("<")[0].split("~")[0]
        assert f"\n{name.strip().lower()}==" in lock, requirement
        if "==" in requirement:
            assert f"\n{requirement.lower()} " in lock, requirement


def test_no_line_of_a_script_is_longer_than_150_characters() -> None:
    scripts = [file for file in (REPOSITORY / "scripts").rglob("*") if file.suffix in (".sh", ".py")]
    assert [file.name for file in scripts for line in file.read_text().splitlines() if len(line) > 150] == []


def test_whatever_the_package_imports_is_among_its_dependencies() -> None:
    trees = [ast.parse(file.read_text()) for file in (REPOSITORY / "lib").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imported = {alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module).partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    given = project["dependencies"] + extras["words"] + extras["tune"]  # the rooms that need an extra say so where it is lacking
    declared = {re.split(r"[^\w.-]", line)[0].lower().replace("_", "-") for line in given}
    declared |= {"horovod", "py4j", "basketgraph"}  # Horovod is built by set-up, Py4J is a part of PySpark
    packages = packages_distributions()
    foreign = {name: {found.lower().replace("_", "-") for found in packages[name]} for name in imported - sys.stdlib_module_names if name in packages}
    assert {name for name, found in foreign.items() if not found & declared} == set()


def test_every_target_is_documented_and_help_lists_it() -> None:
    listed = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True, env={**os.environ, "MAKEFLAGS": ""}).stdout
    for target in ("setup", "run", "test", "test-fast", "test-all", "package", "package-env", "airflow-test", "bench", "lock", "clean"):
        assert f"make {target} " in listed
