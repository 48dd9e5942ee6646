# Two commands: `make demo` makes data on the embedded model, `make test` proves everything.
# Each makes its own virtual environment from the pinned lock; nothing else is needed than
# Python 3.11 or later, make, a C compiler and a package index.

PYTHON ?= python3
PIP = bin/python -m pip --disable-pip-version-check --quiet
LOCKED = requirements/runtime.txt requirements/model.txt pyproject.toml

.PHONY: demo test check docs lock clean

demo: .venv-demo/ready
	.venv-demo/bin/evolkit demo --out runs/demo

test: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/mkdocs build --strict --quiet
	.venv/bin/python -m pytest

docs: .venv/ready
	.venv/bin/mkdocs serve

.venv-demo/ready: $(LOCKED)
	$(PYTHON) -m venv .venv-demo
	.venv-demo/$(PIP) install -r requirements/runtime.txt
	.venv-demo/$(PIP) install --no-deps -r requirements/model.txt -e .
	touch $@

.venv/ready: $(LOCKED) requirements/dev.txt
	$(PYTHON) -m venv .venv
	.venv/$(PIP) install -r requirements/dev.txt
	.venv/$(PIP) install --no-deps -r requirements/model.txt -e .
	touch $@

# Pins for every supported Python and platform; run it after changing pyproject.toml.
lock:
	.venv/bin/uv pip compile --universal --python-version 3.11 --no-header --quiet --extra local \
	  pyproject.toml -o requirements/runtime.txt
	.venv/bin/uv pip compile --universal --python-version 3.11 --no-header --quiet --all-extras \
	  --group dev --group docs pyproject.toml -o requirements/dev.txt

clean:
	rm -rf .venv .venv-demo site dist
