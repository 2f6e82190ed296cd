# `make` alone lists what there is. Everything sets itself up on a fresh Debian machine.
BIN := .venv/bin
JOBS ?= 2
# A test that passes at its second try is listed as RERUN: a flake, to be mended.
PYTEST := $(BIN)/pytest -q -rfER --reruns 1

.PHONY: help setup check lint types unit test kernel demo bench soak clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

setup: ## virtual environment and Debian packages, all that `make test` needs
	tools/setup python host browser foreign database vm

check: lint types unit ## lint, types and unit tests: under a minute

lint:
	@tools/setup python
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types:
	@tools/setup python
	$(BIN)/mypy

unit:
	@tools/setup python
	$(BIN)/pytest -q -n $(JOBS) -m "not heavy" tests/authenticator tests/ctaphid tests/harness tests/test_*.py --ignore tests/harness/pytest_plugin --ignore tests/harness/fuzz

test: setup ## everything: foreign clients, real browsers, plays, a database, a virtual machine
	$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy
	$(PYTEST) -n $(JOBS) tests --ignore tests/kernel
	$(PYTEST) -n $(JOBS) scenarios
	tools/with-postgres $(PYTEST) tests/scenarios/exchange/test_operations.py
	$(PYTEST) tests/kernel

kernel: ## uhid with browsers, typing through uinput, BlueZ, in a virtual machine (a quarter of an hour)
	@tools/setup python vm host browser
	$(BIN)/pytest -q tests/kernel

demo: ## a first look, narrated, then every row of the five systems played in a real Chromium
	@tools/setup python browser
	@$(BIN)/python -m harness.demo
	@$(BIN)/stuntkey run -n $(JOBS) --fewest --coverage --report artifacts/demo

bench: ## speed, as ratios measured side by side in one run
	@tools/setup python foreign browser
	$(BIN)/python -m tests.benchmarks

soak: ## a million mutated packets and requests, kills and restarts of the store
	@tools/setup python
	$(BIN)/python -m tests.benchmarks.soak

clean: ## forget what setup made (Debian packages stay)
	rm -rf .venv .setup build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis artifacts
