# Thin skins over plain commands, which the README shows too. uv is used where it is on the PATH.

BIN := .venv/bin
PYTHON ?= python3
LOCKED := book test site lab cluster ci

.PHONY: help setup chapters test fuzz mutants mutation lint lab lab-test render sync site matrix lock clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

ifneq (,$(shell command -v uv))
    VENV := uv venv --quiet --allow-existing --python $(PYTHON) .venv
    INSTALL := uv pip install --quiet --python $(BIN)/python
else
    VENV := $(PYTHON) -m venv .venv
    INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

# The newest versions are installed; or, where LOCK names a file of versions and hashes, just those files, as in CI.
# The stamp is written last: an installation that was cut off is begun anew.
.venv/ready: pyproject.toml $(LOCK)
	@$(VENV)
ifdef LOCK
	@$(INSTALL) --require-hashes -r $(LOCK)
	@$(INSTALL) --no-deps --no-build-isolation -e .
else
	@$(INSTALL) -e ".[book,test]"
endif
	@touch $@

setup: .venv/ready  ## a virtual environment in .venv with everything that is needed

# One thread: products as small as these gain little from a second, and lose very much where another program is busy.
chapters test fuzz mutants: export OPENBLAS_NUM_THREADS ?= 1

chapters: setup  ## run all notebooks end to end; results in build/quick
	$(BIN)/netlib run

test: .venv/ready-site .venv/ready-cluster lint  ## unit tests, guards, and the committed notebooks against a fresh run
	$(BIN)/python -m pytest

fuzz: setup  ## bad input by the hundred thousand and processes killed by the hundred; an hour or two
	NETLIB_FUZZ=100000 NETLIB_KILLS=200 $(BIN)/python -m pytest -s -v tests/test_fuzz.py tests/test_faults.py

mutants: .venv/ready-site  ## plant a hundred faults, one at a time in a copy; the tests must notice each
	NETLIB_FAULTS=all $(BIN)/python -m pytest -v -p no:nbval -o addopts= tests/test_planted.py

mutation: .venv/ready-mutation  ## change every operator, number and name of the core; the tests must notice (an hour)
	$(BIN)/python -u -m tests.mutation

lint: setup  ## style and common mistakes
	$(BIN)/ruff check
	$(BIN)/ruff format --check

lab: setup  ## read the notebooks in JupyterLab
	$(BIN)/jupyter lab chapters

sync: setup  ## bring the two files of each notebook in step; the one edited last wins
	$(BIN)/jupytext --sync chapters/[0-9][0-9]_*.py

render: setup  ## make the committed notebooks anew from the .py files
	$(BIN)/netlib render

# What only few targets need is installed beside the rest, when it is needed first; the lock has it all.
.venv/ready-%: .venv/ready
ifndef LOCK
	@$(INSTALL) -e ".[$*]"
endif
	@touch $@

lab-test: .venv/ready-lab  ## every notebook in JupyterLab, in a browser (needs Chromium)
	NETLIB_LAB=all $(BIN)/python -m pytest tests/test_lab.py

site: .venv/ready-site  ## the notebooks and all about them as pages, in build/site
	$(BIN)/netlib site

matrix: .venv/ready-ci  ## the notebooks' outputs with other kernels, threads, NumPys and Pythons: an hour; ROWS chooses
	@mkdir -p build
	$(BIN)/nox --report build/matrix.json $(ROWS); status=$$?; $(BIN)/python noxfile.py build/matrix.json; exit $$status

lock: .venv/ready-ci  ## the newest versions and their hashes as .ci/requirements.txt, and the list of licences
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --no-emit-index-url --custom-compile-command "make lock" $(LOCKED:%=--extra %) \
	    --output-file .ci/requirements.txt pyproject.toml
	$(INSTALL) --require-hashes -r .ci/requirements.txt
	$(BIN)/python .ci/licences.py

clean:  ## remove all that can be made again
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis
