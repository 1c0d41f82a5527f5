# Each target sets up what it needs in .venv, once, and again only when pyproject.toml has changed.
# No root, no uv: the Python and pip of the machine. PYTHON=... chooses another interpreter.

PYTHON ?= $(shell for each in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
BIN := .venv/bin
WORKERS ?= 3
TESTS ?= tests

.PHONY: demo test test-nightly bench lint format help
.DEFAULT_GOAL := help

help:
	@echo "make demo          import a sample dealer's files over SFTP into SQLite, and look at the result"
	@echo "make test          the tests that run on every change   (TESTS=path, WORKERS=n)"
	@echo "make test-nightly  those and the long ones"
	@echo "make bench         speed and memory, measured beside its peers"
	@echo "make lint          ruff and mypy;  make format  puts the layout right"

demo: .venv/ready-demo
	$(BIN)/feeds demo

test: .venv/ready-dev
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal $(TESTS)

test-nightly: .venv/ready-dev
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m 'nightly or not nightly' $(TESTS)

bench: .venv/ready-dev
	$(BIN)/python -m tests.bench

lint: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/ready-dev
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

# The stamp is written last: an installation that was cut short is done again.
.venv/ready-%: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Feeds needs Python 3.11 or newer, and none is on the PATH (or set PYTHON=...)."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@
