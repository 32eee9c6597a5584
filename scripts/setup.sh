#!/usr/bin/env bash
# Set up `.venv`: the locked packages, Horovod (built once, its wheel kept in the user's cache), Delta's jars. A second call does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3.11}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/basketgraph
horovod=0.28.1
torch=$(sed -n 's/^torch==\([0-9.]*\).*/\1/p' requirements.lock)
say() { printf 'setup: %s\n' "$*" >&2; }

command -v "$python" >/dev/null || { say "this machine lacks: Python 3.11 ($python is not on the PATH). Install it or call make PYTHON=/path/to/python3.11"; exit 2; }

stamp=.venv/.basketgraph-setup
wanted=$(cat requirements.lock pyproject.toml scripts/setup.sh scripts/horovod/* | sha256sum | cut -d' ' -f1)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    "$python" scripts/check_machine.py
    exit 0
fi

compiler=$( (c++ -dumpfullversion -dumpversion 2>/dev/null || echo none) | head -n 1)
abi=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("SOABI"))')
wheels=$cache/wheels/horovod-$horovod-torch-$torch-$abi-cxx-$compiler
have_wheel() { compgen -G "$wheels/horovod-*.whl" >/dev/null; }
if have_wheel; then "$python" scripts/check_machine.py --fresh; else "$python" scripts/check_machine.py --fresh --builds-horovod; fi

say "the locked packages into .venv (torch brings some 3 GB of CUDA libraries the first time)"
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check 'uv==0.13.9' # pinned: it reads the lock
.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --requirement requirements.lock

if ! have_wheel; then
    say "Horovod $horovod against torch $torch: compiling, about 5 minutes on 2 cores, once per machine"
    mkdir -p "$cache/wheels"
    building=$(mktemp -d "$cache/wheels/.building.XXXXXX")
    trap 'rm -rf "$building"' EXIT
    CMAKE_TOOLCHAIN_FILE=$PWD/scripts/horovod/toolchain.cmake CMAKE_POLICY_VERSION_MINIMUM=3.5 PATH="$PWD/.venv/bin:$PATH" \
        HOROVOD_WITH_PYTORCH=1 HOROVOD_WITH_GLOO=1 HOROVOD_WITHOUT_MPI=1 HOROVOD_WITHOUT_TENSORFLOW=1 HOROVOD_WITHOUT_MXNET=1 \
        .venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --no-cache-dir \
        --wheel-dir "$building" "horovod==$horovod" >"$cache/horovod-build.log" 2>&1 ||
        { say "Horovod did not compile; the last lines of $cache/horovod-build.log:"; tail -n 20 "$cache/horovod-build.log" >&2; exit 1; }
    mkdir -p "$wheels" && mv "$building"/horovod-*.whl "$wheels/" # whole or not at all
fi
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps "$wheels"/horovod-*.whl
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
.venv/bin/uv pip check --quiet --python .venv/bin/python || { .venv/bin/uv pip check --python .venv/bin/python; exit 1; }
printf '%s' "$wanted" >"$stamp"
say "done"
