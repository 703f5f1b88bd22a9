# Needs Python 3.11.4 or later, git and make; everything else is installed into .venv.
PYTHON ?= python3
VENV := $(CURDIR)/.venv
export PATH := $(VENV)/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export PREFECT_HOME ?= $(CURDIR)/.prefect
unexport PYTHONDONTWRITEBYTECODE
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS ?= 180
UI_PORT ?= 4200
POOL := calibration
ONE := $(if $(STUDY),--study $(STUDY))

.PHONY: help env data demo verify test test-server test-others check deps docs bench overhead ui deploy worker lock clean

help: ## what can be made here
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 10

env: $(VENV)/complete ## the environment, exactly as locked

$(VENV)/complete: requirements.lock requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 4))' \
		|| { echo "Python 3.11.4 or later is needed (earlier ones write other bytes into .npz files); name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@command -v uv > /dev/null || $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@echo "installing the locked environment into .venv (torch alone is several GB the first time)"
	@uv pip install --quiet --compile-bytecode --python $(VENV)/bin/python --require-hashes -r requirements.lock -r requirements-dev.lock
	@install -d -m 700 .dvc/tmp/site && $(VENV)/bin/dvc config --local core.site_cache_dir $(CURDIR)/.dvc/tmp/site
	@touch $@

data: env ## data/ as data.dvc pins it: pulled, or simulated and compared; STUDY=<name>: of a study
	@python -m flows.data $(ONE)

demo: data ## reproduce what is stale, then print tables and decisions; STUDY=<name>: of a study
	@python -m flows.reproduce $(ONE)
	@$(if $(STUDY),:,python -m flows.show)

verify: env ## make the tables of the last commit again and compare them; STUDY=<name>: of a study
	@python -m flows.verify $(ONE)

# Tests of a Prefect server mostly wait, so they run beside the others and go first where both want a core.
test: env ## all tests
	@mkdir -p .logs; $(MAKE) -s test-server > .logs/server_tests.log 2>&1 & server=$$!; \
		nice -n 5 $(MAKE) -s test-others; others=$$?; \
		wait $$server; served=$$?; cat .logs/server_tests.log; exit $$((others || served))

test-server: env ## the half of the tests that needs a Prefect server
	@python -m pytest -m server

test-others: env ## the other half; DAILY=1: without those on Dask clusters
	@python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not server$(if $(DAILY), and not nightly)"

check: env ## style, types, and known vulnerabilities of what is locked
	@ruff check . && ruff format --check . && mypy .
	@python .ci/audit.py requirements.lock requirements-dev.lock

deps: env ## the code that each stage of dvc.yaml depends on, from what its modules import
	@python -m flows.pinned.code

docs: env ## the pages of docs/ and the reference as a site, site/index.html; a broken link is an error
	@rm -rf site && python -m sphinx -q -E -W --keep-going -b html -c docs/sphinx -d .cache/docs . site && echo site/index.html

bench: env ## time this project and its peers in one run
	@for name in thresholds intervals matching blending temperature heads rendering lens_training; do python -m bench.$$name || exit 1; done

overhead: env ## what the walker costs, against `dvc repro`, over toy stages
	@python -m bench.orchestration --prefect

ui: env ## a Prefect server with its page on http://127.0.0.1:$(UI_PORT)
	@PREFECT_UI_API_URL=http://127.0.0.1:$(UI_PORT)/api prefect server start --host 127.0.0.1 --port $(UI_PORT)

deploy: env ## register the deployments of prefect.yaml with the server of `make ui`
	@export PREFECT_API_URL=$${PREFECT_API_URL:-http://127.0.0.1:$(UI_PORT)/api} \
		&& { prefect work-pool inspect $(POOL) > /dev/null 2>&1 || { prefect work-pool create --type process $(POOL) \
			&& prefect work-pool set-concurrency-limit $(POOL) 1; }; } \
		&& prefect --no-prompt deploy --all

worker: env ## run what is scheduled
	@export PREFECT_API_URL=$${PREFECT_API_URL:-http://127.0.0.1:$(UI_PORT)/api} && prefect worker start --pool $(POOL)

lock: env ## resolve the ranges of pyproject.toml anew into the lock files
	@uv pip compile -q pyproject.toml --universal --fork-strategy fewest --python-version 3.11 --upgrade \
		--generate-hashes --no-header --no-annotate -o requirements.lock
	@uv pip compile -q --group dev -c requirements.lock --universal --fork-strategy fewest --python-version 3.11 \
		--upgrade --generate-hashes --no-header --no-annotate -o requirements-dev.lock

clean: ## remove what can be made again (not data, results or DVC's cache)
	@rm -rf .cache .logs .pytest_cache .mypy_cache .ruff_cache .hypothesis artifacts
