# Two entrances for a newcomer, `make demo` and `make test`; `make check` and `make soak` for those who change things.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable
# All at once on every core, where pip compiles one file after the other; some packages hold templates that are no Python.
COMPILE := $(BIN)/python -W ignore -m compileall -q -j 0 .venv/lib engine adapters apps >/dev/null || true

.PHONY: help demo test check contracts security docs soak format clean

help:
	@echo "make demo   set up, and show the main job on an embedded NEM node"
	@echo "make test   set up, and run every test"
	@echo "make check  format, lint, types, import rules"
	@echo "make contracts  compile the settlement contracts"
	@echo "make security   fuzz them, and look for known faults"
	@echo "make docs   build the manual"
	@echo "make soak   the long runs"

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.demo: pyproject.toml | .venv/bin/python
	@echo "setting up (once) …"
	@$(INSTALL) '.[all]'
	@$(COMPILE)
	@touch $@

.venv/.test: pyproject.toml | .venv/bin/python
	@echo "setting up (once) …"
	@$(INSTALL) '.[test]'
	@$(COMPILE)
	@touch $@ .venv/.demo

.venv/.docs: pyproject.toml | .venv/bin/python
	@$(INSTALL) '.[all,docs]'
	@touch $@

demo: .venv/.demo
	@$(BIN)/sauma demo

# Compiled files are kept: tests start many processes.
test: export PYTHONDONTWRITEBYTECODE =
test: .venv/.test
	@sh tests/portal/chromium.sh
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: .venv/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python contracts/compile.py --check

contracts: .venv/.test
	$(BIN)/python contracts/compile.py

security: .venv/.test
	$(BIN)/python contracts/security.py

docs: .venv/.docs
	$(BIN)/sphinx-build -q -W docs docs/_build

soak: .venv/.test
	$(BIN)/python -m pytest -m soak

format: .venv/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
