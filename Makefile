PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
RUN := $(VENV)/bin/
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

.PHONY: demo test check clean

demo: $(INSTALLED)  ## Run all four jobs on a sample case
	$(RUN)docwiz-tasks demo

test: $(INSTALLED_DEV)  ## Run the tests; DOCWIZ_TEST_SERVICES=1 requires Redis, RabbitMQ, Chromium and Node
	$(RUN)python -m pytest -n 3 --dist=worksteal $(ARGS)

check: $(INSTALLED_DEV)  ## Lint, types, import rules and the documentation
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy
	$(RUN)lint-imports
	$(RUN)python -m sphinx -W --keep-going -q -b html docs docs/_build/html

clean:
	rm -rf $(VENV) docs/_build docwiz-demo

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): $(VENV)/bin/python pyproject.toml
	$(RUN)python -m pip install --quiet --upgrade pip
	$(RUN)python -m pip install --quiet -e '.[worker]'
	touch $@

$(INSTALLED_DEV): $(INSTALLED) pyproject.toml
	$(RUN)python -m pip install --quiet -e '.[all]' --group dev
	touch $@
