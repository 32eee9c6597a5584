"""Say all that this machine lacks, at once, before anything is installed. Standard library only, any Python 3: it runs before `.venv` is there."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys

GIB = 1 << 30
MEMORY_BYTES = 10 * GIB  # the main job's bound, all processes together
DISK_BYTES = 12 * GIB  # `.venv` with torch's CUDA wheels is 6 GiB, their download cache 3, the demo's warehouse under 2
CMAKE = (3, 13)
PYTHON_PROBE = """
import importlib.util, os, sys, sysconfig
print(".".join(map(str, sys.version_info[:3])))
print(all(importlib.util.find_spec(m) for m in ("venv", "ensurepip")))
print(os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))
"""


def output(*command: str) -> str:
    """What a command prints (both streams), or nothing where it cannot run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def java_lack() -> str | None:
    java = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else "java"
    match = re.search(r'version "(\d+)', output(java, "-version"))
    if match is None:
        return f"Java: want a full JDK 17 or 21, have none ({java} does not run). Install openjdk-17-jdk-headless or set JAVA_HOME."
    if match[1] not in ("17", "21"):
        return f"Java: want a JDK 17 or 21, have {match[1]} ({java}). Set JAVA_HOME to one of those."
    if "jdk.incubator.vector" not in output(java, "--list-modules"):
        return f"Java: want a full JDK, have one without the module jdk.incubator.vector ({java}), which Spark 4 starts with."
    return None


def python_lacks(python: str, *, fresh: bool, builds_horovod: bool) -> list[str]:
    """What is wrong with the Python that `.venv` is to be made from."""
    answer = output(python, "-c", PYTHON_PROBE).split()
    if len(answer) != 3 or not answer[0].startswith("3.11."):
        have = answer[0] if len(answer) == 3 else "none"
        return [f"Python: want 3.11, have {have} ({python}). Install it, or call `make PYTHON=/path/to/python3.11`."]
    lacking = []
    if fresh and answer[1] != "True":
        lacking.append(f"Python's venv: want the modules venv and ensurepip, have not both ({python}). Install python3.11-venv.")
    if builds_horovod and answer[2] != "True":
        lacking.append(f"Python's headers: want Python.h, have none ({python}). Install python3.11-dev.")
    return lacking


def compiler_lack() -> str | None:
    if shutil.which("c++") or shutil.which("g++"):
        return None
    return "C++ compiler: want c++ or g++ on the PATH, have none. Install g++ (Debian: build-essential)."


def cmake_lack() -> str | None:
    match = re.search(r"version (\d+)\.(\d+)", output("cmake", "--version"))
    if match is None:
        return "CMake: want cmake on the PATH, have none. Install cmake 3.13 or newer."
    if (int(match[1]), int(match[2])) < CMAKE:
        return f"CMake: want {CMAKE[0]}.{CMAKE[1]} or newer, have {match[1]}.{match[2]}."
    return None


def nvcc_lack() -> str | None:
    """CUDA's compiler without its headers breaks Horovod's configure step."""
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        return None
    roots = {os.path.dirname(os.path.dirname(path)) for path in (nvcc, os.path.realpath(nvcc))}
    headers = sorted(os.path.join(root, "include", "cuda_runtime.h") for root in roots)
    if any(map(os.path.exists, headers)):
        return None
    return f"CUDA: {nvcc} is there but {' and '.join(headers)} not. Install CUDA's headers, or take nvcc off the PATH."


def memory_bytes() -> int:
    """This machine's memory, or this container's share of it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(limit) as file:
                memory = min(memory, int(file.read()))
        except (OSError, ValueError):  # no such file, or `max`
            continue
    return memory


def memory_lack() -> str | None:
    have = memory_bytes()
    return None if have >= MEMORY_BYTES else f"memory: want {MEMORY_BYTES / GIB:.0f} GiB, have {have / GIB:.1f} GiB."


def disk_lack(folder: str) -> str | None:
    have = shutil.disk_usage(folder).free
    return None if have >= DISK_BYTES else f"disk: want {DISK_BYTES / GIB:.0f} GiB free at {folder}, have {have / GIB:.1f} GiB."


def lacks(python: str, *, fresh: bool, builds_horovod: bool) -> list[str]:
    """Every lack of this machine, as a sentence with its cure. `fresh`: the environment is still to be installed."""
    lacking = [java_lack(), memory_lack(), *python_lacks(python, fresh=fresh, builds_horovod=builds_horovod)]
    if fresh:
        lacking.append(disk_lack(os.getcwd()))
    if builds_horovod:
        lacking += [compiler_lack(), cmake_lack(), nvcc_lack()]
    return [lack for lack in lacking if lack is not None]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--python", default=sys.executable, help="the Python that .venv is to be made from")
    parser.add_argument("--fresh", action="store_true", help=".venv is still to be installed")
    parser.add_argument("--builds-horovod", action="store_true", help="there is no wheel of Horovod yet")
    flags = parser.parse_args()
    missing = lacks(flags.python, fresh=flags.fresh, builds_horovod=flags.builds_horovod)
    for lack in missing:
        print(f"this machine lacks: {lack}", file=sys.stderr)
    return 2 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
