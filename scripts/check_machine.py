"""Say all that this machine lacks, at once, before anything is installed. Standard library only: it runs before `.venv` is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

GIB = 1 << 30
MEMORY_BYTES = 10 * GIB  # the main job's bound, all processes together
DISK_BYTES = 12 * GIB  # `.venv` with torch's CUDA wheels is 8 GiB, the demo's warehouse under 2


def output(*command: str) -> str:
    """What a command prints (both streams), or nothing where it cannot run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def java_lack() -> str | None:
    java = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else "java"
    found = re.search(r'version "(\d+)', output(java, "-version"))
    if found is None:
        return f"Java: want a full JDK 17 or 21, have none ({java} does not run). Install openjdk-17-jdk-headless or set JAVA_HOME."
    if found[1] not in ("17", "21"):
        return f"Java: want a JDK 17 or 21, have {found[1]} ({java}). Set JAVA_HOME to one of those."
    if "jdk.incubator.vector" not in output(java, "--list-modules"):
        return f"Java: want a full JDK, have one without the module jdk.incubator.vector ({java}), which Spark 4 starts with."
    return None


def tool_lack(name: str, names: tuple[str, ...], cure: str) -> str | None:
    return None if any(shutil.which(n) for n in names) else f"{name}: want one of {', '.join(names)} on the PATH, have none. {cure}"


def nvcc_lack() -> str | None:
    """CUDA's compiler without its headers breaks Horovod's configure step."""
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        return None
    header = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(nvcc))), "include", "cuda_runtime.h")
    if os.path.exists(header):
        return None
    return f"CUDA: {nvcc} is there but {header} is not. Install CUDA's headers, or take nvcc off the PATH."


def memory_lack() -> str | None:
    have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None if have >= MEMORY_BYTES else f"memory: want {MEMORY_BYTES / GIB:.0f} GiB, have {have / GIB:.1f} GiB."


def disk_lack(folder: str) -> str | None:
    have = shutil.disk_usage(folder).free
    return None if have >= DISK_BYTES else f"disk: want {DISK_BYTES / GIB:.0f} GiB free at {folder}, have {have / GIB:.1f} GiB."


def lacks(*, fresh: bool, builds_horovod: bool) -> list[str]:
    """Every lack of this machine, as a sentence with its cure. `fresh`: the environment is still to be installed."""
    found = [java_lack(), memory_lack()]
    if sys.version_info[:2] != (3, 11):
        found.append(f"Python: want 3.11, have {sys.version.split()[0]} ({sys.executable}). Call `make PYTHON=/path/to/python3.11`.")
    if fresh:
        found.append(disk_lack("."))
    if builds_horovod:
        found.append(tool_lack("C++ compiler", ("c++", "g++", "clang++"), "Install g++ (Debian: build-essential)."))
        found.append(tool_lack("CMake", ("cmake",), "Install cmake 3.13 or newer."))
        found.append(nvcc_lack())
    return [lack for lack in found if lack is not None]


if __name__ == "__main__":
    missing = lacks(fresh="--fresh" in sys.argv, builds_horovod="--builds-horovod" in sys.argv)
    for lack in missing:
        print(f"this machine lacks: {lack}", file=sys.stderr)
    sys.exit(2 if missing else 0)
