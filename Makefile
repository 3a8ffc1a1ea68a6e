# Everything runs in .venv, which is made here; all it takes is Python >= 3.11 (with venv), git and make.
# Variables: PYTHON (which interpreter), JOBS (test processes), PYTEST_ARGS (passed on to pytest).

JOBS = 2
PYTEST_ARGS =
# Without bytecode, each run would compile all tests again.
export PYTHONDONTWRITEBYTECODE =

PYTEST = -m pytest -q -n $(JOBS) --dist worksteal

PYTHONS = python3 python3.14 python3.13 python3.12 python3.11
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check

FILE =

.PHONY: help demo test check test-lowest soak lint bench docs docs-serve clean
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile

demo: .venv/demo.stamp ## the demo project on SQLite, then the story of two git branches
	@PATH="$(CURDIR)/.venv/bin:$$PATH" sh scripts/demo.sh

test: .venv/dev.stamp ## all tests but the soak tests
	@.venv/bin/python $(PYTEST) $(PYTEST_ARGS)

check: .venv/dev.stamp ## the tests of one module, and lint: make check FILE=branchmig/planning/plan.py
	@test -n '$(FILE)' || { echo 'usage: make check FILE=branchmig/planning/plan.py' >&2; exit 2; }
	@.venv/bin/python -m ruff check $(FILE)
	@.venv/bin/python -m pytest -q -p no:xdist $(PYTEST_ARGS) $$(.venv/bin/python scripts/tests_of.py $(FILE))

soak: .venv/dev.stamp ## the tests that take minutes
	@.venv/bin/python $(PYTEST) -m soak $(PYTEST_ARGS)

test-lowest: .venv-lowest/dev.stamp ## all tests with the oldest dependencies that pyproject.toml allows
	@.venv-lowest/bin/python $(PYTEST) $(PYTEST_ARGS)

lint: .venv/dev.stamp ## ruff, mypy, import-linter
	@.venv/bin/python -m ruff check
	@.venv/bin/python -m ruff format --check
	@.venv/bin/python -m mypy
	@.venv/bin/lint-imports --no-logo

bench: .venv/dev.stamp ## whole commands beside alembic's, as ratios
	@.venv/bin/python -m benchmarks

# The notices are those of mkdocs-material about other generators.
docs: .venv/docs.stamp ## the documentation as a site, in build/site; only its search needs a server
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs --quiet build --strict
	@echo build/site/index.html

docs-serve: .venv/docs.stamp ## the same on http://127.0.0.1:8000, built anew when a page changes
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs serve --strict

clean: ## remove the environments, caches and builds
	@rm -rf .venv .venv-lowest .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find branchmig tests benchmarks scripts migrations -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

.venv/demo.stamp: pyproject.toml | .venv/bin/python
	@.venv/bin/python $(PIP_INSTALL) --editable .
	@touch $@

.venv/dev.stamp: pyproject.toml | .venv/bin/python
	@.venv/bin/python $(PIP_INSTALL) --editable '.[dev]'
	@touch $@

.venv/docs.stamp: pyproject.toml | .venv/bin/python
	@.venv/bin/python $(PIP_INSTALL) --editable '.[docs]'
	@touch $@

.venv-lowest/dev.stamp: pyproject.toml constraints-lowest.txt | .venv-lowest/bin/python
	@.venv-lowest/bin/python $(PIP_INSTALL) --constraint constraints-lowest.txt --editable '.[dev]'
	@touch $@

# The oldest dependencies have wheels for the oldest Python alone, so that one is looked for first.
.venv-lowest/bin/python: PYTHONS := python3.11 $(PYTHONS)

# A name on PATH may be a shim without a Python behind it, and Debian's python3 may lack ensurepip: both are asked.
.venv/bin/python .venv-lowest/bin/python: VENV = $(patsubst %/bin/python,%,$@)
.venv/bin/python .venv-lowest/bin/python:
	@for python in $(or $(PYTHON),$(PYTHONS)); do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    "$$python" -c 'import ensurepip, venv' 2>/dev/null || { lacking="$$python"; continue; }; \
	    rm -rf $(VENV); "$$python" -m venv $(VENV) && exit 0; \
	    rm -rf $(VENV); exit 1; \
	done; \
	if [ -n "$$lacking" ]; then echo "error: $$lacking cannot make virtual environments" >&2; \
	    echo "hint:  install its venv module, on Debian: apt-get install python3-venv" >&2; \
	else echo "error: no Python >= 3.11 among: $(or $(PYTHON),$(PYTHONS))" >&2; \
	    echo "hint:  install one, or name it: make PYTHON=/path/to/python3" >&2; fi; exit 1
