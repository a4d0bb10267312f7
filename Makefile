# Every task a person runs; CI and pre-commit call the same targets. `make help` lists them.
#
# --locked everywhere: what is built is what Cargo.lock says; only `make update` changes it.

SHELL := /bin/bash
CARGO ?= cargo
# More arguments for the program, e.g. make run ARGS="--source csv:prices.csv --speed max"
ARGS ?=
BENCHMARKS := bench-live

.DEFAULT_GOAL := help
# One target after the other, also under -j: what is missing is said before anything is built, and cargo
# uses all cores by itself.
.NOTPARALLEL:
.PHONY: help run test build release lint fmt fmt-check check-versions doc bench bench-live deny \
        clean update check-prerequisites check-run-prerequisites

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Ctrl-C ends the program cleanly with exit code 130: no error here.
run: check-run-prerequisites ## Build quickly and run; more arguments in ARGS="..."
	$(CARGO) run --locked --package silverbullet-cli -- run $(ARGS) || [ $$? -eq 130 ]

# The cheap checks first. `cargo test` runs unit, behaviour and documentation tests.
test: check-prerequisites fmt-check check-versions lint doc ## Run every check: format, lints, docs, tests
	$(CARGO) test --workspace --locked --no-fail-fast
	@scripts/skipped-tests.sh

build: check-run-prerequisites ## Build the quick profile (what computes is optimised in it too)
	$(CARGO) build --workspace --locked

release: check-run-prerequisites ## Build everything optimised: target/release/silverbullet
	$(CARGO) build --workspace --release --locked

lint: ## Run clippy on all targets; a warning is an error
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

fmt: ## Format all Rust code
	$(CARGO) fmt --all

fmt-check: ## Say what is not formatted
	$(CARGO) fmt --all -- --check

check-versions: ## Check that the versions written in several files agree
	@scripts/check-versions.sh

doc: ## Build the documentation of the crates; a warning is an error
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

bench: ## Run every benchmark (each alone: make bench-<name>)
	@echo "Benchmarks: $(BENCHMARKS)"
	@$(MAKE) --no-print-directory $(BENCHMARKS)

bench-live: ## Measure the live loop: ticks a second, and time to answer one
	$(CARGO) run --release --locked --package silverbullet-engine --example throughput

deny: ## Check licences, sources and advisories of dependencies (needs cargo-deny)
	@command -v cargo-deny >/dev/null || { echo "Missing: cargo-deny. Get it by: cargo install --locked cargo-deny" >&2; exit 1; }
	$(CARGO) deny --locked check

clean: ## Delete everything that was built
	$(CARGO) clean

update: ## Take newer versions of dependencies into Cargo.lock
	$(CARGO) update

check-prerequisites: ## Say what is missing to build, run and test, and how to get it
	@scripts/check-prerequisites.sh test

check-run-prerequisites:
	@scripts/check-prerequisites.sh run
