# The ways into the project. `make demo` shows it, `make test` proves it; both set up all they need.
SHELL := /bin/bash
PYTHON := .venv/bin/python

.PHONY: demo down test test-vm pure lint bench lock

demo: ready-demo
	@exec $(PYTHON) manage.py demo

down: .venv/demo
	@$(PYTHON) manage.py portal down
	@$(PYTHON) manage.py lab down

# three processes on two cores, each with an edge of its own: a migration mostly waits for its links
test: ready-test lint
	$(PYTHON) -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder --durations=15 --ignore tests/lab_vm
	@$(MAKE) -s test-vm

# whole Debian machines: after all else, since without acceleration two of them take both cores
test-vm: ready-test
	$(PYTHON) -m pytest -q tests/lab_vm --durations=15

# everything that needs no edge and no browser
pure: ready-test
	$(PYTHON) -m pytest -q -m "not lab and not browser"

lint: ready-test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy mecportal migrations_app workers lab
	.venv/bin/lint-imports
	$(PYTHON) -m tests.shellcheck
	.venv/bin/djhtml --check --tabwidth 2 templates
	$(PYTHON) manage.py makemigrations --check --dry-run

bench: ready-test
	@$(PYTHON) -m tests.bench

COMPILE := .venv/bin/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe
lock:
	$(COMPILE) -o requirements.lock pyproject.toml
	$(COMPILE) --extra lab -o requirements-lab.lock pyproject.toml
	$(COMPILE) --extra lab --extra test -o requirements-test.lock pyproject.toml

.PHONY: ready-demo ready-test
ready-demo:
	@python3 -m lab.prepare demo
	@$(MAKE) -s .venv/demo

ready-test:
	@python3 -m lab.prepare test
	@$(MAKE) -s .venv/test

.venv/demo: requirements-lab.lock
	@echo "Installing the pinned Python packages into .venv"
	@test -x $(PYTHON) || python3 -m venv .venv
	@.venv/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements-lab.lock
	@touch $@

.venv/test: requirements-test.lock
	@echo "Installing the pinned Python packages into .venv"
	@test -x $(PYTHON) || python3 -m venv .venv
	@.venv/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements-test.lock
	@touch .venv/demo $@
