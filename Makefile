# Everything runs in .venv, which `make setup` makes. `make demo` and `make test` set up by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: setup foreign demo test check pyright bench chaos kills docs clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Seawall needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Seawall and its tools into $(VENV) …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# Clients and servers of others that are not written in Python; the tests that need them skip without (not in CI).
foreign: tests/foreign/node_modules/.ready

tests/foreign/node_modules/.ready: tests/foreign/package.json
	npm install --prefix tests/foreign --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

demo: setup
	@$(BIN)/seawall demo $(ARGS)

test: setup
	$(BIN)/python -m pytest $(ARGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p seawall
	$(BIN)/mypy tests benchmarks
	PYTHONPATH=typing_view $(BIN)/lint-imports --no-cache

# A second opinion on types; fetches its own checker from the npm registry the first time.
pyright: setup
	$(BIN)/pyright

bench: setup
	PYTHONPATH=tests $(BIN)/python -m benchmarks $(ARGS)

# At least 26,000 episodes in virtual time, on all cores, in less than ten minutes on two.
chaos: setup
	$(BIN)/python -m pytest tests/chaos/test_episodes.py --chaos-long --timeout=0 $(ARGS)
	$(BIN)/python -m pytest tests/chaos --ignore=tests/chaos/test_episodes.py --ignore=tests/chaos/test_kills.py \
		--ignore=tests/chaos/test_kills_found.py --chaos-long --timeout=0 -n auto -q

# Two thousand real kills, of processes that share a ledger and of their database server; half an hour.
kills: setup
	$(BIN)/python -m pytest tests/chaos/test_kills.py tests/chaos/test_kills_found.py --chaos-kills --timeout=0 $(ARGS)

docs: setup
	@$(BIN)/seawall connectors --markdown > docs/connectors.md
	$(BIN)/python -m pytest tests/unit/docs tests/unit/test_catalog.py -q
	@echo "The pages are in docs/; their examples ran."

clean:
	rm -rf $(VENV) build dist *.egg-info src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
