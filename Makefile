# Two commands do everything: `make run` and `make test`. `make help` lists the rest.
LOOKED_FOR := python3.11 python3.12 python3.13 python3
FITS := -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
# The first that runs and fits: a name on the PATH may be a stand-in that does not.
PYTHON ?= $(firstword $(foreach python,$(LOOKED_FOR),$(shell $(python) $(FITS) && echo $(python))))
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

.PHONY: help env run test coverage test-pythons lint soak fresh cluster faults bench lock contracts clean
.DEFAULT_GOAL := help

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# What a recipe that runs $(PYTHON) itself begins with.
define FITTING
@test -n "$(PYTHON)" && "$(PYTHON)" $(FITS) || { echo "Headwater needs Python 3.11, 3.12 or 3.13 with its venv (Debian: python3-venv)." >&2; \
echo "Looked for: $(if $(PYTHON),$(PYTHON),$(LOOKED_FOR)). Install one, or name one: make $(or $(MAKECMDGOALS),env) PYTHON=/path/to/python" >&2; exit 1; }
endef

$(STAMP): requirements.lock pyproject.toml
	$(FITTING)
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
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

ALONE := -n logical --dist worksteal -m "not integration and not soak"
STACK := -n 2 --dist loadfile --no-loadscope-reorder -m "integration and not soak"

test: env lint ## everything: lint, unit, contract, property and integration tests
	@$(BIN)/pytest $(ALONE) $(ARGS)
	@$(BIN)/pytest $(STACK) $(ARGS)

coverage: env ## what of the code these tests reach, in their own processes (up to three times as slow)
	@$(BIN)/pytest --cov --cov-report= $(ALONE) $(ARGS)
	@$(BIN)/pytest --cov --cov-append --cov-report=term $(STACK) $(ARGS)

test-pythons: ## the tests that need no stack, on every other supported Python that this machine has
	@for python in $(or $(PYTHONS),python3.11 python3.12 python3.13); do \
	    $$python $(FITS) || { echo "$$python: not here, or without venv"; continue; }; \
	    version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    if test "$$version" = "$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)"; then continue; fi; \
	    echo "Python $$version"; \
	    $(MAKE) --no-print-directory env VENV=.venv-$$version PYTHON=$$python || exit 1; \
	    .venv-$$version/bin/pytest $(ALONE) $(ARGS) || exit 1; \
	done

soak: env ## the long forms: reorgs, bad nodes, kills also two at a time and while starting, a hundred of them with rules and channels in force, sinks scaled while they die, blocks that every stage refused and their replay, hostile blocks, outages, alerts beside an undisturbed application, lost schemas, three brokers, a full disk; property tests with five times the examples (an hour and a half)
	@$(BIN)/pytest -m soak $(ARGS)
	@$(BIN)/pytest --hypothesis-profile=thorough $(ALONE) $(ARGS)
	@if command -v mmdebstrap >/dev/null; then $(MAKE) --no-print-directory fresh; else echo "make fresh: skipped, mmdebstrap is not installed"; fi

fresh: ## both commands of the README in minimal Debian 12 and 13, from nothing (root, mmdebstrap; about half an hour)
	$(FITTING)
	@$(PYTHON) -m tests.fresh $(or $(ROOTS),bookworm trixie)

cluster: env ## the chart on a real Kubernetes on this machine: install, upgrade, drain, kill, scaling by KEDA (root, Debian's containerd; half an hour of builds, once)
	@$(BIN)/python -m tests.cluster $(ARGS)

faults: env ## from fault to alert: each part paused, killed, cut off or filled under a real Prometheus and Alertmanager, in time lapse (half an hour)
	@$(BIN)/python -m tests.faults $(ARGS)

bench: env ## one table: records per second, CPU per record, against limits and peers
	@$(BIN)/python -m bench $(ARGS)

lock: env ## resolve pyproject.toml again into requirements.lock
	@$(BIN)/uv pip compile -q --all-extras --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 --upgrade pyproject.toml -o requirements.lock

contracts: ## compile the local chain's contracts again, with the pinned vyper in its own environment
	$(FITTING)
	@test -x build/vyper/bin/python || "$(PYTHON)" -m venv build/vyper
	@build/vyper/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r sandbox/traffic/contracts/requirements.txt
	@build/vyper/bin/python sandbox/traffic/contracts/compile.py

clean: ## remove the environment and local state of this checkout
	rm -rf $(VENV) .venv-3.* .headwater build dist *.egg-info
