# Everything that one does with Waybill. `make demo` and `make test` need Rust, a C compiler and Python 3.10 or later;
# the rest is installed into the ignored .local/.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo up down logs story dashboard test lint bench bench-packaging bench-reports bench-delivery bench-start cost check-reports openapi release deploy venv js build

# --- settings -------------------------------------------------------------------------------------------------------

# Name of the stack in AWS, and further parameters of template.yaml: PARAMETERS="WorkerMemory=7076 LogLevel=debug".
STACK ?= waybill
PARAMETERS ?=
# Processor of the deployed functions: arm64 or x86_64.
ARCH ?= arm64
# A Python that is new enough; PYTHON=... names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null && { echo $$python; break; }; done)

# The least that Lambda has of each: Graviton2, and x86-64 with AVX2. The worker is built for that, and what is measured.
CPU_arm64 := neoverse-n1
CPU_x86_64 := x86-64-v3

FUNCTIONS := api intake worker dispatcher sweeper
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
LOCAL := $(TARGET_DIR)/debug/waybill-local
TEST := .local/test
VENV := .local/venv
JS := .local/js
DEPLOY_VENV := .local/deploy-venv
TARGET := $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-unknown-linux-gnu

# --- everyday -------------------------------------------------------------------------------------------------------

help: ## Show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

demo: build venv ## Deliver a real report end to end in a local cloud, and show every step
	@$(LOCAL) demo

up: build venv ## Start a local cloud with everything deployed, and leave it running for exploring
	@$(LOCAL) up

down: ## End the local cloud
	@if [ -x $(LOCAL) ]; then $(LOCAL) down; \
	elif [ -d .local/default/state ]; then echo "Build first: make build down" >&2; exit 1; fi

logs: venv ## Print what the functions logged (FUNCTION=worker for one of them)
	@$(VENV)/bin/python infra/local/logs.py .local/stack.json $(FUNCTION)

# Of the local stack; of one in AWS where STACK is given, with the credentials of the environment.
STACK_FILE ?= .local/stack.json
STORY_OF := $(if $(filter command line environment,$(origin STACK)),--stack $(STACK),--local $(STACK_FILE))
story: venv ## Print the whole story of a request: REQUEST=req_… (or a delivery, dlv_…); TENANT=, STACK=, JSON=1
	@$(VENV)/bin/python infra/local/story.py $(STORY_OF) $(if $(TENANT),--tenant $(TENANT)) $(if $(JSON),--json) "$(REQUEST)"

dashboard: venv ## Write the dashboard into template.yaml
	@$(VENV)/bin/python infra/dashboards/waybill.py template.yaml

# End-to-end tests mostly wait: more threads than cores.
test: build venv js ## Run every test, the end-to-end ones on a local cloud of their own (TESTFLAGS="-- name" selects)
	@finish() { \
		status=$$?; \
		if [ $$status != 0 ] && [ -f $(TEST)/stack.json ]; then \
			$(VENV)/bin/python infra/local/logs.py $(TEST)/stack.json "" 100000 > $(TEST)/functions.log && \
				echo "What the functions logged: $(TEST)/functions.log" >&2 || true; \
		fi; \
		$(LOCAL) down --instance test; \
		exit $$status; \
	}; \
	cargo build --workspace --all-targets --locked; \
	trap finish EXIT; \
	$(LOCAL) down --instance test; \
	$(LOCAL) up --instance test > .local/test-up.log || { cat .local/test-up.log; exit 1; }; \
	grep SKIPPED .local/test-up.log || true; \
	WAYBILL_STACK="$(CURDIR)/$(TEST)/stack.json" RUST_TEST_THREADS=8 cargo test --workspace --locked $(TESTFLAGS)

