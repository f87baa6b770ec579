# What a person types. Every target first sets up what it needs; where all is there already, that takes a blink.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
BIN := .venv/bin

.PHONY: help setup demo slurm test test-all lint format bench

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

setup: ## system libraries, .venv, GPAW, natrium (PYTHON=python3.13 chooses the Python)
	@bash .ci/setup

demo: setup ## the work function of Na(110): GPAW, embedded database, plot
	$(BIN)/natrium run na110

slurm: setup ## Debian's SLURM, for the laptop cluster (natrium cluster up) and for the tests
	@bash .ci/setup slurm

test: slurm ## the tests that take seconds
	$(BIN)/pytest -m "not slow"

test-all: slurm ## all tests, also those that take minutes
	$(BIN)/pytest

lint: setup ## style, types, and that imports go one way only
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@$(BIN)/python .ci/typing_tree.py
	$(BIN)/mypy | sed -E 's#^\.ci/typing/natrium/(analysis|hpc|structures|workflows)/#\1/#; s#^\.ci/typing/natrium/#cli/#'
	PYTHONPATH=.ci/typing $(BIN)/lint-imports --no-logo

format: setup ## let ruff put the style right
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: slurm ## time what matters
	@for script in benchmarks/*.py benchmarks/queue_overhead; do echo "== $$script"; $(BIN)/python "$$script"; done
