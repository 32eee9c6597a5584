#!/usr/bin/env bash
# Set up `.venv-airflow`: Airflow as locked, for `make airflow-test` and for looking at the DAGs. A second call does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'setup: %s\n' "$*" >&2; }

exec 7>.setup-airflow.lock
if command -v flock >/dev/null; then flock 7; fi
stamp=.venv-airflow/.basketgraph-setup
wanted=$(cat airflow_dags/requirements.lock scripts/setup_airflow.sh | sha256sum | cut -d' ' -f1)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi
say "Airflow into .venv-airflow"
[ -x .venv-airflow/bin/python ] || .venv/bin/uv venv --quiet --python "${PYTHON:-python3.11}" .venv-airflow
# --no-deps: the lock is complete but for overrides.txt
.venv/bin/uv pip install --quiet --python .venv-airflow/bin/python --no-deps --require-hashes --requirement airflow_dags/requirements.lock
printf '%s' "$wanted" >"$stamp"
