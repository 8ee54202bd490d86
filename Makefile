# Everything runs from a fresh clone with Python 3.11 or newer and make; `make help` lists the targets.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
INFRA := .venv-infra
SAM := .venv-sam
SCAN := .venv-scan
HOST ?= 127.0.0.1
PORT ?= 8000
WORKERS ?= 4
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Where it is set, every worker of a test run and every process that it starts compiles all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test test-all check format bench bundle lock clean scan reference

help: ## Say what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 20

$(STAMP): infra/lock/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	@echo "Installing what development needs into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r infra/lock/dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(STAMP) $(INFRA)/.installed ## Make .venv and .venv-infra with everything that development needs

demo: $(STAMP) ## Publish content/ and serve it at http://127.0.0.1:8000
	@$(BIN)/pressrun serve content --home .pressrun/demo --host $(HOST) --port $(PORT)

test: $(STAMP) $(INFRA)/.installed ## Run the tests, the long suites in their bounded form
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow"

test-all: $(STAMP) $(INFRA)/.installed ## Run all tests, the long suites in full
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --hypothesis-profile searching

check: $(STAMP) ## Lint, type-check, and check imports and templates
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > /dev/null || $(BIN)/lint-imports
	@$(BIN)/djlint --quiet --lint templates/web templates/desk
	@$(BIN)/pressrun check content

format: $(STAMP) ## Format the code
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench: $(STAMP) ## Measure against Hugo, Pelican and Eleventy, side by side; ARGS=--full: for hours
	@$(BIN)/python -m tests.benchmarks $(ARGS)

# What the stack is tried on, deployed and scanned with: each has a virtual environment of its own.
$(INFRA)/.installed: infra/lock/infra.txt
$(SAM)/.installed: infra/lock/sam.txt
$(SCAN)/.installed: infra/lock/scan.txt
$(INFRA)/.installed $(SAM)/.installed $(SCAN)/.installed:
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D) || python3 -m venv $(@D)
	@echo "Installing $< into $(@D) ..."
	@$(@D)/bin/python -m pip install --quiet --no-deps --require-hashes -r $<
	@touch $@

scan: $(STAMP) $(SAM)/.installed $(SCAN)/.installed ## Check the templates: cfn-lint, sam validate, checkov
	@$(BIN)/cfn-lint infra/template.yaml infra/logs.yaml
	@SAM_CLI_TELEMETRY=0 $(SAM)/bin/sam validate --lint --region eu-west-1 --template infra/template.yaml
	@$(SCAN)/bin/checkov --config-file infra/checkov.yaml --file infra/template.yaml infra/logs.yaml

bundle: $(STAMP) ## Make build/lambda.zip, which all functions run, and the layer for pictures
	@$(BIN)/python infra/bundle.py $(ARGS)

GROUP = $(BIN)/python -m uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet --upgrade
LOCK = $(GROUP) pyproject.toml
lock: $(STAMP) ## Write the lock files anew
	@$(BIN)/python -m pip install --quiet uv
	@$(LOCK) --group dev --extra aws --extra local -o infra/lock/dev.txt
	@$(LOCK) --extra local -o infra/lock/local.txt
	@$(LOCK) --extra aws -o infra/lock/lambda.txt
	@$(GROUP) --group infra -o infra/lock/infra.txt
	@$(GROUP) --group sam -o infra/lock/sam.txt
	@$(GROUP) --group scan -o infra/lock/scan.txt

reference: $(STAMP) ## Write the references of settings and templates anew
	@$(BIN)/pressrun reference settings > pressrun/SETTINGS.md
	@$(BIN)/pressrun reference templates > templates/README.md

clean: ## Remove what was made
	rm -rf $(VENV) $(INFRA) $(SAM) $(SCAN) .pressrun .bench dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
