#!/usr/bin/env bash
# Set up `.venv`: the locked packages, Horovod (built once, its wheel kept in the user's cache), Delta's jars. A second call does nothing.
# Two calls at once, from one checkout or from two, wait for each other where they would write the same files.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3.11}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/basketgraph
say() { printf 'setup: %s\n' "$*" >&2; }

# Whatever Python is there can tell what is lacking, itself included.
teller=$python
command -v "$teller" >/dev/null || teller=$(command -v python3 || true)
[ -n "$teller" ] ||
    { say "this machine lacks: Python 3.11 ($python is not on the PATH). Install it or call make PYTHON=/path/to/python3.11"; exit 2; }

source scripts/horovod/wheels.sh "$teller"
have_wheel() { compgen -G "$wheels/horovod-*.whl" >/dev/null; }

# Alone from here on; the lock goes with the process.
alone() { if command -v flock >/dev/null; then flock -n "$1" || { say "waiting for another set-up"; flock "$1"; }; fi; }
exec 8>.setup.lock
alone 8

stamp=.venv/.basketgraph-setup
read_by_setup=(requirements.lock pyproject.toml scripts/setup.sh scripts/delta_jars.py scripts/horovod/*)
wanted=$(cat "${read_by_setup[@]}" <(grep jars.packages conf/spark/local.conf) | sha256sum | cut -d' ' -f1)-$abi
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    "$teller" scripts/check_machine.py --python "$python"
    exit 0
fi
asked=(--python "$python" --fresh)
have_wheel || asked+=(--builds-horovod)
"$teller" scripts/check_machine.py "${asked[@]}"

say "the locked packages into .venv (torch brings some 3 GB of CUDA libraries the first time)"
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check 'uv==0.13.9' # pinned: it reads the lock
.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --requirement requirements.lock

mkdir -p "$cache/wheels"
exec 9>"$cache/lock"
alone 9
if ! have_wheel; then
    say "Horovod $horovod against torch $torch: compiling, about 4 minutes on 2 cores, once per machine"
    building=$(mktemp -d "$cache/wheels/.building.XXXXXX")
    trap 'rm -rf "$building"' EXIT
    CMAKE_TOOLCHAIN_FILE=$PWD/scripts/horovod/toolchain.cmake CMAKE_POLICY_VERSION_MINIMUM=3.5 PATH="$PWD/.venv/bin:$PATH" \
        HOROVOD_WITH_PYTORCH=1 HOROVOD_WITH_GLOO=1 HOROVOD_WITHOUT_MPI=1 HOROVOD_WITHOUT_TENSORFLOW=1 HOROVOD_WITHOUT_MXNET=1 \
        .venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --no-cache-dir --require-hashes \
        --wheel-dir "$building" --requirement scripts/horovod/requirements.txt >"$cache/horovod-build.log" 2>&1 8>&- 9>&- ||
        { say "Horovod did not compile; the last lines of $cache/horovod-build.log:"; tail -n 20 "$cache/horovod-build.log" >&2; exit 1; }
    mkdir -p "$wheels" && mv "$building"/horovod-*.whl "$wheels/" # whole or not at all
fi
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps "$wheels"/horovod-*.whl
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
.venv/bin/uv pip check --quiet --python .venv/bin/python || { .venv/bin/uv pip check --python .venv/bin/python; exit 1; }
say "Delta's jars into Ivy's cache"
.venv/bin/python scripts/delta_jars.py >"$cache/jars.log" 2>&1 8>&- 9>&- || # later starts are offline; Ivy's cache does not stand two writers
    { say "not resolved; the last lines of $cache/jars.log:"; tail -n 20 "$cache/jars.log" >&2; exit 1; }
printf '%s' "$wanted" >"$stamp"
say "done"
