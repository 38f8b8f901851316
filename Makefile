# `make` lists the targets. Everything happens in $(VENV); nothing outside this directory is touched.

PYTHON ?= python3
VENV ?= .venv
HOST ?= 127.0.0.1
PORT ?= 2024
# The server's flags. `make run RUN_FLAGS=--no-browser` reloads when a file changes.
RUN_FLAGS ?= --no-browser --no-reload --n-jobs-per-worker 10
# Passed on to whatever the target runs: make test ARGS="-k peek", make chat ARGS="--user ana"
ARGS ?=
# A LoCoMo pack, for benchmarks on real conversations: make results DATA=DIR
DATA ?=
WARMGRAPH_DB ?= $(CURDIR)/.warmgraph/memory.db

BIN := $(VENV)/bin
STAMP := $(VENV)/.warmgraph-setup
# What benchmarks compare with: too much for everybody's set-up.
PEERS := $(VENV)/.warmgraph-peers
EXTRAS := dev,langchain,postgres,server
CODE := src graphs tests notebooks
# Settings in .env reach the terminal client as they reach the server, read by the same parser.
WITH_ENV = $(if $(wildcard .env),$(BIN)/dotenv run --,)

# `langgraph dev` takes any other port when its own is taken, and says so in one line of many: clients would not find it.
define CHECK_PORT
import errno, socket, sys
host, port = sys.argv[1:]
if not port.isdecimal() or int(port) > 65535:
    sys.exit(f"PORT: expected a number up to 65535, got {port!r}")
with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((host, int(port)))
    except OSError as error:
        why = f"cannot be used: {error.strerror}"
        if error.errno == errno.EADDRINUSE:
            why = "is taken, perhaps by another `make run`"
        sys.exit(f"Port {port} of {host} {why}. Choose another: make run PORT={'8024' if port == '2024' else '2024'}")
endef
export CHECK_PORT

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Use it

.PHONY: setup
setup: $(STAMP) ## Prepare .venv (quick when nothing changed)
	@echo "$(VENV) is ready. Next: make run, make demo or make test."

.PHONY: run
run: export WARMGRAPH_DB := $(WARMGRAPH_DB)
# Offline means offline: the server neither looks for a newer version of itself nor reports that it was started.
run: export LANGGRAPH_NO_VERSION_CHECK := true
run: export LANGGRAPH_CLI_NO_ANALYTICS := 1
run: $(STAMP) ## Serve the memory agent with `langgraph dev` (HOST, PORT, WARMGRAPH_DB)
	@mkdir -p "$(dir $(WARMGRAPH_DB))"
	@"$(BIN)/python" -c "$$CHECK_PORT" "$(HOST)" "$(PORT)"
	$(BIN)/langgraph dev $(RUN_FLAGS) --host $(HOST) --port $(PORT) $(ARGS)

.PHONY: demo
demo: $(STAMP) ## Replay a conversation, then ask what was remembered
	$(WITH_ENV) $(BIN)/warmgraph demo $(ARGS)

.PHONY: chat
chat: export WARMGRAPH_DB := $(WARMGRAPH_DB)
chat: $(STAMP) ## Talk to the agent in the terminal
	@mkdir -p "$(dir $(WARMGRAPH_DB))"
	$(WITH_ENV) $(BIN)/warmgraph chat $(ARGS)

.PHONY: guide
guide: $(STAMP) ## Write the guide, one HTML page, from the graphs and bench/results
	$(BIN)/warmgraph guide --documents docs/operations.md
	$(BIN)/warmgraph guide $(ARGS)

.PHONY: bench
bench: $(STAMP) ## Measure what the graph costs over a bare one
	$(BIN)/warmgraph bench turn $(ARGS)

.PHONY: bench-store
bench-store: $(PEERS) ## Measure the stores beside other stores (ARGS="--quick" for a look)
	$(BIN)/warmgraph bench store $(ARGS)

.PHONY: results
results: $(PEERS) ## Measure anew what the README says, into bench/results
	@mkdir -p bench/results
	$(BIN)/warmgraph demo --json bench/results/demo.json >/dev/null
	$(BIN)/warmgraph bench turn --json bench/results/turn.json
	$(BIN)/warmgraph bench store --json bench/results/store.json --chart bench/results/store.svg
	$(if $(WARMGRAPH_DATA),$(BIN)/warmgraph bench replay --data "$(WARMGRAPH_DATA)" --json bench/results/replay.json \
		--chart bench/results/replay.svg,@echo "WARMGRAPH_DATA names no LoCoMo pack: bench/results/replay.json stays.")
	$(BIN)/warmgraph bench reflection --json bench/results/reflection.json
	$(BIN)/warmgraph bench inline --json bench/results/inline.json
	$(BIN)/warmgraph bench buffer --json bench/results/buffer.json
	$(BIN)/warmgraph bench import --json bench/results/import.json
	$(BIN)/warmgraph bench upkeep --json bench/results/upkeep.json
	$(BIN)/warmgraph bench packing --json bench/results/packing.json --chart bench/results/packing.svg
	$(BIN)/warmgraph bench compare --vectors none --json bench/results/compare.json --chart bench/results/compare.svg
	$(if $(DATA),$(MAKE) results-conversations,@echo "make results DATA=DIR measures recall in real conversations, too.")

