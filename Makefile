# Everything runs from .venv, which `make env` makes; nothing needs to be activated.
# Paths are relative throughout, so a checkout may lie in a folder with spaces in its name.

EXPERIMENT ?= demo
CORES ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
PYTHON ?=
UPGRADE ?=
ONLY ?=

CANDIDATES := $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
HERE := $(shell /bin/pwd)
BIN := .venv/bin
BESIDE := -n $(CORES) --maxprocesses 8  # tests of different files beside each other; each process holds a gigabyte

.DEFAULT_GOAL := help
.PHONY: help env report page test notebooks lab lint bench lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  EXPERIMENT=$(EXPERIMENT)  a folder under reports/    CORES=$(CORES)  processors to use    PYTHON=...  3.11, 3.12 or 3.13"

env: .venv/.ready  ## make .venv with every package pinned; costs nothing when it is up to date

report: env  ## run an experiment and write reports/EXPERIMENT/index.html (default: the drawn demo)
	@$(BIN)/dfd report "$(EXPERIMENT)" --cores $(CORES)

test: env lint  ## lint, unit and contract tests, then every notebook
	@$(BIN)/python -m pytest $(BESIDE) --dist loadfile
	@$(MAKE) --no-print-directory notebooks

# The defaults of a notebook name the experiment `smoke`: it is built first, in a folder of its own, so no report is overwritten.
notebooks: env  ## build the tiny experiment in a temporary folder and run every notebook on it
	@DFD_OUT="$$(mktemp -d)" && export DFD_OUT && trap 'rm -rf "$$DFD_OUT"' EXIT && trap 'exit 130' INT TERM \
	&& $(BIN)/dfd report smoke --cores $(CORES) \
	&& $(BIN)/python -m pytest $(BESIDE) --dist loadscope -o addopts= --nbval-lax --nbval-current-env notebooks/*.ipynb

lab: env  ## build the tiny experiment and open the tour in JupyterLab
	@$(BIN)/dfd report smoke --cores $(CORES)
	@$(BIN)/jupyter lab --ServerApp.root_dir="$(HERE)" $$([ "$$(id -u)" != 0 ] || echo --allow-root) notebooks/00_tour.ipynb  # root: in a container

page: env  ## serve the web page: drop a photo or a video, read the verdict (DETECTOR=a .dfd file)
	@$(BIN)/dfd page $(if $(DETECTOR),--detector "$(DETECTOR)")

lint: env  ## check style, format, and that notebooks are committed without outputs
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/nbstripout --verify --keep-id notebooks/*.ipynb

bench: env  ## measure against plain ways to do the same; writes reports/benchmarks.md (ONLY=faces: that part alone)
	@$(BIN)/python tests/benchmarks/run.py --out reports/benchmarks.md $(if $(ONLY),--only "$(ONLY)")

lock: env  ## resolve pyproject.toml into requirements.lock (UPGRADE=1: to the newest versions)
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	@$(BIN)/python -m uv pip compile pyproject.toml --quiet --universal --extra dev --extra page --extra gpu --python-version 3.11 \
	    --no-emit-index-url --no-emit-find-links --no-header $(if $(UPGRADE),--upgrade) --output-file requirements.lock

# What was brought (data/raw), recipes, the record of test reads and everything tracked stay.
clean:  ## remove caches, crops and untracked report outputs; never data/raw or tracked reports
	@rm -rf data/faces data/cache .pytest_cache .ruff_cache .hypothesis .snakemake notebooks/.ipynb_checkpoints
	@find dfd_lib tests -name __pycache__ -type d -prune -exec rm -rf {} +
	@if git ls-files --error-unmatch Makefile >/dev/null 2>&1; \
	    then git clean -fdxq -e experiment.yaml -e test_reads.csv -- reports; \
	    else echo "reports/ is left as it is: this folder is no git checkout, so nothing says what is tracked"; fi

# Made again when the checkout was moved (scripts name their interpreter by its full path) or another PYTHON is asked for.
ifneq "$(shell cat .venv/.ready 2>/dev/null)" "$(strip $(HERE) $(PYTHON))"
.PHONY: .venv/.ready
endif

.venv/.ready: pyproject.toml requirements.lock
	@rm -f $@
	@if ! { $(BIN)/python -c '$(SUPPORTED)' && $(BIN)/pip --version | grep -qF "$$(/bin/pwd)/.venv/"; } >/dev/null 2>&1 \
	    || { [ -n "$(PYTHON)" ] && [ "$$($(BIN)/python -V)" != "$$($(PYTHON) -V 2>&1)" ]; }; then \
	    for python in $(CANDIDATES) none; do \
	        $$python -c '$(SUPPORTED)' >/dev/null 2>&1 || continue; \
	        $$python -m venv --clear .venv >/dev/null 2>&1 && break; \
	        rm -rf .venv; \
	    done; \
	    [ $$python != none ] || { \
	        echo "make env: expected Python 3.11, 3.12 or 3.13 with venv, found none among: $(CANDIDATES)." \
	             "Install one (on Debian or Ubuntu with python3-venv), or give its path: make env PYTHON=/path/to/python3.12" >&2; exit 1; }; \
	fi
	@echo "installing into .venv with $$($(BIN)/python -V); the first time takes minutes and about 3 GB"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[dev,page]"
	@# some installers and settings leave this out, and then every start of a step compiles TensorFlow anew: 16 s instead of 6
	@$(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true  # a few templates in there are no Python
	@$(BIN)/python -m ipykernel install --sys-prefix --name python3 >/dev/null
	@$(BIN)/python -c 'import cv2' 2>/dev/null || { \
	    echo "make env: OpenCV needs system libraries that are missing: sudo apt-get install libgl1 libglib2.0-0" >&2; exit 1; }
	@echo "$(strip $(HERE) $(PYTHON))" > $@
