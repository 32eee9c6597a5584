# Everything starts here: each target sets up what it needs. `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3.11
ARGS ?=
VENV := .venv/bin
export PYTHON
export OMP_NUM_THREADS ?= 1
# Two processes, each with a Spark session of its own; a file's tests stay together, since they share what is set up for them.
PYTEST := $(VENV)/python -m pytest -n 2 --dist loadfile
.DEFAULT_GOAL := help
.PHONY: help setup run lint test test-fast test-all package package-env airflow-setup airflow-test bench bench-clean bench-day bench-encoders lock airflow-lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  PYTHON=/path/to/python3.11 and ARGS='...' are passed on"

setup: ## .venv: the locked packages, Horovod (built once a machine), Delta's jars
	@scripts/setup.sh

run: setup ## the main job on the Complete Journey data; ARGS='--set warehouse=DIR'
	$(VENV)/basketgraph run all --source complete_journey $(ARGS)

lint: setup ## style, types, import rules, contracts
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/mypy scripts/*.py jobs/*.py airflow_dags/submit_lines.py
	$(VENV)/lint-imports
	$(VENV)/python scripts/check_contracts.py

test: lint ## lint, then all tests but the long ones
	$(PYTEST) -m "not long" $(ARGS)

test-fast: setup ## the tests of a few minutes, no lint
	$(PYTEST) -m "not long and not slow" $(ARGS)

test-all: lint package airflow-setup ## all tests, the long ones and Airflow's too
	$(VENV)/python -m pytest $(ARGS)

package: setup ## dist/basketgraph.zip for --py-files, and dist/jars for clusters without a way out
	$(VENV)/python scripts/package.py dist
	$(VENV)/python scripts/delta_jars.py dist/jars

package-env: setup ## dist/environment.tar.gz for --archives: .venv's packages, about 3 GB (6 GB unpacked: CUDA)
	scripts/package_env.sh

airflow-setup: setup ## .venv-airflow, about a minute
	@scripts/setup_airflow.sh

airflow-test: package airflow-setup ## the DAGs: import, rendered lines, one run of the main pipeline
	$(VENV)/python -m pytest tests/airflow_dags $(ARGS)

.venv-bench: benchmarks/requirements.txt
	$(PYTHON) -m venv .venv-bench
	$(VENV)/uv pip install --quiet --python .venv-bench/bin/python --requirement benchmarks/requirements.txt
	@touch .venv-bench

bench: setup .venv-bench ## ours and its peers on the same work; ARGS='--data DIR'
	PYTHONPATH=lib .venv-bench/bin/python benchmarks/graph_peers.py $(ARGS)

bench-clean: setup .venv-bench ## cleaning beside DuckDB and Polars; ARGS='--copies 1,10'
	.venv-bench/bin/python benchmarks/clean_peers.py $(ARGS)

bench-day: setup ## what one more day costs after 30, 180 and 360; ARGS='--copies 10'
	$(VENV)/python benchmarks/day_cost.py $(ARGS)

bench-encoders: setup .venv-bench ## int8 text vectors beside fp32; ARGS='--model DIR --titles FILE --queries FILE'
	PYTHONPATH=lib .venv-bench/bin/python benchmarks/encoders.py $(ARGS)

lock: setup ## requirements.lock from pyproject.toml (newest that fit)
	$(VENV)/uv pip compile --quiet --upgrade --python-version 3.11 --all-extras --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock

airflow-lock: setup ## airflow_dags/requirements.lock from requirements.in (newest that fit)
	$(VENV)/uv pip compile --quiet --upgrade --python-version 3.11 --override airflow_dags/overrides.txt --no-emit-package pyspark-client \
		--generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make airflow-lock" \
		airflow_dags/requirements.in -o airflow_dags/requirements.lock

clean: ## what was built and cached here; environments and warehouses stay
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis spark-warehouse metastore_db derby.log
	find lib jobs scripts tests airflow_dags benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
