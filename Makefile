# make run: an empty machine to a balanced bank. make ui: the Dagster UI on it. make test, make check: is it sound?
# Needs Python 3.11 or newer and nothing else; everything is installed into .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: run ui test check lint bench docs clean help

help:
	@echo "make run    fill an empty bank: 18 strata x 50 questions"
	@echo "make ui     database, Dagster UI and daemon, until Ctrl-C"
	@echo "make test   all tests"
	@echo "make check  tests, lint, types, import contracts (what .ci/run does)"
	@echo "make bench  benchmarks; results go to benchmarks/README.md"
	@echo "make clean  remove .venv (your questions in .qgen stay)"

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "qgen needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Installing pinned dependencies into $(VENV) (about a minute, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

run: $(STAMP)
	@$(BIN)/qgen auto-balance --fill

ui: $(STAMP)
	@$(BIN)/qgen up

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: test lint

bench: $(STAMP)
	$(BIN)/python -m benchmarks

docs: $(STAMP)
	@$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV)
