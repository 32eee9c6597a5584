#!/usr/bin/env bash
# dist/environment.tar.gz: everything of requirements.lock and Horovod in a virtual environment that may be moved, for
#   spark-submit --archives dist/environment.tar.gz#environment --conf spark.pyspark.python=./environment/bin/python
# Nodes need the same Python 3.11 at the same path as this machine (a virtual environment holds a link to it) and the same CPU family.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'package-env: %s\n' "$*" >&2; }

building=build/environment
rm -rf "$building" && mkdir -p build dist
say "copying the locked packages (6 GB with torch's CUDA libraries)"
.venv/bin/uv venv --quiet --relocatable --python .venv/bin/python "$building"
.venv/bin/uv pip install --quiet --python "$building/bin/python" --require-hashes --requirement requirements.lock
source scripts/horovod/wheels.sh .venv/bin/python
.venv/bin/uv pip install --quiet --python "$building/bin/python" --no-deps "$wheels"/horovod-*.whl
say "packing; about 5 minutes"
written=dist/.environment.$$.tar.gz
trap 'rm -f "$written"' EXIT
tar -C "$building" -cf - . | gzip -1 >"$written"
mv "$written" dist/environment.tar.gz
rm -rf "$building"
say "$(du -h dist/environment.tar.gz | cut -f1) in dist/environment.tar.gz"
