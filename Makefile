# What one does with a clone. Every target installs what it needs first, once; afterwards it runs offline.

PYTHON ?= python3
VENV ?= .venv
# Where torch comes from, when the index's own build is not the one wanted: arguments for pip, for example
#   make setup TORCH_FROM="--index-url ADDRESS-OF-THE-CPU-BUILDS"
TORCH_FROM ?=
DEMO ?= marrowscope-demo
IMAGE ?= marrowscope
BENCH ?=
PYTEST ?=
# The tests of a file share what is costly to make, so that a file goes to one process (PYTEST="-n 0": all in this one).
SIDE_BY_SIDE := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
LOCK ?=

BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input
# Everything but PyTorch is installed from the lock, file by file as its digest says, and nothing beside it.
LOCKED := $(INSTALL) --require-hashes --no-deps
LOCKS := requirements
PINS := pyproject.toml $(wildcard $(LOCKS)/*.txt)

.DEFAULT_GOAL := help
.PHONY: help setup web demo test test-core check format hooks docs shapes lock bench container verify-container dist bundle verify-dist verify-bundle audit clean

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "  make %-18s %s\n", $$1, $$2 }'

setup: $(VENV)/.stamp-full ## everything for development, PyTorch included, into .venv

demo: $(VENV)/.stamp-package ## nine synthetic patients end to end: table, confusion matrix, report
	@$(BIN)/marrowscope demo -o $(DEMO)

web: $(VENV)/.stamp-tools ## the review page of the service, when its sources have changed
	@$(BIN)/python packaging/page.py

test: check ## all checks and all tests, training and the service included; how much of the code they ran
	@sh packaging/test-machine.sh
	@$(BIN)/python packaging/documentation/manual.py
	@$(BIN)/python -m pytest -p tests.measured $(SIDE_BY_SIDE) $(PYTEST)

test-core: $(VENV)/.stamp-tools ## the tests that need no PyTorch
	@$(BIN)/python -m pytest --ignore=tests/training -m "not train" $(SIDE_BY_SIDE) $(PYTEST)

check: $(VENV)/.stamp-full ## style, types, import layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.stamp-tools ## rewrite the source in the project's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

hooks: $(VENV)/.stamp-full ## let git run the checks before every commit
	@$(INSTALL) --group hooks
	@$(BIN)/pre-commit install

docs: $(VENV)/.stamp-tools ## the documentation: pages that say what the code says, then all of it into the package
	@$(BIN)/python packaging/documentation/reference.py
	@$(BIN)/python packaging/documentation/manual.py

shapes: $(VENV)/.stamp-tools ## write the page's types after a change of the service's interface
	@$(BIN)/python packaging/shapes.py

lock: $(VENV)/.stamp-tools ## write requirements/ anew after a change of dependencies (newer versions: LOCK=--upgrade)
	@$(INSTALL) --group lock
	@$(BIN)/python packaging/lock.py $(LOCK)

bench: $(VENV)/.stamp-full ## speed and memory, beside other detectors, into docs/reference/costs.md (a part: BENCH="--only reading")
	@$(BIN)/python bench/speed/suite.py $(BENCH)

container: ## the image, built with docker, podman or buildah, whichever works here
	@sh packaging/build-container.sh $(IMAGE)

verify-container: $(VENV)/.stamp-package ## build and run the image without an engine (root, Debian), compare with the host
	@bash packaging/verify-container.sh --host-command $(BIN)/marrowscope

dist: $(VENV)/.stamp-python ## wheel and sdist into dist/, the same bytes whenever they are built
	@PYTHON=$(abspath $(BIN))/python sh packaging/dist.sh

bundle: $(VENV)/.stamp-python ## one archive into dist/ that installs on a machine without internet
	@PYTHON=$(abspath $(BIN))/python sh packaging/bundle.sh

verify-dist: $(VENV)/.stamp-python ## build twice and compare, install the wheel into a clean environment, run the demo
	@PYTHON=$(abspath $(BIN))/python bash packaging/verify-dist.sh

verify-bundle: ## install the newest archive without a network and use it (root)
	@bash packaging/verify-bundle.sh

audit: $(VENV)/.stamp-python ## compare what is released with known vulnerabilities (needs a network)
	@PYTHON=$(abspath $(BIN))/python sh packaging/audit.sh

clean: ## remove what the other targets made
	rm -rf $(VENV) $(DEMO) build dist src/marrowscope/web/dist src/marrowscope/web/manual src/marrowscope/web/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# One environment, three depths: each stamp says that its depth is installed and no older than the pins.

$(VENV)/.stamp-package: $(PINS) | $(VENV)/.stamp-python
	@echo "Installing marrowscope into $(VENV) (once) ..."
	@$(LOCKED) -r $(LOCKS)/install.txt
	@$(LOCKED) -r $(LOCKS)/package.txt
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.stamp-tools: $(VENV)/.stamp-package
	@echo "Installing the test tools and what the service needs (once) ..."
	@$(LOCKED) -r $(LOCKS)/service.txt -r $(LOCKS)/tools.txt
	@touch $@

# torch goes last and alone: what it shares with others is there by then, so TORCH_FROM decides about its build only.
$(VENV)/.stamp-full: $(VENV)/.stamp-tools
	@echo "Installing PyTorch and what training needs (once, minutes) ..."
	@$(LOCKED) -r $(LOCKS)/training.txt
	@$(INSTALL) $(TORCH_FROM) -r $(LOCKS)/torch.txt
	@touch $@

$(VENV)/.stamp-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "marrowscope needs Python 3.11 or newer, and $(PYTHON) is none. Name one: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: install its venv package" \
	       "(Debian and Ubuntu: apt install python3-venv) and try again." >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@
