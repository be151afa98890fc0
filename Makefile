# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
ROOMS := policies connectors enclaves sandbox
# A stamp per lock: installing again happens only when the lock changed.
DEMO_STAMP := $(VENV)/.installed-demo
DEV_STAMP := $(VENV)/.installed-dev

# Other systems' code, for comparison only: their pins clash with ours, so they never meet in one environment.
PEERS := .peers
PEERS_STAMP := $(PEERS)/.installed

.PHONY: demo test check long mutants bench growth lint types contracts requirements lock clean help

help:
	@echo 'make demo          install and run the whole promise on real data'
	@echo 'make test          install and run the tests (under 10 minutes on 2 cores)'
	@echo 'make check         format, lint, types, import contracts, tests with branch coverage'
	@echo 'make long          the long runs: more crashes, more examples'
	@echo 'make mutants       how many mutants of the modules that say no the tests kill; resumes where it stopped'
	@echo 'make bench         the figures of docs/benchmarks.md'
	@echo 'make growth        10^5 to 10^7 subjects over partitions, and their chart'
	@echo 'make requirements  which core requirements of the plan have a test'

$(BIN)/python:
	@test -n '$(PYTHON)' || { echo 'domicile needs Python 3.11 or later on the PATH' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'domicile needs Python 3.11 or later, found '"`$(PYTHON) --version`" >&2; exit 1; }
	@echo '── creating $(VENV) with '"`$(PYTHON) --version`"
	@$(PYTHON) -m venv $(VENV)

$(DEMO_STAMP): locks/demo.txt pyproject.toml | $(BIN)/python
	@echo '── installing what runs (locked, hashes checked)'
	@$(BIN)/python -m pip install --progress-bar on --require-hashes --no-deps -r locks/demo.txt
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): locks/dev.txt pyproject.toml | $(BIN)/python
	@echo '── installing what runs and what tests (locked, hashes checked)'
	@$(BIN)/python -m pip install --progress-bar on --require-hashes --no-deps -r locks/dev.txt
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@ $(DEMO_STAMP)

$(PEERS_STAMP): locks/peers.txt | $(BIN)/python
	@echo '── installing the peers that are measured beside us, in $(PEERS)'
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --progress-bar on --require-hashes --no-deps -r locks/peers.txt
	@touch $@

demo: $(DEMO_STAMP)
	@$(BIN)/domicile demo

test: $(DEV_STAMP)
	@$(BIN)/python -m pytest -n 2 -m 'not long' $(PYTEST_ARGS)

lint: $(DEV_STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(DEV_STAMP)
	@$(BIN)/mypy

contracts: $(DEV_STAMP)
	@$(BIN)/lint-imports

check: lint types contracts
	@$(MAKE) --no-print-directory test PYTEST_ARGS='--cov --cov-branch --cov-report=term:skip-covered'

long: $(DEV_STAMP)
	@HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -m long

mutants: $(DEV_STAMP)
	@$(BIN)/mutmut run $(MUTANTS)
	@$(BIN)/mutmut export-cicd-stats

bench: $(DEV_STAMP) $(PEERS_STAMP)
	@$(BIN)/domicile bench score --mode masked --subjects 300000 --domains 3
	@$(BIN)/domicile bench score --mode bfv --subjects 300000 --domains 3
	@$(BIN)/domicile bench policy
	@$(BIN)/domicile bench protocols --peers $(PEERS)/bin/python
	@$(MAKE) --no-print-directory growth

# One measurement of growth and the chart of docs/benchmarks.md; its stores lie in TMPDIR, a few gigabytes for a while.
growth: $(DEV_STAMP)
	@$(BIN)/domicile bench scale --json > growth.json
	@$(BIN)/python -m sandbox.growth growth.json docs/images/growth.svg
	@cat growth.json && rm growth.json

requirements: $(DEV_STAMP)
	@$(BIN)/python -m tests.requirements

# The locks name versions and hashes and no index.
lock:
	@for set in demo dev; do \
	  extra='--extra demo'; test $$set = dev && extra="$$extra --extra cluster --extra dev"; \
	  pip-compile -q --upgrade --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-trusted-host \
	    --no-emit-find-links --no-emit-options --no-header --annotation-style=line $$extra -o locks/$$set.txt pyproject.toml locks/build.in; \
	done
	@pip-compile -q --upgrade --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-trusted-host \
	  --no-emit-find-links --no-emit-options --no-header --annotation-style=line -o locks/peers.txt locks/peers.in

clean:
	@rm -rf $(VENV) $(PEERS) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage*
