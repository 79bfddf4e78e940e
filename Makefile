# Two commands do everything: `make run` and `make test`. `make help` lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

.PHONY: help env run test lint soak bench lock contracts clean
.DEFAULT_GOAL := help

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Headwater needs Python 3.11: set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "environment: installing the locked dependencies into $(VENV) (about 1.5 GB, once)"
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	@$(PIP) --require-hashes -r $(VENV)/uv.lock
	@index="$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}"; \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --system-certs $${index:+--default-index "$$index"} \
	    --require-hashes --no-deps --compile-bytecode -r requirements.lock \
	|| { echo "environment: uv cannot install it, trying pip" >&2; $(PIP) --require-hashes -r requirements.lock; }
	@$(PIP) --no-build-isolation -e .
	@touch $@

env: $(STAMP) ## make .venv with the locked, hashed dependencies

run: env ## the whole pipeline on the local stack, with a live screen
	@$(BIN)/headwater up $(ARGS)

lint: env ## ruff, mypy strict, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: env lint ## everything: lint, unit, contract, property and integration tests
	@$(BIN)/pytest --cov --cov-report= -n logical --dist worksteal -m "not integration and not soak" $(ARGS)
	@$(BIN)/pytest --cov --cov-append --cov-report=term -m "integration and not soak" $(ARGS)

soak: env ## the long forms: five minutes of reorgs, twenty kills, paused processes, three brokers, a full disk
	@$(BIN)/pytest -m soak $(ARGS)

bench: env ## one table: records per second, CPU per record, against limits and peers
	@$(BIN)/python -m bench $(ARGS)

lock: env ## resolve pyproject.toml again into requirements.lock
	@$(BIN)/uv pip compile -q --all-extras --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --upgrade pyproject.toml -o requirements.lock

contracts: ## compile the local chain's contracts again, with the pinned vyper in its own environment
	@test -x build/vyper/bin/python || $(PYTHON) -m venv build/vyper
	@build/vyper/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r sandbox/traffic/contracts/requirements.txt
	@build/vyper/bin/python sandbox/traffic/contracts/compile.py

clean: ## remove the environment and local state of this checkout
	rm -rf $(VENV) .headwater build dist *.egg-info
