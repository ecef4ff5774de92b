# One definition of everything: pre-commit and CI call these targets and nothing else.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

VENV := .venv
BIN := $(VENV)/bin
CORE := $(VENV)/.stamp-core
DEV := $(VENV)/.stamp-dev
DEEP := $(VENV)/.stamp-deep
# A development install has all that the demo needs.
RUN := $(firstword $(wildcard $(DEV)) $(CORE))
# mypy reads these, where they exist.
TYPED := $(wildcard src benchmarks scripts)

# An interpreter that runs and is new enough: the one in .venv first, or PYTHON=... from the command line.
USABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in $(BIN)/python python3 python3.13 python3.12 python3.11; do \
	if $$p -c '$(USABLE)' 2>/dev/null; then echo $$p; break; fi; done)
UV := $(shell command -v uv)
AS_ROOT := $(shell [ "$$(id -u)" -eq 0 ] || echo sudo)

ifdef UV
INSTALL := VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet
else
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input
endif
install = $(INSTALL) --require-hashes -r $(1) && $(INSTALL) --no-deps --no-build-isolation -e .

.PHONY: help paper demo lab e2e deep benchmark benchmark-small test check lint types structure fix golden bench bench-flows bench-live soak picture lock ci clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 18

demo: $(RUN) ## scan the capture that ships with minewatch and say what was found, and why
	$(BIN)/minewatch demo

# Root makes namespaces; no packet leaves them, and they go with the command.
lab: $(DEV) ## run a lab of one minute in which every dialect is spoken, and check every label (root)
	@$(AS_ROOT) rm -rf build/lab
	$(AS_ROOT) $(BIN)/minewatch lab run --servers 12 --minutes 1 --evasion all --out build/lab
	@$(AS_ROOT) chown -R "$$(id -u):$$(id -g)" build
	$(BIN)/minewatch label --check build/lab

e2e: $(DEV) ## from end to end in namespaces: a miner is told of, cut off and let back (root, five minutes)
	$(AS_ROOT) $(BIN)/python -m pytest -p no:cacheprovider tests/e2e/live.py

paper: $(DEV) ## the paper's report from a composition of 4,000, into build/paper (half a minute)
	@rm -rf build/paper
	$(BIN)/minewatch reproduce --small --out build/paper

deep: $(DEEP) ## install PyTorch, which only the training of the sequence network needs

# LABELS: labels files and folders of runs; MORE: other options, such as --cesnet and --cache.
benchmark: $(DEEP) ## the benchmark over sources left out, into build/benchmark: make benchmark LABELS='...'
	@test -n "$(LABELS)" || { echo "make benchmark LABELS='labels.tsv RUN...': name what to measure on; see docs/how-to/run-the-benchmark.md" >&2; exit 1; }
	$(BIN)/minewatch evaluate $(LABELS) --out build/benchmark --workers 2 $(MORE)

benchmark-small: $(DEEP) ## a small benchmark of simulated traffic, into build/benchmark-small
	@rm -rf build/benchmark-small
	$(BIN)/minewatch evaluate --small --out build/benchmark-small

check: lint types test ## the definition of clean: style, types and every test

lint: $(DEV) ## ruff: format and rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(DEV) ## mypy --strict
	$(BIN)/mypy --strict $(TYPED)

test: $(DEV) ## every test and every example in a docstring; a warning is an error
	$(BIN)/python -m pytest

structure: $(DEV) ## only the tests of layers, mirrored tests, docstrings and documents (seconds)
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_mirror.py tests/test_docstrings.py tests/test_docs.py

fix: $(DEV) ## format, and repair what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: $(DEV) ## rewrite the expected files under tests/golden; read the diff
	$(BIN)/python -m pytest -q --golden tests

bench: $(DEV) ## speed against peers, with the numbers of this machine
	$(BIN)/python benchmarks/bench.py

bench-flows: $(DEV) ## speed on flow logs and NetFlow against peers, and what the collector loses
	$(BIN)/python benchmarks/flows_aws.py
	$(BIN)/python benchmarks/flows_netflow.py
	$(BIN)/python benchmarks/flows_collector.py

bench-live: $(DEV) ## packets a second from an interface against tcpdump and a plain ring (root, tcpdump, cc)
	$(AS_ROOT) $(BIN)/python benchmarks/live.py

# Root makes namespaces; no packet leaves them, and they go with the command.
soak: $(DEV) ## watch for an hour under load and faults, into build/soak (root, postgresql)
	$(AS_ROOT) $(BIN)/python benchmarks/soak.py --out build/soak
	@$(AS_ROOT) chown -R "$$(id -u):$$(id -g)" build

picture: $(DEV) ## draw the README's picture again
	$(BIN)/python scripts/make_picture.py

# Pins stay as they are unless asked: make lock UPGRADE=--upgrade, or UPGRADE='--upgrade-package numpy'.
lock: ## write the lock files from pyproject.toml
	@test -n "$(UV)" || $(PYTHON) -m pip install -qq --target $(VENV)/lock uv
	@export UV_CUSTOM_COMPILE_COMMAND='make lock'; \
	compile() { "$(or $(UV),$(VENV)/lock/bin/uv)" pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --group build $(UPGRADE) "$$@"; }; \
	compile --extra dev -o requirements-dev.lock pyproject.toml; \
	compile -c requirements-dev.lock -o requirements.lock pyproject.toml

ci: ## what continuous integration runs
	.ci/run

clean: ## remove what these targets made, and .venv
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(BIN)/python:
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(USABLE)' 2>/dev/null || { echo "minewatch needs Python 3.11 or newer with venv: none found (try: make PYTHON=/path/to/python3)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(CORE): requirements.lock pyproject.toml | $(BIN)/python
	$(call install,requirements.lock)
	@touch $@

$(DEV): requirements-dev.lock pyproject.toml | $(BIN)/python
	$(call install,requirements-dev.lock)
	@touch $@

# Without hashes: builds of PyTorch for processors and for graphics cards share one version.
$(DEEP): requirements-deep.lock $(DEV)
	$(INSTALL) -r requirements-deep.lock
	@touch $@
