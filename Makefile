# One command for each habit. Everything runs in .venv, which the first target that needs it makes from requirements.lock.
# Paths are relative to this folder, so a checkout may lie in a path with spaces.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.complete

# No tool that is started from here reports its use to anybody.
export DO_NOT_TRACK := 1
export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: run test test-bi check fmt docs bench dashboard browser clean help

run: $(STAMP)  ## Load what has landed (the sample company when nothing has), transform, check and publish
	$(PY) -m orchestration.cli run --sample-if-empty

test: $(STAMP) browser  ## Run all tests, on two processes
	$(PY) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-bi: $(STAMP)  ## Read what is published with Apache Superset, which is installed in a folder of its own
	$(PY) -m pytest -m bi

check: $(STAMP)  ## Lint and type-check Python, SQL and YAML, look for weaknesses
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m sqlfluff lint --processes 2 --disable-progress-bar models dbt_project
	$(PY) -m yamllint --strict .
	$(PY) -m bandit --quiet --recursive orchestration --configfile pyproject.toml
	$(PY) .ci/audit.py

fmt: $(STAMP)  ## Format Python and SQL in place
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .
	$(PY) -m sqlfluff fix --processes 2 --disable-progress-bar --quiet models dbt_project

docs: $(STAMP)  ## Build the documentation as one folder that opens without a network
	$(PY) -m orchestration.cli docs

bench: $(STAMP)  ## Measure how fast it is, against what limit
	$(PY) benchmarks/run.py
	$(PY) benchmarks/ledger.py
	$(PY) benchmarks/identity.py

dashboard: $(STAMP)  ## Open the pages over what is published, on this machine alone
	$(PY) -m orchestration.cli dashboard

# The browser tests need Chromium. Debian and its children have it as a package; elsewhere those tests are skipped and say so.
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "getting Chromium for the browser tests" \
			&& { apt-get install -qq -y --no-install-recommends chromium >/dev/null 2>&1 \
				|| { apt-get update -qq >/dev/null 2>&1 && apt-get install -qq -y --no-install-recommends chromium >/dev/null 2>&1; }; }; } \
		|| echo "no Chromium here and none to be had from the system's packages: the browser tests will be skipped"

clean:  ## Remove the environment, caches and build output; landed and published data stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info dbt_project/target dbt_project/logs
	find orchestration tests -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

# The stamp is written last: an interrupted set-up starts again, a complete one needs no network.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "leadrelay needs Python 3.11 or newer; $(PYTHON) is older. Name another one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --require-hashes --requirement requirements.lock
	$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
