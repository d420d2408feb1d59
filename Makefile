# Needs make and Python 3.11 to 3.13, nothing else. Each environment is made once from requirements
# pinned with hashes, and made anew when those change.

PYTHON ?= python3
LIBRARY ?= examples/library

RUN := .venv/bin
DEV := .venv-dev/bin

# Python keeps what it has compiled, even where the shell forbids it: each start would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test suite lint types unit bench lock clean

help:  ## Show what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' Makefile

run: export LIBRARY_ROOTS = $(LIBRARY)
run: .venv/.ready  ## Serve LIBRARY (default: the examples) on 127.0.0.1:8000
	@$(RUN)/lora-manager serve

# More processes than two cores have: a quarter of the time goes to waiting for servers. The tests of one file stay
# together, and share theirs. In the order of the folders: the many quick ones come last, so that all end together.
test: lint  ## Run every check and every test
	@$(MAKE) --no-print-directory --jobs 2 types suite

suite: .venv-dev/.ready
	$(DEV)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

lint: .venv-dev/.ready  ## Check style, formatting and the import rules
	$(DEV)/ruff check
	$(DEV)/ruff format --check
	$(DEV)/lint-imports --no-logo

types: .venv-dev/.ready  ## Check types
	$(DEV)/mypy --num-workers auto

unit: .venv-dev/.ready  ## Run only the tests that need no server
	$(DEV)/pytest tests/unit

bench: .venv-dev/.ready  ## Measure against the floors
	$(DEV)/python -m benchmarks

# LOCK_FLAGS=--upgrade takes the newest versions; without it, only what pyproject.toml asks for moves.
# The server's set takes its versions from the development set: what is served is what was tested.
LOCK = $(DEV)/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock' --group build $(LOCK_FLAGS) pyproject.toml

lock: .venv-dev/.ready  ## Pin the requirements again
	$(LOCK) --extra dev --output-file requirements/dev.txt
	$(LOCK) --extra server --constraint requirements/dev.txt --output-file requirements/server.txt

clean:  ## Remove the environments and caches, never the data
	rm -rf .venv .venv-dev .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist

# The requirements are complete, so there is nothing to resolve; what is used is compiled when it is first used.
INSTALL = $(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile

.venv/.ready: requirements/server.txt
.venv-dev/.ready: requirements/dev.txt
.venv/.ready .venv-dev/.ready:
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit("Python 3.11 to 3.13 is needed; name yours: make PYTHON=python3.12 ...")'
	@echo 'Making $(@D) from $< (once)'
	@$(PYTHON) -m venv --clear $(@D)
	@$(INSTALL) --only-binary :all: --require-hashes --requirement $<
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@
