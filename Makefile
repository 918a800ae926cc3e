# Every command of a developer. `make` alone lists them.
# Needs only make and Python 3.11 or newer with its venv module; all else comes from the lock.

SHELL := /bin/sh
.DEFAULT_GOAL := list
.PHONY: list setup demo test quick all-tests examples check static format stories bench peers reference docs-check canary release-check lock clean find-python

# Where it is set, as in many containers, every process that the tests start compiles all of its modules anew.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
BENCH_STAMP := $(VENV)/.bench-done
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# One worker more than cores, since tests wait for servers, disks and browsers too; each takes its own stretch of the
# tests first, so that what a file of tests shares is mostly made once.
SIDE_BY_SIDE = -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal
# The first Python that is new enough and can make an environment; set PYTHON=... to choose.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	if $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo $$p; break; fi; done)

list: ## this list
	@echo "Consumer Fusion: commands"
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)$$/\1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

find-python:
	@test -n "$(PYTHON)" || { \
		echo "No Python 3.11 or newer with its venv module was found." >&2; \
		echo "Found: $$(python3 --version 2>&1 || true)." >&2; \
		echo "On Debian: apt install python3-venv. Or name one: make setup PYTHON=/path/to/python3.12" >&2; \
		exit 1; }

setup: $(STAMP) ## environment in .venv from the lock, every file checked by its hash

$(STAMP): pyproject.toml requirements.lock | find-python
	$(PYTHON) -m venv $(VENV)
	# The lock is whole, so nothing is resolved. Compiled on all cores, which pip does on one, but for what is hardly imported.
	$(PIP) install --no-compile --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m compileall -q -j 0 -x "/(tests|pip|setuptools|statsmodels|mypy|mypyc|graphql|lexers)/" $(VENV)/lib
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## a simulated town in ./demo-workspace (made anew each time), shown in a browser until Ctrl-C
	@$(BIN)/fusion demo --workspace demo-workspace

quick: setup ## the tests that cost little: no browser, no server of its own, nothing slow
	@$(BIN)/python scripts/compile_filters.py
	$(BIN)/pytest -q $(SIDE_BY_SIDE) -m "not slow and not browser and not process"

test: setup ## everything: the checks, all tests and the examples in the documents, side by side
	@$(MAKE) --no-print-directory --jobs 3 static all-tests examples

quick all-tests examples: export OPENBLAS_NUM_THREADS = 1
examples: export CONSUMER_FUSION_THREADS = 1
all-tests: setup
	@$(BIN)/python scripts/compile_filters.py  # once, instead of in each worker
	$(BIN)/pytest $(SIDE_BY_SIDE) --durations=20 --durations-min=1

examples: setup
	$(BIN)/pytest -q docs

check: static ## what must be green before a commit: format, lint, types, import direction, architecture
	$(BIN)/pytest -q tests/architecture

static: setup
	$(BIN)/ruff format --check --quiet . || { echo "Run make format." >&2; exit 1; }
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_architecture.py
	$(BIN)/python scripts/linters/portable_sql.py

format: setup ## write the code in the one format, sort imports, mend what can be mended
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .

stories: setup ## only the product's own stories, told one by one
	$(BIN)/pytest tests/stories -v --no-header -n 0

ifdef B
bench: $(BENCH_STAMP)
endif
bench: ## list the benchmarks; run one with make bench B=name A="its options"
ifdef B
	$(BIN)/python benchmarks/$(B).py $(A)
else
	@echo "Benchmarks; run one with: make bench B=name"
	@for f in $$(grep -l '__main__' benchmarks/*.py); do \
		name=$${f#benchmarks/}; \
		printf '  %-24s %s\n' "$${name%.py}" "$$(sed -n '1s/^"""//p' "$$f" | sed 's/"""$$//')"; done
endif

$(BENCH_STAMP): $(STAMP) requirements-bench.lock
	$(PIP) install --require-hashes -r requirements-bench.lock
	@touch $@

peers: | find-python ## an environment for the programs that benchmarks/cause.py is compared with, in .peers
	$(PYTHON) -m venv .peers
	.peers/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-peers.lock

reference: setup ## write the pages of docs/reference from the code
	$(BIN)/python scripts/write_reference.py

docs-check: setup ## run the examples in the documents, compare the documents with the code
	$(BIN)/python scripts/check_architecture.py
	$(BIN)/python scripts/write_reference.py --check
	$(BIN)/pytest -q docs
	$(BIN)/pytest -q tests/architecture/test_documentation.py tests/architecture/test_errors.py

canary: setup ## take the newest versions of everything in a copy, and test there
	rm -rf .canary && mkdir .canary
	git ls-files -co --exclude-standard | tar -c -T - | tar -x -C .canary
	$(BIN)/python .canary/scripts/lock.py --upgrade
	$(MAKE) -C .canary test

release-check: setup ## build the wheel, install it alone with the core's libraries, make the demo's town
	rm -rf dist .release && mkdir .release
	$(BIN)/python -m build --no-isolation --wheel --outdir dist .
	$(PYTHON) -m venv .release/venv
	sed -n 's/^\([A-Za-z0-9_.-]*==[^ ]*\).*/\1/p' requirements.lock > .release/constraints.txt
	.release/venv/bin/python -m pip --disable-pip-version-check --quiet install -c .release/constraints.txt dist/*.whl
	.release/venv/bin/python -m pip check
	cd .release && venv/bin/python -c "import consumer_fusion"
	cd .release && venv/bin/fusion version
	cd .release && venv/bin/fusion demo --no-serve --workspace workspace
	@echo "release-check: the wheel works alone."

lock: setup ## write the lock files again (newest versions: make lock UPGRADE=1)
	$(BIN)/python scripts/lock.py $(if $(UPGRADE),--upgrade)

clean: ## remove what `make` made
	rm -rf $(VENV) .peers demo-workspace build dist .canary .release
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