lint: venv check-reports ## Check format, lints, documentation and template
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	$(VENV)/bin/cfn-lint template.yaml infra/examples/triggers/*.yaml
	$(VENV)/bin/python infra/dashboards/waybill.py template.yaml --check

# The worker as it is deployed. Thin link-time optimization costs minutes, so nothing else has it; provided.al2023 has glibc 2.34.
WORKER_BUILD = PATH="$(CURDIR)/$(DEPLOY_VENV)/bin:$$PATH" CARGO_PROFILE_RELEASE_LTO=thin \
	RUSTFLAGS="-C target-cpu=$(CPU_$(ARCH))" cargo zigbuild --release --locked -p waybill-worker --target $(TARGET).2.34

BENCH_BUILD := RUSTFLAGS="-C target-cpu=$(CPU_$(if $(filter x86_64,$(shell uname -m)),x86_64,arm64))" \
	cargo build --release --workspace --locked

bench: bench-packaging bench-reports bench-delivery ## Measure the data path beside its peers, formats, and the dispatcher

# lineitem of TPC-H, from Parquet into packaged files, by turns with what one would use instead: DuckDB, 7zz, zip, gpg and
# Python. ROUNDS: how often; SF: scale factors of the data, 1 and, for memory, 10; CASES: some only, as zip-aes256,stages.
# AS_DEPLOYED=1 ARCH=x86_64, on such a machine: built as `make release` builds the worker, which takes half an hour.
CASES ?=
BENCH_KEY := functions/shared/src/openpgp/testdata/curve25519-certified.asc
ROUNDS ?= 5
SF ?= 1 10
bench-packaging: venv $(VENV)/.bench $(if $(AS_DEPLOYED),$(DEPLOY_VENV)/.installed) ## Measure the data path beside DuckDB, 7zz, zip, gpg and Python (ROUNDS=5 SF="1 10")
	$(if $(AS_DEPLOYED),$(WORKER_BUILD),$(BENCH_BUILD)) --bin waybill-bench
	@for factor in $(SF); do \
		lake=.local/bench/tpch-sf$$factor; \
		if [ ! -d $$lake ]; then \
			rm -rf $$lake.part; \
			$(VENV)/bin/tpchgen-cli parquet -s $$factor --tables lineitem --quiet --output-dir $$lake.part/lineitem; \
			mv $$lake.part $$lake; \
		fi; \
	done
	@$(VENV)/bin/python -B tests/bench/packaging.py $(TARGET_DIR)/$(if $(AS_DEPLOYED),$(TARGET)/)release/waybill-bench \
		$(BENCH_KEY) .local/bench $(ROUNDS) "$(CASES)" $(SF)

# Without AWS and without the local cloud, whose speed says nothing. ROWS: sizes of the generated lakes; the first one is
# written in every format that holds so many rows, and in every package.
ROWS ?= 1000000 10000000
bench-reports: ## Measure the worker's data path: rows/s and peak memory by format and package (ROWS="1000000 10000000")
	$(BENCH_BUILD) --bin waybill-bench --bin waybill-local
	@bench() { \
		$(TARGET_DIR)/release/waybill-bench report .local/bench/lake-$$1 \
			infra/reports/Report_digital_wallet_transaction_detail.toml acme \
			'{"d1":"2024-01-01T00:00:00","d2":"2024-12-31T23:59:59.999"}' .local/bench/out $$2 $$3; \
	}; \
	for rows in $(ROWS); do \
		lake=.local/bench/lake-$$rows; \
		if [ ! -d $$lake ]; then \
			rm -rf $$lake.part; \
			$(TARGET_DIR)/release/waybill-local lake --rows $$rows --tenants acme \
				--out $$lake.part/wallet/transactions > /dev/null; \
			mv $$lake.part $$lake; \
		fi; \
		for package in plain $(BENCH_KEY); do bench $$rows csv $$package; done; \
	done; \
	for format in ndjson json xml xlsx parquet txt; do bench $(firstword $(ROWS)) $$format plain; done; \
	for package in gzip zstd aes256 zipcrypto; do bench $(firstword $(ROWS)) csv $$package; done

# The speed of the local cloud says nothing, so of deliveries it is the dispatcher's own CPU time and its calls that
# count, and the storm is a simulation of the very rule that decides. DELIVERIES: how many for each profile.
DELIVERIES ?= 1000
STORM := docs/benchmarks/storm.svg
bench-delivery: build venv ## Measure a dispatcher: CPU and AWS calls per delivery, and the storm (DELIVERIES=1000)
	$(BENCH_BUILD) --bin waybill-dispatcher
	cargo build --workspace --locked --bin waybill-delivery-bench
	@trap '$(LOCAL) down --instance bench-delivery' EXIT; \
	$(LOCAL) down --instance bench-delivery; \
	$(LOCAL) up --instance bench-delivery > .local/bench-up.log || { cat .local/bench-up.log; exit 1; }; \
	WAYBILL_STACK="$(CURDIR)/.local/bench-delivery/stack.json" \
		$(TARGET_DIR)/debug/waybill-delivery-bench $(TARGET_DIR)/release/waybill-dispatcher $(DELIVERIES)
	@cargo test --workspace --lib --locked --quiet -- the_other_waits --nocapture | grep '^|' | tee .local/storm.md
	@$(VENV)/bin/python tests/python/storm.py < .local/storm.md > $(STORM)
	@echo "Drawn: $(STORM)"

# Of what `make release ARCH=...` has made for the processor of this machine.
bench-start: build venv ## Measure how soon the functions in dist/ ask for work, and how large they are
	@trap '$(LOCAL) down --instance bench-start' EXIT; \
	$(LOCAL) down --instance bench-start; \
	$(LOCAL) up --instance bench-start > .local/bench-up.log || { cat .local/bench-up.log; exit 1; }; \
	$(VENV)/bin/python -B tests/bench/cold_start.py .local/bench-start/stack.json dist

cost: venv ## Derive what 1,000 reports cost in AWS
	@$(VENV)/bin/python -B tests/bench/cost.py

openapi: ## Write docs/openapi.json, the API's description, from the code
	WAYBILL_WRITE_OPENAPI=1 cargo test --workspace --bins --locked --quiet -- the_kept_file_is_the_description
	@git diff --stat -- docs/openapi.json

check-reports: build ## Check the report definitions in infra/reports, and the example of triggers
	@$(LOCAL) check-reports infra/reports --triggers infra/examples/triggers

# --- AWS ------------------------------------------------------------------------------------------------------------

# Link-time optimization is thin for the worker, which is to be fast, and whole for the others, which are to be small.
SMALL := $(filter-out worker,$(FUNCTIONS))
release: $(DEPLOY_VENV)/.installed ## Build the deployable functions into dist/ (ARCH=arm64 or x86_64)
	rustup target add $(TARGET)
	$(WORKER_BUILD) --bin waybill-worker
	PATH="$(CURDIR)/$(DEPLOY_VENV)/bin:$$PATH" cargo zigbuild --profile small --locked \
		$(SMALL:%=-p waybill-%) --target $(TARGET).2.34
	@for name in $(FUNCTIONS); do \
		mkdir -p dist/$$name; \
		profile=$$([ $$name = worker ] && echo release || echo small); \
		install -m 755 $(TARGET_DIR)/$(TARGET)/$$profile/waybill-$$name dist/$$name/bootstrap; \
	done
	@ls -l dist/*/bootstrap

