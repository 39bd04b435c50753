# make demo | test | lint | docs | bench: each makes the virtual environment first, once, and again when its inputs change.

VENV ?= .venv
INSTALLED := $(VENV)/.installed

.PHONY: help demo test matrix lint docs bench gpu install release-check
.DEFAULT_GOAL := help

help:
	@echo "make demo    train and evaluate on synthetic data"
	@echo "make test    run the tests"
	@echo "make matrix  run the tests on Python 3.10 to 3.13, with the oldest and newest nnU-Net, and against other packages"
	@echo "make lint    check style, format and types"
	@echo "make docs    build the documentation: docs/_build/index.html"
	@echo "make release-check  build the package, and try it in a fresh environment"
	@echo "make gpu     check and time everything that needs a GPU, in nine minutes"
	@echo "make bench   list the benchmarks; make bench RUN=NAME runs benchmarks/NAME.py"
	@echo "make install make $(VENV) only; PYTHON=/path/to/python3 chooses the interpreter"

demo: $(INSTALLED)
	$(VENV)/bin/cscn demo

test: $(INSTALLED)
	$(VENV)/bin/pytest --numprocesses auto --dist loadfile

matrix: $(INSTALLED)
	$(VENV)/bin/tox run $(ARGS)

lint: $(INSTALLED)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

docs: $(INSTALLED)
	$(VENV)/bin/sphinx-build -q -W --keep-going -b html docs docs/_build

bench: $(INSTALLED)
ifdef RUN
	$(VENV)/bin/python benchmarks/$(RUN).py $(ARGS)
else
	@for file in benchmarks/*.py; do \
	    if [ -e "$$file" ]; then echo "$$(basename "$$file" .py): $$(sed -n '1s/"""//gp' "$$file")"; fi; \
	done
	@echo "make bench RUN=NAME ARGS=\"...\" runs one of them"
endif

gpu: $(INSTALLED)
	$(VENV)/bin/python benchmarks/gpu.py --json benchmarks/runs/gpu.json --table benchmarks/runs/gpu.md $(ARGS)

release-check:
	.ci/release-check

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@python="$(PYTHON)"; \
	for candidate in $${python:-python3 python3.13 python3.12 python3.11 python3.10}; do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "Python 3.10 or newer is needed and was not found: install it, or name it with make PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	fi; \
	if ! "$$found" -c 'import venv, ensurepip' 2>/dev/null; then \
	    echo "$$found lacks the module venv: install it (Debian, Ubuntu: apt install python3-venv)" >&2; \
	    exit 1; \
	fi; \
	if [ ! -x $(VENV)/bin/pip ]; then "$$found" -m venv $(VENV); fi
	$(VENV)/bin/pip install -e '.[dev]' -c constraints.txt
	@touch $@