# A LoCoMo pack is not ours to ship. Vectors come from all-MiniLM-L6-v2 where it is installed, else from the pack.
.PHONY: results-conversations
results-conversations: $(PEERS)
	@test -n "$(DATA)" || { echo "Name a LoCoMo pack: make results-conversations DATA=DIR" >&2; exit 1; }
	$(BIN)/warmgraph bench locomo --data "$(DATA)" --json bench/results/locomo.json
	$(BIN)/warmgraph bench packing --data "$(DATA)" --json bench/results/locomo/packing.json --chart bench/results/locomo/packing.svg
	$(BIN)/warmgraph bench compare --data "$(DATA)" --json bench/results/locomo/compare.json --chart bench/results/locomo/compare.svg
	$(BIN)/warmgraph bench run --select A2 A3 --data "$(DATA)" --json bench/results/locomo/run.json --charts bench/results/locomo

##@ Work on it

.PHONY: test
test: $(STAMP) ## All quick tests, doctests included
	$(BIN)/python -m pytest $(ARGS)

.PHONY: check
check: lint types layers notebooks wheel ## All gates that are not tests: lint, types, layers, notebooks, wheel

.PHONY: lint
lint: $(STAMP)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

.PHONY: types
types: $(STAMP)
	$(BIN)/mypy
	@# It looks for the package with the first python on the path; told one with --pythonpath, it finds none.
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/basedpyright --verifytypes warmgraph --ignoreexternal

.PHONY: layers
layers: $(STAMP)
	$(BIN)/lint-imports --no-logo

.PHONY: notebooks
notebooks: $(STAMP)
	$(BIN)/python -m pytest -m notebooks tests/notebooks

.PHONY: wheel
wheel: $(STAMP)
	$(BIN)/python -m pytest -m wheel tests/packaging

.PHONY: test-tiers
test-tiers: $(STAMP) ## The slow tiers that fit into CI: server, browser, faults
	$(BIN)/python -m pytest -m "(server or browser or faults) and not slow" $(ARGS) tests

.PHONY: test-all
test-all: check ## Every gate and every test, slow ones too
	$(BIN)/python -m pytest -m "not (notebooks or wheel)" $(ARGS)

.PHONY: format
format: $(STAMP) ## Format the code and fix what can be fixed
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

.PHONY: constraints
constraints: ## Write constraints.txt anew from the newest releases
	@venv=$$(mktemp -d) && trap 'rm -rf "$$venv"' EXIT && set -e; \
	"$(PYTHON)" -m venv "$$venv"; \
	"$$venv/bin/python" -m pip install --quiet --disable-pip-version-check ".[$(EXTRAS),bench]"; \
	"$$venv/bin/python" -m pip list --disable-pip-version-check --format=freeze \
		--exclude pip --exclude warmgraph > "$$venv/versions"; \
	{ echo '# Releases that are tested together, for `make setup`. Written by `make constraints`: names and versions,'; \
	  echo '# no addresses, so any package index will do.'; \
	  grep -E '^[A-Za-z0-9._-]+==[^ ]+$$' "$$venv/versions"; } > constraints.txt
	@echo "constraints.txt names $$(grep -c == constraints.txt) packages."

.PHONY: clean
clean: ## Remove what builds and test runs left (not .venv, not your memories)
	rm -rf build dist .hypothesis .import_linter_cache .langgraph_api .mypy_cache .pytest_cache .ruff_cache
	find $(CODE) -type d \( -name __pycache__ -o -name .ipynb_checkpoints -o -name .langgraph_api \) -prune -exec rm -rf {} +

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ------------------------------------------------------------------------------------------------------- setup

$(STAMP): pyproject.toml constraints.txt
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "No $(PYTHON) here. warmgraph needs Python 3.11 or newer: make setup PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "warmgraph needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" -V 2>&1)." >&2; \
		echo "Name another one: make setup PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' || { \
		echo "$(PYTHON) lacks the modules venv and ensurepip (on Debian and Ubuntu: the package python3-venv)." >&2; exit 1; }
	@echo "Setting up $(VENV) with $$("$(PYTHON)" -V). The first time takes a minute or two."
	@"$(BIN)/python" -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv "$(VENV)"
	@"$(BIN)/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(VENV) was made by $$("$(BIN)/python" -V), which is too old: remove it and run make setup again." >&2; exit 1; }
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$(EXTRAS)]"
	@touch $@

$(PEERS): $(STAMP) pyproject.toml
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench]"
	@touch $@