deploy: release build ## Deploy to the AWS account of the environment (STACK, ARCH, PARAMETERS), then make its keys
	$(DEPLOY_VENV)/bin/sam deploy --template-file template.yaml --stack-name $(STACK) --resolve-s3 \
		--capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset \
		--parameter-overrides Architecture=$(ARCH) $(PARAMETERS)
	$(LOCAL) init-keys --stack $(STACK)

# --- behind the scenes ----------------------------------------------------------------------------------------------

# One set of packages for demo and tests: with another, Cargo would choose other features and build most of it anew.
# Programs that only benches need are not among them.
build:
	@cargo build --workspace --locked $(FUNCTIONS:%=--bin waybill-%) --bin waybill-local

venv: $(VENV)/.installed

# The JavaScript library of Standard Webhooks. Without npm, the tests say that they skip what needs it.
js: $(if $(shell command -v npm),$(JS)/.installed)

$(JS)/.installed: tests/js/package-lock.json
	@echo "Installing $< into $(@D)"
	@mkdir -p $(@D)
	@cp tests/js/package.json tests/js/package-lock.json $(@D)
	@npm ci --prefix $(@D) --no-audit --no-fund --ignore-scripts --silent
	@touch $@

$(VENV)/.bench: tests/bench/requirements.txt $(VENV)/.installed
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(VENV)/.installed: infra/local/requirements.txt
$(DEPLOY_VENV)/.installed: infra/local/requirements-deploy.txt

$(VENV)/.installed $(DEPLOY_VENV)/.installed:
	@test -n "$(PYTHON)" || { echo "Install Python 3.10 or later, or name it by PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || \
		{ echo "$(PYTHON) lacks venv: install it (Debian, Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Installing $< into $(@D)"
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
