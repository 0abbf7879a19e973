# Every target sets up .venv by itself first; nothing need be installed but
# Python 3.10 or 3.11. `make setup PYTHON=python3.10` picks an interpreter,
# `make setup MMCV=full` takes real mmcv instead of mmcv-lite.
export PYTHON MMCV

# Threads that wait give up their core: on two cores training and loading share them.
export OMP_WAIT_POLICY ?= PASSIVE

PY := .venv/bin/python
DEMO ?= demo

.PHONY: help setup demo test test-matrix coverage lint format doctor docs benchmark clean

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup:  ## Create or refresh .venv
	@bash tools/setup_env.sh

demo: setup  ## Make data, train HEMlets Pose and a person detector, find and pose people into demo/
	$(PY) tools/demo.py --out $(DEMO)

# Bytecode is kept: the tests start many processes, which would all compile the package.
PYTEST := pytest -n 2 --dist worksteal
test coverage: export OMP_NUM_THREADS = 1
test coverage: export PYTHONDONTWRITEBYTECODE =

test: setup  ## Run the test suite
	$(PY) -m $(PYTEST)

coverage: setup  ## Run the test suite and tell how much of mmpose_ext it runs
	rm -rf build/coverage
	$(PY) -m coverage run -m $(PYTEST)
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report --fail-under=90

test-matrix:  ## Run the suite with real mmcv, and on the revived stack (numpy 2)
	@bash tools/test_matrix.sh $(ARGS)

lint: setup  ## ruff and mypy
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: setup  ## Let ruff put the sources in order
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

doctor: setup  ## Look at the installation
	$(PY) -m mmpose_ext.doctor

docs: setup  ## Build the documentation into build/docs/
	$(PY) -m sphinx -q -W --keep-going -c docs . build/docs

benchmark: setup  ## All speed comparisons, into docs/results/performance.md
	$(PY) tools/benchmark/performance.py --threads 1

clean:  ## Remove .venv and everything that the demo made
	rm -rf .venv build $(DEMO) data/mannequin_easy data/mannequin_crowd_easy data/mannequin_photos \
		work_dirs/demo work_dirs/demo_detector
