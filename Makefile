# Every task a person runs; CI and pre-commit call the same targets. `make help` lists them.
#
# --locked everywhere: what is built is what Cargo.lock says; only `make update` changes it.

SHELL := /bin/bash
CARGO ?= cargo
# More arguments for the program, e.g. make run ARGS="--source csv:prices.csv --speed max"
ARGS ?=
BENCHMARKS := bench-kernel bench-live bench-sql bench-kafka bench-exchange bench-flight bench-cassandra bench-cluster
# The page is embedded in the program; where these change it is built anew.
WEB_SOURCES = $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print)
TARGET = $(abspath $(or $(CARGO_TARGET_DIR),target))
# The program that `cargo test` has built, for the tests in other languages.
PROGRAM = $(TARGET)/debug/silverbullet
# Where cargo-fuzz builds and keeps its inputs, and the targets that read what exchanges send.
FUZZ = $(TARGET)/fuzz
KERNEL_EXAMPLES = $(addprefix --example ,$(notdir $(basename $(wildcard rust/kernel/examples/*))))
FRAMES := $(addprefix frames_,binance bybit coinbase coinbase_advanced kraken okx)

# Kafka's client speaks TLS by OpenSSL. Where the system has it for developers it need not be built along.
ifeq ($(shell pkg-config --exists openssl 2>/dev/null && echo yes),yes)
export OPENSSL_NO_VENDOR := 1
endif

.DEFAULT_GOAL := help
# One target after the other, also under -j: what is missing is said before anything is built, and cargo
# uses all cores by itself.
.NOTPARALLEL:
.PHONY: help run test test-rust test-web test-tables test-python test-kafka test-cassandra test-spark test-cluster test-page python kafka kafka-stop cassandra cassandra-stop spark spark-stop spark-package cluster-up cluster-down demo-cluster cluster-ready notebooks-ready build release web lint fmt fmt-check \
        check-versions check-notebooks doc bench bench-kernel bench-live bench-sql bench-kafka bench-exchange bench-flight bench-cassandra bench-cluster soak-fuzz fuzz fuzz-seeds soak-frames check-fuzz check-cargo-fuzz soak-kill soak-kafka soak-cassandra soak-page deny clean update \
        check-prerequisites check-run-prerequisites browser

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Ctrl-C ends the program cleanly with exit code 130: no error here.
run: check-run-prerequisites web ## Build quickly and run; more arguments in ARGS="..."
	$(CARGO) run --locked --package silverbullet-cli -- run $(ARGS) || [ $$? -eq 130 ]

# The cheap checks first; what needs the program comes after the tests that build it.
test: check-prerequisites browser fmt-check check-versions check-notebooks web test-web lint check-fuzz doc test-rust test-tables test-python test-kafka test-cassandra test-spark test-cluster test-page ## Run every check: format, lints, docs, tests
	@scripts/skipped-tests.sh

test-rust: web ## Unit, behaviour and documentation tests of the crates, faults included
	$(CARGO) test --workspace --locked --no-fail-fast --features silverbullet-store/failpoints

test-web: web/node_modules/.installed ## Lint, types and unit tests of the page
	cd web && npm run --silent lint && npm run --silent typecheck && npm test --silent

test-tables: .venv/.installed ## The stored tables, read by polars, DuckDB and pandas; Flight SQL, asked by pyarrow, ADBC and JDBC
	scripts/fetch-jdbc-driver.sh
	SILVERBULLET_BIN=$(PROGRAM) .venv/bin/python -m pytest -q python/tests $(addprefix --ignore python/tests/,kafka cassandra package spark cluster)

# What the crates answer is printed by a program of theirs, with which the package's answers are compared bit for bit.
test-python: python ## The Python package: bits of the crates, parts of runs, every kind of input, types, its guide
	$(CARGO) build --locked --workspace --example answers
	SILVERBULLET_BIN=$(PROGRAM) SILVERBULLET_ANSWERS=$(TARGET)/debug/examples/answers .venv/bin/python -m pytest -q python/tests/package

test-kafka: .venv/.installed ## Kafka's scripts, documents, csv_producer.py and the program, with real brokers
	setup/kafka/bin/kafka-fetch.sh
	SILVERBULLET_BIN=$(PROGRAM) .venv/bin/python -m pytest -q python/tests/kafka

test-cassandra: python ## Cassandra's scripts and guide, the store's tables in it and the package's, with a real node and a ring of three
	setup/cassandra/bin/cassandra-fetch.sh
	SILVERBULLET_BIN=$(PROGRAM) .venv/bin/python -m pytest -q python/tests/cassandra
	CARGO="$(CARGO)" scripts/test-cassandra-store.sh

test-spark: spark-package ## Spark's scripts and documents, data sources and jobs, with a real master, two workers, a broker, a Cassandra node and the program
	setup/spark/bin/spark-kafka-fetch.sh
	setup/kafka/bin/kafka-fetch.sh
	setup/cassandra/bin/cassandra-fetch.sh
	SILVERBULLET_BIN=$(PROGRAM) SILVERBULLET_PACKAGE=$(TARGET)/package .venv-spark/bin/python -m pytest -q python/tests/spark

# Tests run in .venv, Spark and the notebooks in .venv-spark.
test-cluster: spark-package .venv-spark/.notebooks browser web/node_modules/.installed ## Prices from a file through Kafka, engine, Spark and Cassandra to SQL; bands on the page; the notebooks; starting and stopping the cluster
	setup/kafka/bin/kafka-fetch.sh
	setup/cassandra/bin/cassandra-fetch.sh
	SILVERBULLET_BIN=$(PROGRAM) SILVERBULLET_PACKAGE=$(TARGET)/package .venv/bin/python -m pytest -q python/tests/cluster

test-page: browser web/node_modules/.installed ## The page in a real browser
	SILVERBULLET_BIN=$(PROGRAM) node --test web/e2e/

kafka: ## Fetch and start a Kafka broker on 127.0.0.1:9092 (setup/kafka/kafka-setup.md)
	@setup/kafka/bin/kafka-fetch.sh
	@setup/kafka/bin/kafka-start.sh

kafka-stop: ## Stop it
	@setup/kafka/bin/kafka-stop.sh

cassandra: ## Fetch and start a Cassandra node on 127.0.0.1:9042 (setup/cassandra/cassandra-setup.md)
	@setup/cassandra/bin/cassandra-fetch.sh
	@setup/cassandra/bin/cassandra-start.sh

cassandra-stop: ## Stop it
	@setup/cassandra/bin/cassandra-stop.sh

spark: ## Fetch and start a Spark master and two workers on 127.0.0.1:7077 (setup/spark/spark-setup.md)
	@setup/spark/bin/spark-fetch.sh
	@setup/spark/bin/spark-start.sh

spark-package: python ## Unpack the Python package into target/package, for Spark (docs/spark.md)
	setup/spark/bin/spark-fetch.sh
	rm -rf $(TARGET)/package
	.venv-spark/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index --target $(TARGET)/package $(TARGET)/wheels/*.whl

spark-stop: ## Stop them
	@setup/spark/bin/spark-stop.sh

cluster-up: cluster-ready ## Start Kafka, Cassandra, Spark and an engine on 127.0.0.1, and say what is where (setup/cluster/cluster-setup.md)
	@PROGRAM=$(PROGRAM) setup/cluster/bin/cluster-up.sh $(ARGS)

cluster-down: ## Stop what cluster-up has started
	@setup/cluster/bin/cluster-down.sh $(ARGS)

demo-cluster: cluster-ready ## Send sample prices through all of it, have Spark draw portfolios, ask for the frontier in SQL; ARGS="--keep yes" lets it go on
	@PROGRAM=$(PROGRAM) PACKAGE=$(TARGET)/package setup/cluster/bin/demo.sh $(ARGS)

cluster-ready: build spark-package
	@setup/kafka/bin/kafka-fetch.sh
	@setup/cassandra/bin/cassandra-fetch.sh

notebooks-ready: spark-package .venv-spark/.notebooks ## Get what the notebooks run with (notebooks/README.md)

# Into the environment of Spark, as kernel of which they run.
.venv-spark/.notebooks: python/requirements-notebooks.txt python/requirements-spark.txt
	setup/spark/bin/spark-fetch.sh
	.venv-spark/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

build: check-run-prerequisites web ## Build the quick profile (what computes is optimised in it too)
	$(CARGO) build --workspace --locked

release: check-run-prerequisites web ## Build everything optimised: target/release/silverbullet
	$(CARGO) build --workspace --release --locked

# Quick to build, and what computes is optimised in it, too. PROFILE=release optimises all of it, as is published.
python: .venv/.installed ## Build the Python package and install it into .venv
	rm -rf $(TARGET)/wheels
	cd python && ../.venv/bin/maturin build --quiet --profile $(or $(PROFILE),dev) --out $(TARGET)/wheels
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index --force-reinstall $(TARGET)/wheels/*.whl

web: web/dist/index.html ## Build the page that the program serves

web/dist/index.html: web/node_modules/.installed $(WEB_SOURCES)
	cd web && npm run --silent build
	@touch $@

web/node_modules/.installed: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.venv/.installed: python/requirements-test.txt python/requirements-package.txt python/requirements-kafka.txt python/requirements-cassandra.txt
	python3 -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes $(addprefix -r ,$^)
	@touch $@

.venv-bench/.installed: benchmarks/requirements.txt
	python3 -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

browser: ## See to it that there is a Chromium for the tests of the page
	@scripts/ensure-browser.sh

lint: ## Run clippy on all targets; a warning is an error
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

fmt: ## Format all Rust code
	$(CARGO) fmt --all

fmt-check: ## Say what is not formatted
	$(CARGO) fmt --all -- --check

check-versions: ## Check that the versions written in several files agree
	@scripts/check-versions.sh

check-notebooks: ## Check that the notebooks are committed without outputs
	@scripts/check-notebooks.py

doc: ## Build the documentation of the crates; a warning is an error
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

bench: ## Run every benchmark (each alone: make bench-<name>)
	@echo "Benchmarks: $(BENCHMARKS)"
	@$(MAKE) --no-print-directory $(BENCHMARKS)

# Programs that measure are built as parts of the workspace: of one package alone its dependencies have other features,
# and all that is behind SQL would be compiled once more.
# Of the examples that measure the kernel, those that exist; the peers on the same inputs, in turns, on one core.
bench-kernel: .venv-bench/.installed ## Measure the kernel beside NumPy, Clarabel, PyPortfolioOpt and skfolio
	$(CARGO) build --release --locked --workspace $(KERNEL_EXAMPLES)
	.venv-bench/bin/python benchmarks/kernel/run.py $(TARGET)/release/examples $(TARGET)/bench-kernel

# Each beside the same of an empty loop; ARGS=--quick looks whether all of it works, in seconds, ARGS=--help says what can be set.
bench-live: .venv/.installed ## Measure the live loop: time to answer a tick, ticks a second, a file at full speed, memory
	$(CARGO) build --release --locked --workspace --example throughput
	.venv/bin/python benchmarks/live/run.py $(TARGET)/release/examples/throughput $(TARGET)/bench-live $(ARGS)

# What a query takes, then the aggregate beside DuckDB on the same files, in turns in one run.
bench-sql: .venv/.installed ## Measure SQL over 10 million stored rows, beside DuckDB
	$(CARGO) build --release --locked --workspace --example bench_sql
	$(TARGET)/release/examples/bench_sql $(TARGET)/bench-sql
	.venv/bin/python benchmarks/sql/duckdb_peer.py $(TARGET)/release/examples/bench_sql $(TARGET)/bench-sql

# Needs Java and Maven, which fetches the broker and Flink (130 MB). ARGS="--smoke" is over in two minutes.
bench-kafka: .venv/.installed ## Measure the engine on a real Kafka broker beside a bare consumer and Apache Flink
	setup/kafka/bin/kafka-fetch.sh
	mvn --quiet --batch-mode --file benchmarks/flink/pom.xml -Djob.directory=$(TARGET)/bench-kafka/flink package
	$(CARGO) build --release --locked --workspace --example kafka_bench --example kafka_bare
	.venv/bin/python benchmarks/kafka/run.py $(TARGET)/release/examples $(TARGET)/bench-kafka $(ARGS)

# Ten million rows and half an hour; ARGS="--smoke" is over in two minutes.
bench-cassandra: .venv/.installed ## Measure tables in a real Cassandra node beside the bare Rust driver and the Python driver
	setup/cassandra/bin/cassandra-fetch.sh
	$(CARGO) build --release --locked --workspace --example cassandra_bench
	.venv/bin/python benchmarks/cassandra/run.py $(TARGET)/release/examples/cassandra_bench $(TARGET)/bench-cassandra $(ARGS)

# A thousand million portfolios and ten million rows; ARGS="--smoke" is over in three minutes, ARGS=--help says what can be set.
bench-cluster: ## Measure Spark's jobs and data sources on a real cluster beside what they are made of
	$(MAKE) --no-print-directory spark-package PROFILE=release
	setup/cassandra/bin/cassandra-fetch.sh
	$(CARGO) build --release --locked --workspace --bin silverbullet --example draw_blocks --example cassandra_bench
	SILVERBULLET_BIN=$(TARGET)/release/silverbullet SILVERBULLET_PACKAGE=$(TARGET)/package \
		.venv-spark/bin/python benchmarks/cluster/run.py $(TARGET)/release/examples $(TARGET)/bench-cluster $(ARGS)

# Two lines of JSON; ARGS names another recording of Binance than the one in the shared data.
bench-exchange: ## Measure reading a frame of an exchange, and frames a second from an in-memory socket to the sink
	$(CARGO) build --release --locked --workspace --example exchange_speed
	$(TARGET)/release/examples/exchange_speed $(ARGS)

# Ten million rows to read, and as many to ask; ARGS="--rows 1000000 --pairs 3" is a try.
bench-flight: .venv/.installed ## Measure Flight beside a server of pyarrow with the same batches, and queries over Flight SQL
	$(CARGO) build --release --locked --workspace --example flight_bench --example bench_sql
	$(TARGET)/release/examples/bench_sql $(TARGET)/bench-sql --prepare
	.venv/bin/python benchmarks/flight/run.py $(TARGET)/release/examples/flight_bench $(TARGET)/bench-sql $(ARGS)
	.venv/bin/python benchmarks/flight/crowd.py $(TARGET)/release/examples/flight_bench $(TARGET)/bench-sql
	.venv/bin/python benchmarks/flight/hostile.py $(TARGET)/release/examples/flight_bench $(TARGET)/bench-sql

# The same test as in `make test`, on a million problems; FIRST=<seed> PROBLEMS=1 asks one again and shows it.
soak-fuzz: ## Ask the kernel a million random problems, sound and unsound: no panic, no NaN, feasible weights
	SILVERBULLET_FUZZ_PROBLEMS=$(or $(PROBLEMS),1000000) SILVERBULLET_FUZZ_FIRST=$(or $(FIRST),0) $(if $(filter 1,$(PROBLEMS)),SILVERBULLET_FUZZ_SHOW=1) \
		$(CARGO) test --locked --package silverbullet-kernel --test robustness -- --nocapture

# Without a sanitizer cargo-fuzz runs on the stable compiler; there is no unsafe code here for one to look at.
fuzz: check-cargo-fuzz $(if $(filter frames_%,$(TARGET_NAME)),fuzz-seeds) ## Let libFuzzer make up bytes for LENGTH seconds: for the kernel, or for TARGET_NAME=frames_<exchange> (needs cargo-fuzz)
	@mkdir -p $(FUZZ)/corpus/$(or $(TARGET_NAME),questions)
	$(CARGO) fuzz run --sanitizer none --target-dir $(FUZZ) $(or $(TARGET_NAME),questions) $(FUZZ)/corpus/$(or $(TARGET_NAME),questions) -- \
		-max_total_time=$(or $(LENGTH),60) -max_len=4096 $(if $(filter frames_%,$(TARGET_NAME)),-dict=fuzz/frames.dict)

soak-frames: check-cargo-fuzz fuzz-seeds ## Let libFuzzer make up a million inputs for the parser of each exchange (needs cargo-fuzz)
	@CARGO="$(CARGO)" scripts/soak-frames.sh $(FUZZ) $(or $(INPUTS),1000000) $(or $(TARGET_NAME),$(FRAMES))

# From recordings, which are not part of the project: neither is what is made of them.
fuzz-seeds:
	@$(CARGO) build --quiet --locked --workspace --example frame_seeds
	@$(TARGET)/debug/examples/frame_seeds $(FUZZ)/corpus

check-cargo-fuzz:
	@command -v cargo-fuzz >/dev/null || { echo "Missing: cargo-fuzz. Get it by: cargo install --locked cargo-fuzz" >&2; exit 1; }

check-fuzz: ## Check that the fuzz targets compile and have no warnings
	$(CARGO) check --quiet --locked --manifest-path fuzz/Cargo.toml --target-dir $(TARGET)

soak-kill: web ## Kill the program at many random moments: the stored rows stay those of an undisturbed run
	SILVERBULLET_KILLS=$(or $(KILLS),200) $(CARGO) test --locked --workspace --features silverbullet-store/failpoints --test recovery -- --nocapture

soak-kafka: .venv/.installed web ## Kill engine, broker and both while a million prices flow: the stored rows stay those of an undisturbed run
	$(CARGO) build --locked --workspace --features silverbullet-store/failpoints
	setup/kafka/bin/kafka-fetch.sh
	SILVERBULLET_KAFKA_KILLS=$(or $(KILLS),50) SILVERBULLET_KAFKA_TICKS=$(or $(TICKS),1000000) SILVERBULLET_KAFKA_SECONDS=$(or $(LENGTH),600) \
		SILVERBULLET_KAFKA_SEED=$(or $(SEED),1) SILVERBULLET_KAFKA_AWAY=$(or $(AWAY),60) SILVERBULLET_BIN=$(PROGRAM) .venv/bin/python -m pytest -q -s python/tests/kafka/test_recovery.py

soak-cassandra: .venv/.installed web ## Kill the Cassandra node twenty times in the midst of writing: every row is there in the end
	$(CARGO) build --locked --workspace --features silverbullet-store/failpoints
	setup/cassandra/bin/cassandra-fetch.sh
	CASSANDRA_KILLS=$(or $(KILLS),20) SILVERBULLET_BIN=$(PROGRAM) .venv/bin/python -m pytest -q -s python/tests/cassandra/test_cli.py -k away

soak-page: browser build ## Watch the page for long: frames and memory
	SILVERBULLET_E2E_SECONDS=$(or $(LENGTH),60) SILVERBULLET_E2E_FRAMES=30 SILVERBULLET_BIN=$(PROGRAM) node --test web/e2e/

deny: ## Check licences, sources and advisories of dependencies (needs cargo-deny)
	@command -v cargo-deny >/dev/null || { echo "Missing: cargo-deny. Get it by: cargo install --locked cargo-deny" >&2; exit 1; }
	$(CARGO) deny --locked check

clean: ## Delete everything that was built
	$(CARGO) clean

update: ## Take newer versions of dependencies into the lock files of Cargo, npm and Python
	$(CARGO) update
	cd web && npm update --no-audit --no-fund
	scripts/update-python.sh

check-prerequisites: ## Say what is missing to build, run and test, and how to get it
	@scripts/check-prerequisites.sh test

check-run-prerequisites:
	@scripts/check-prerequisites.sh run
