# The two commands of the README are `make demo` and `make test`; `make help` lists all.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test clients soak bench check format clean prerequisites postgresql
# What is missing is said before anything is made.
.NOTPARALLEL:

VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 5232
SOAK_SECONDS ?= 30
PYTEST_ARGS ?=
BENCH_ARGS ?=

help: ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

prerequisites:
	@bash .ci/prerequisites.sh base

postgresql:
	@bash .ci/prerequisites.sh postgresql

$(VENV)/.demo: pyproject.toml | prerequisites
	@bash .ci/environment.sh $(VENV) "" $@

$(VENV)/.test: pyproject.toml | prerequisites
	@bash .ci/environment.sh $(VENV) "[test]" $@

$(VENV)/.clients: pyproject.toml | prerequisites
	@bash .ci/environment.sh $(VENV) "[test,clients]" $@

$(VENV)/.check: pyproject.toml | prerequisites
	@bash .ci/environment.sh $(VENV) "[test,check]" $@

demo: $(VENV)/.demo ## a demonstration practice, served on 127.0.0.1:5232
	@$(BIN)/radicale-practice demo --directory .demo --port $(PORT)

test: postgresql $(VENV)/.test ## everything the tests need, then all tests
	@bash .ci/test.sh $(BIN) $(PYTEST_ARGS)

clients: postgresql $(VENV)/.clients ## the real CalDAV clients against a real server
	@bash tests/clients/install.sh
	@$(BIN)/pytest tests/clients $(PYTEST_ARGS)

soak: postgresql $(VENV)/.test ## the long proofs; SOAK_SECONDS=600 make soak for the long form
	@SOAK_SECONDS=$(SOAK_SECONDS) $(BIN)/pytest tests/soak $(PYTEST_ARGS)

bench: postgresql $(VENV)/.test ## our times beside stock Radicale's, in one run; fails if a required ratio is missed
	@$(BIN)/python -m bench --check $(BENCH_ARGS)

check: $(VENV)/.check ## format, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(VENV)/.check ## let ruff put the format right
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## remove what make made
	rm -rf $(VENV) .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
