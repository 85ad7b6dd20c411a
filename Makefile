# Everything a developer does. The first run of a target makes .venv, which needs the network once;
# after that only a change of the lock or of PYTHON does.

PYTHON ?= python3
PORT ?= 3000
OKTA_PORT ?= 3001
AWS_PORT ?= 3002
STACK ?= customer-verification
MINUTES ?= 2
export PORT OKTA_PORT AWS_PORT
export SAM_CLI_TELEMETRY := 0
# Compiled once, and not by each of the many processes that the tests start.
unexport PYTHONDONTWRITEBYTECODE
# For what never leaves this machine. A deployment goes to REGION, or to the region of the AWS profile.
run test proof soak bench: export AWS_DEFAULT_REGION ?= us-east-1

VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
NODE_CLIENTS := $(addprefix tests/e2e/clients/,\
	jose okta_auth_js okta_management page typescript_client widget)
checksum = $(firstword $(shell cat $(1) | cksum))
CHECKOV_LOCK := tests/contract/checkov.txt
CHECKOV := .venv-checkov/ready-$(VERSION)-$(call checksum,$(CHECKOV_LOCK))
PROOF_LOCK := tests/proof/tools.txt
PROOF := .venv-proof/ready-$(VERSION)-$(call checksum,$(PROOF_LOCK))
# Named after what it was made from, so that neither a checkout's times nor a second Python confuse it.
READY := .venv/ready-$(VERSION)-$(call checksum,requirements-dev.txt)
# Releases that cannot share a folder with the newest, which .venv has.
OLD_CLIENTS := okta2 workos5
CLIENTS := .venv/clients-$(call checksum,shared/requirements.txt \
	$(patsubst %,tests/e2e/clients/%.txt,$(OLD_CLIENTS)) \
	$(addsuffix /package-lock.json,$(NODE_CLIENTS)))
BIN := .venv/bin
# Compiles the layer's bytecode: a Python 3.13, as on Lambda, if uv or pyenv has one.
LAMBDA_PYTHON ?= $(or $(shell $(BIN)/uv python find --quiet --no-python-downloads 3.13 2>/dev/null),\
	$(lastword $(wildcard $(HOME)/.pyenv/versions/3.13.*/bin/python3.13)),python3.13)
# What sam calls (python3, for the layer) is then the same Python.
SAM := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sam

.DEFAULT_GOAL := help
.PHONY: help run test proof soak deploy token okta-jwks client smoke bench build format openapi lock clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run: $(READY) ## start the whole service on this machine (PORT, OKTA_PORT, AWS_PORT)
	@exec $(BIN)/python -m tests.sandbox

test: $(READY) $(CLIENTS) $(CHECKOV) ## every check, the quick ones first
	@$(MAKE) --no-print-directory -j 2 $(if $(filter output-sync,$(.FEATURES)),-O) $(CHECKS)
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder tests/proof tests/e2e # many of them wait

proof: $(READY) $(CLIENTS) $(PROOF) ## every rule with tests, mutants, faults, fuzzing: .proof/report.md
	@PYTHONPATH=shared $(BIN)/python -m tests.proof

soak: $(READY) ## mixed load on the whole service, with faults and crashes (MINUTES=30)
	@PYTHONPATH=shared MINUTES='$(MINUTES)' $(BIN)/python -m tests.proof.soak

# Beside each other, the longest first: each is one process, and half of the time of most is their start.
CHECKS := types contract security unit integration template style
.PHONY: $(CHECKS)

style:
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types:
	$(BIN)/mypy

template: # the other templates are linted by a contract test
	$(SAM) validate --lint

security:
	.venv-checkov/bin/checkov --config-file tests/contract/checkov.yaml

unit:
	$(BIN)/pytest tests/unit --cov # what of the use cases they run alone

integration contract: # not in one process: the first keeps one mocked AWS account
	$(BIN)/pytest tests/$@

# What an operator runs. Values are given to Python in the environment, so that none is on a command line.
OPERATE = STACK='$(STACK)' PYTHONPATH=shared:. $(BIN)/python -m
export OKTA REGION PARAMETERS NAME SCOPES URL KEY EMAIL

deploy: $(READY) ## build and deploy (OKTA, STACK, REGION, PARAMETERS="Limits=strict ...")
	@$(OPERATE) deploy.preflight
	@$(MAKE) --no-print-directory build
	$(SAM) deploy --stack-name '$(STACK)' $(if $(REGION),--region '$(REGION)') \
		$(if $(OKTA)$(PARAMETERS),--parameter-overrides $(if $(OKTA),'OktaOrgUrl=$(OKTA)') $(PARAMETERS))

token: $(READY) ## put Okta's API token into its secret (STACK, REGION)
	@$(OPERATE) deploy.okta_token

okta-jwks: $(READY) ## print the public key set of the OAuth service app (STACK, REGION)
	@$(OPERATE) deploy.okta_jwks

client: $(READY) ## make a client key (NAME, SCOPES, STACK, REGION)
	@$(OPERATE) deploy.client_key

smoke: $(READY) ## check a stack that runs (URL, KEY; else that of make run), with EMAIL by a real code
	@$(OPERATE) deploy.smoke

bench: $(READY) $(CLIENTS) ## measure (REPORT=docs writes the plot and the table, SOAK=100000 lasts hours)
	@LAMBDA_PYTHON='$(LAMBDA_PYTHON)' $(BIN)/python -m tests.bench

build: $(READY) ## build what `sam deploy` uploads
	@find functions shared \( -name __pycache__ -o -name '.*_cache' \) -prune -exec rm -rf {} +
	@LAMBDA_PYTHON='$(LAMBDA_PYTHON)' $(SAM) build
	@$(MAKE) --silent --no-print-directory -C shared functions LAMBDA_PYTHON='$(LAMBDA_PYTHON)'

format: $(READY) ## put the code into its usual form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

openapi: $(READY) ## write docs/openapi.json and the reference in docs/api.md from functions/openapi.yaml
	@PYTHONPATH=shared $(BIN)/python -m tests.contract.reference

# The layer is resolved for Lambda alone; development then takes the same versions on any platform.
COMPILE = $(BIN)/uv pip compile --quiet --upgrade --generate-hashes --custom-compile-command "make lock"
lock: $(READY) ## take the newest versions that pyproject.toml allows
	$(COMPILE) --python-version 3.13 --python-platform aarch64-manylinux2014 \
		pyproject.toml -o shared/requirements.txt
	$(COMPILE) --python-version 3.11 --universal --group dev -c shared/requirements.txt \
		pyproject.toml -o requirements-dev.txt
	echo 'checkov>=3.3' | $(COMPILE) --python-version 3.11 --universal - -o $(CHECKOV_LOCK)
	printf 'cyclonedx-bom>=7\npip-audit>=2.10\n' | $(COMPILE) --python-version 3.11 --universal - -o $(PROOF_LOCK)
	echo 'okta<3' | $(COMPILE) --python-version 3.11 --universal - -o tests/e2e/clients/okta2.txt
	echo 'workos<6' | $(COMPILE) --python-version 3.11 --universal - -o tests/e2e/clients/workos5.txt

clean: ## remove everything that was made
	rm -rf .venv .venv-checkov .venv-proof .aws-sam .proof .coverage .coverage.* .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find . \( -name __pycache__ -o -name node_modules \) -prune -exec rm -rf {} +

# What a run needs.
$(READY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'Python 3.11 or newer is needed, and "$(PYTHON)" is $(or $(VERSION),not there).' \
			'Name another one: make $(MAKECMDGOALS) PYTHON=python3.13' >&2; exit 1; }
	@echo 'Making .venv with Python $(VERSION)'
	@$(PYTHON) -m venv --clear .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.txt > .venv/uv.txt
	@{ $(BIN)/python -m pip install -qq --disable-pip-version-check --retries 1 --require-hashes \
			-r .venv/uv.txt && \
		$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements-dev.txt; \
	} 2> .venv/setup.log || { \
		echo 'The packages could not be fetched: connect to the network and repeat this once.' \
			'.venv/setup.log has the reason.' >&2; exit 1; }
	@touch $@

# What the tests need beside it: clients of other vendors, and the layer's packages.
$(CLIENTS): | $(READY)
	@echo 'Fetching the clients that the tests run'
	@for old in $(OLD_CLIENTS); do $(BIN)/uv pip install --quiet --require-hashes \
		--python $(BIN)/python --target .venv/$$old -r tests/e2e/clients/$$old.txt || exit 1; done
	@if command -v npm >/dev/null; then for client in $(NODE_CLIENTS); do \
		(cd $$client && npm ci --loglevel=error >/dev/null) || exit 1; done; fi
	@$(MAKE) --silent --no-print-directory -C shared wheels \
		PYTHON="$(CURDIR)/$(BIN)/python" WHEELS="$(CURDIR)/.venv/wheels"
	@touch $@

# Each in a place of its own: checkov needs another boto3 than the tests do, and the tools of the supply
# chain have nothing to do with them.
define venv
@echo 'Making $(@D)'
@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
@$(BIN)/uv pip sync --quiet --require-hashes --python $(@D)/bin/python $(1)
@touch $@
endef

$(CHECKOV): | $(READY)
	$(call venv,$(CHECKOV_LOCK))

$(PROOF): | $(READY)
	$(call venv,$(PROOF_LOCK))
