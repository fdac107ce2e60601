.DEFAULT_GOAL := help
.PHONY: help demo up test test-real test-userdata test-aws check bench corpus chaos restore-drill loadtest simulate images setup setup-dev

PYTHON := .venv/bin/python
JOBS ?= 2
PROFILE ?= embedded
SHAPE ?= spike
CORPUS ?= ../shared/corpus.json

##@ Use it
demo: setup ## Start everything, add an example from a Git link, run it with a file (ONCE=1: stop again)
	@$(PYTHON) -m scripts.demo $(if $(ONCE),--once)

up: $(if $(filter team aws,$(PROFILE)),setup-dev,setup) ## Start the platform (PROFILE=embedded|team|aws; TOOLYARD_PORT, TOOLYARD_DATA)
	@exec .venv/bin/toolyard up --profile $(PROFILE)

images: setup ## Make the base images now instead of at the first build
	@$(PYTHON) -m scripts.images

##@ Work on it
test: setup-dev ## The whole suite (JOBS=2 processes; ARGS=what pytest takes; TOOLYARD_TEST_DATABASE=postgresql: whole platforms on that)
	@$(PYTHON) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-real: setup-dev ## Every real tool of the registries, where the suite tries half of them
	@TOOLYARD_REAL_TOOLS=all $(PYTHON) -m pytest -n $(JOBS) tests/real $(ARGS)

test-userdata: setup-dev ## Every user data script on a bare Debian system, against an emulated AWS (10 minutes)
	@TOOLYARD_TEST_FRESH=1 $(PYTHON) -m pytest -q tests/aws/test_user_data.py --timeout 3600 $(ARGS)

test-aws: setup-dev ## Contracts, stack and main job on a real AWS account (TOOLYARD_AWS_SPENDING_CAP; DRY_RUN=1: emulator)
	@DRY_RUN=$(DRY_RUN) $(PYTHON) -m tests.aws.real

check: setup-dev ## ruff, mypy strict, import contracts
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports

bench: setup-dev ## Ratios of speed and memory (ONLY=name,…) into build/bench.json
	@$(PYTHON) -m bench $(if $(ONLY),--only $(ONLY))

corpus: setup-dev ## Real repositories from the bare link (DIR=folder of repositories) into build/corpus.json
	@test -n "$(DIR)" || { echo "make corpus needs DIR=<folder of work trees or bare repositories>" >&2; exit 2; }
	@$(PYTHON) -m scripts.corpus "$(DIR)" "$(CORPUS)"

restore-drill: setup ## Prove the newest backup: restored, started, asked (FROM=folder or s3://…; TOOLYARD_BACKUP_TO)
	@test -n "$(or $(FROM),$(TOOLYARD_BACKUP_TO))" || { echo "make restore-drill needs FROM=<folder or s3://BUCKET/PREFIX>" >&2; exit 2; }
	@.venv/bin/toolyard admin restore-drill --from "$(or $(FROM),$(TOOLYARD_BACKUP_TO))"

chaos: setup-dev ## Kills and outages under load, at full length (ONLY=name,…)
	@$(PYTHON) -m chaos $(if $(ONLY),--only $(ONLY))

loadtest: setup-dev ## Load on a platform of its own (SHAPE=ramp|spike|soak|locusts; ARGS=--users 24 --seconds 60) into build/loadtest-SHAPE.html
	@$(PYTHON) -m load_tests --shape $(SHAPE) $(ARGS)

simulate: setup-dev ## The scaling policy on EC2's clock, beside the original's, into build/simulation.html
	@$(PYTHON) -m load_tests.compare --large

##@ Parts of the above
setup: ## Virtual environment, container engine, settings of this host
	@scripts/setup.sh runtime

setup-dev: ## The same with everything that tests need
	@scripts/setup.sh dev

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
