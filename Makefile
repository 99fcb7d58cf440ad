# Two commands do all the set-up: `make demo` and `make test`. Both need Python 3.11+, make and the package registries.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
DEPTH ?= 2
RUNS ?= 10
MINUTES ?= 10
SEED ?= 1
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(RUNTIME): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

install: $(RUNTIME) ## the locked dependencies into .venv

demo: $(RUNTIME) ## the whole system on embedded parts (ARGS="--once" for unattended)
	$(BIN)/hourstream demo $(ARGS)

test: $(DEV) ## the whole test suite (ARGS="-k name" to choose)
	$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

faults: $(DEV) ## histories of random faults (RUNS=200 SEED=1; ARGS='--only "redis killed"' for one fault)
	$(BIN)/python -m tests.faults.run --runs $(RUNS) --seed $(SEED) $(ARGS)

model: $(DEV) ## every history of two workers and one or two invoices within a bound (DEPTH=2: faults a history)
	$(BIN)/python -m tests.model --depth $(DEPTH) $(ARGS)

check: $(DEV) ## lint, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(DEV) ## write the format that `make check` asks for
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

conformance: $(DEV) ## the stand-ins, checked by npm clients that others wrote (needs Node.js 20 or newer)
	@command -v npm >/dev/null || { echo "make conformance needs Node.js 20 or newer with npm: install it and try again." >&2; exit 1; }
	cd tests/conformance/node && npm ci --silent --no-audit --no-fund
	$(BIN)/python -m pytest tests/conformance --conformance $(ARGS)

browser: $(DEV) ## the console in Chromium: a newcomer's whole story, pictures of each page, accessibility
	@test -n "$$CHROMIUM" || command -v chromium || command -v chromium-browser || command -v google-chrome || apt-get install -y chromium || \
		{ echo "make browser needs Chromium, and apt-get could not install it here: install it by hand, or set CHROMIUM to where it is." >&2; exit 1; }
	$(BIN)/python -m pytest tests/browser --browser $(ARGS)

bench: $(RUNTIME) ## the figures of the README, as ratios against something run beside them
	$(BIN)/python -m benchmarks.intake
	$(BIN)/python -m benchmarks.calls
	$(BIN)/python -m benchmarks.console

soak: $(RUNTIME) ## changes and stream faults for MINUTES=10, over each door in turn: nothing missed, memory flat
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) --seed $(SEED)

proto: ## regenerate eventbus/*_pb2* from eventbus/pubsub_api.proto, with the oldest tools the ranges admit
	$(PYTHON) -m venv .venv-proto
	.venv-proto/bin/pip install --quiet grpcio-tools==1.85.1 mypy-protobuf
	.venv-proto/bin/python -m grpc_tools.protoc -I . --python_out=. --grpc_python_out=. --pyi_out=. eventbus/pubsub_api.proto

lock: ## resolve pyproject.toml anew into the two lock files (hashes, no index addresses)
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet uv
	.venv-lock/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade -o requirements.lock --quiet
	.venv-lock/bin/uv pip compile pyproject.toml --extra dev -c requirements.lock --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-dev.lock --quiet

clean: ## remove what make made
	rm -rf $(VENV) .venv-proto .venv-lock build *.egg-info .mypy_cache .ruff_cache .pytest_cache tests/conformance/node/node_modules

.PHONY: help install demo test faults model check format conformance browser bench soak proto lock clean
