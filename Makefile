# Thin skins over plain commands, which the README shows too. uv is used where it is on the PATH.

BIN := .venv/bin
PYTHON ?= python3

.PHONY: help setup chapters test lint lab lab-test render sync site clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The stamp is written last: an installation that was cut off is begun anew.
.venv/ready: pyproject.toml
	@if command -v uv >/dev/null; then \
	    uv venv --quiet --allow-existing --python $(PYTHON) .venv && \
	    uv pip install --quiet --python $(BIN)/python -e ".[book,test]"; \
	else \
	    $(PYTHON) -m venv .venv && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[book,test]"; \
	fi
	@touch $@

setup: .venv/ready  ## a virtual environment in .venv with everything that is needed

# One thread: products as small as these gain little from a second, and lose very much where another program is busy.
chapters test: export OPENBLAS_NUM_THREADS ?= 1

chapters: setup  ## run all notebooks end to end; results in build/quick
	$(BIN)/netlib run

test: .venv/ready-site lint  ## unit tests, guards, and the committed notebooks against a fresh run
	$(BIN)/python -m pytest

lint: setup  ## style and common mistakes
	$(BIN)/ruff check
	$(BIN)/ruff format --check

lab: setup  ## read the notebooks in JupyterLab
	$(BIN)/jupyter lab chapters

sync: setup  ## bring the two files of each notebook in step; the one edited last wins
	$(BIN)/jupytext --sync chapters/[0-9][0-9]_*.py

render: setup  ## make the committed notebooks anew from the .py files
	$(BIN)/netlib render

# What only the site, or the tests in a browser, need is installed beside the rest, when it is needed first.
.venv/ready-%: .venv/ready
	@if command -v uv >/dev/null; then \
	    uv pip install --quiet --python $(BIN)/python -e ".[$*]"; \
	else \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"; \
	fi
	@touch $@

lab-test: .venv/ready-lab  ## every notebook in JupyterLab, in a browser (needs Chromium)
	NETLIB_LAB=all $(BIN)/python -m pytest tests/test_lab.py

site: .venv/ready-site  ## the notebooks and all about them as pages, in build/site
	$(BIN)/netlib site

clean:  ## remove all that can be made again
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis
