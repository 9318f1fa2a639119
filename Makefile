# Everything that is made stays in this checkout: target/, .venv/, node/node_modules/ and the native modules that py/
# and node/ load. Nothing here reads standard input.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
NODE ?= node
NPM ?= npm
CARGO ?= cargo

# Whatever the user's own configuration says: the paths below rely on it.
export CARGO_TARGET_DIR := $(CURDIR)/target
# Not the scripts in .venv/bin: their first lines cannot hold a path with a space in it.
VENV_PYTHON := .venv/bin/python
# One style for all, that of the package.
RUFF := $(VENV_PYTHON) -m ruff --config py/pyproject.toml
PYTHON_SOURCES := py tests
# What programs look for when they start. ffi-c/build.rs gives it to the library.
SONAME := libjitsimeet.so.0
VERSION := $(shell sed -n '/^\[workspace.package\]/,/^$$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
DESTDIR ?=
PREFIX ?= /usr/local
INSTALL ?= install
STRIP ?= strip
LIBRARIES = $(DESTDIR)$(PREFIX)/lib

.PHONY: help
help: ## Says what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

# ---- Building

.PHONY: build native c py wheel docs node
build: c py node ## Builds the libraries, the packages and the test servers

# In one call: cargo chooses the features of a dependency anew for each, and compiles it anew for each choice.
native:
	$(CARGO) build --release

c: native ## Builds libjitsimeet, the C example and the test servers
	@mkdir -p target/examples
	@ln -sf libjitsimeet.so target/release/$(SONAME)
	$(CC) -std=c11 -O2 -Wall -Wextra -Werror -Iinclude -o target/examples/connect ffi-c/examples/connect.c \
		-Ltarget/release -ljitsimeet -Wl,-rpath,'$$ORIGIN/../release'

# ---- Installing the C library

.PHONY: install docs
# Where it is built as one user and installed as another, the other need not have cargo.
target/release/libjitsimeet.so target/release/libjitsimeet.a:
	$(MAKE) native

install: target/release/libjitsimeet.so target/release/libjitsimeet.a ## Installs the C library: DESTDIR= PREFIX=/usr/local
	$(INSTALL) -d '$(LIBRARIES)/pkgconfig' '$(LIBRARIES)/cmake/jitsimeet' '$(DESTDIR)$(PREFIX)/include'
	$(STRIP) --strip-unneeded -o '$(LIBRARIES)/libjitsimeet.so.$(VERSION)' target/release/libjitsimeet.so
	chmod 755 '$(LIBRARIES)/libjitsimeet.so.$(VERSION)'
	ln -sf 'libjitsimeet.so.$(VERSION)' '$(LIBRARIES)/$(SONAME)'
	ln -sf '$(SONAME)' '$(LIBRARIES)/libjitsimeet.so'
	$(STRIP) --strip-debug -o '$(LIBRARIES)/libjitsimeet.a' target/release/libjitsimeet.a
	chmod 644 '$(LIBRARIES)/libjitsimeet.a'
	$(INSTALL) -m 644 include/jitsimeet.h include/jitsimeet.hpp '$(DESTDIR)$(PREFIX)/include'
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' ffi-c/jitsimeet.pc.in \
		>'$(LIBRARIES)/pkgconfig/jitsimeet.pc'
	$(INSTALL) -m 644 ffi-c/jitsimeet-config.cmake '$(LIBRARIES)/cmake/jitsimeet'
	sed -e 's|@VERSION@|$(VERSION)|' ffi-c/jitsimeet-config-version.cmake.in \
		>'$(LIBRARIES)/cmake/jitsimeet/jitsimeet-config-version.cmake'

docs: docs-c docs-python docs-node ## Writes the API pages: target/doxygen, target/docs/python, node/docs

# Silent but for warnings, which are errors.
docs-c:
	@mkdir -p target/doxygen
	cd ffi-c && doxygen Doxyfile

py: .venv/stamp ## Builds the Python package into .venv
	VIRTUAL_ENV='$(CURDIR)/.venv' $(VENV_PYTHON) -m maturin develop --release -m py/Cargo.toml

# zig links against the libc of manylinux2014, whatever that of this machine is. It is looked for in the PATH.
wheel: .venv/stamp ## Builds the wheel (manylinux2014) and the source distribution of the package into target/packages
	rm -rf target/packages
	PATH='$(CURDIR)/.venv/bin':"$$PATH" $(VENV_PYTHON) -m maturin build --release --strip --zig \
		--compatibility manylinux2014 -m py/Cargo.toml --out target/packages
	$(VENV_PYTHON) -m maturin sdist -m py/Cargo.toml --out target/packages

docs-python: py
	$(VENV_PYTHON) -m pdoc --docformat restructuredtext --template-directory py/docs -o target/docs/python \
		jitsimeet jitsimeet.testing jitsimeet.pytest_plugin

docs-node: node/node_modules/stamp
	cd node && $(NPM) run docs

node: node/node_modules/stamp ## Builds the Node package in place
	cd node && $(NPM) run build

.venv/stamp: py/requirements-dev.txt
	@$(PYTHON) -c 'import ensurepip, venv' || { \
		echo 'This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(VENV_PYTHON) -m pip install --disable-pip-version-check -r py/requirements-dev.txt
	@touch $@

# Not `npm ci`: npm 11 takes a lock file without the addresses of a registry for incomplete.
node/node_modules/stamp: node/package.json node/package-lock.json
	cd node && $(NPM) install --foreground-scripts --no-audit --no-fund
	@touch $@

# ---- Showing

.PHONY: demo
demo: c py node ## Connects from C, Python and Node; to a deployment with SERVICE_URL= and DOMAIN= [CA_CERTIFICATES=]
	@NODE='$(NODE)' $(PYTHON) tests/demo.py

# ---- Testing

TEST_STEPS := setup check-lock check-format check-rust check-docs check-package check-python check-node \
	test-rust test-python test-node test-readme test-repository

.PHONY: test setup check-lock check-format check-rust check-docs check-package check-python check-node
.PHONY: test-rust test-python test-node test-readme test-repository
test: ## Runs all checks and tests, up to the first that fails
	@MAKE='$(MAKE)' bash tests/run_steps.sh $(TEST_STEPS)

setup:
	PYTHON='$(PYTHON)' bash tests/setup.sh

check-lock:
	$(CARGO) metadata --locked --format-version 1 >/dev/null

check-format:
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml --check

check-rust:
	$(CARGO) clippy --workspace --all-targets -- -D warnings

check-docs:
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps
	RUSTDOC=$(CURDIR)/tests/rustdoc_json.sh $(CARGO) rustdoc -p jitsimeet --lib -- -Z unstable-options --output-format json
	$(PYTHON) tests/check_public_api.py target/doc/jitsimeet.json
	@if command -v doxygen >/dev/null; then $(MAKE) docs-c; else echo 'SKIPPED, doxygen is missing: docs-c' >&2; fi

# What would go to crates.io, built by itself: without the other members, whose names are not on it.
check-package:
	$(CARGO) package --package jitsimeet --allow-dirty --offline

test-rust:
	$(CARGO) test
	$(CARGO) test -p jitsimeet-testmodels
	$(CARGO) test -p jitsimeet-bench

check-python: .venv/stamp
	$(RUFF) format --check $(PYTHON_SOURCES)
	$(RUFF) check $(PYTHON_SOURCES)
	cd py && ../$(VENV_PYTHON) -m mypy
	$(VENV_PYTHON) -m mypy --strict tests

test-python: native py
	cd py && ../$(VENV_PYTHON) -m pytest

check-node: node/node_modules/stamp
	cd node && $(NPM) run lint && $(NPM) run types && $(NPM) run docs

test-node: native node
	cd node && $(NPM) test

test-readme: build
	$(VENV_PYTHON) tests/readme/run.py

test-repository: build wheel
	$(VENV_PYTHON) -m pytest tests

# ---- Disturbing

# The short forms are among the tests. CHAOS_SEED plays a run again.
MINUTES ?= 10
CONNECTIONS ?= 200

.PHONY: chaos soak
chaos: ## Disturbs every conversation at every byte
	$(CARGO) build --release --package jitsimeet-chaos
	target/release/jitsimeet-chaos every-byte

soak: ## Disturbs many connections at random: MINUTES=10 CONNECTIONS=200
	$(CARGO) build --release --package jitsimeet-chaos
	target/release/jitsimeet-chaos soak --minutes '$(MINUTES)' --connections '$(CONNECTIONS)'

# ---- Measuring

.PHONY: bench bench-core bench-memory bench-scale bench-sessions bench-programs
ROUNDS ?= 5
bench: bench-programs py node ## Measures ours beside the peers, some 15 minutes; shorter with ROUNDS=n
	@NODE='$(NODE)' NPM='$(NPM)' target/release/jitsimeet-bench all '$(ROUNDS)'

bench-core: ## Measures frames and logins beside the floor
bench-memory: ## Weighs idle sessions, and what they cost while nothing happens
bench-scale: ## Measures the cost of a session and a stanza from 1 to 10,000 sessions
bench-sessions: ## Takes 10,000 sessions, and 1,000 on Prosody, through the loss of their server
bench-core bench-memory bench-scale bench-sessions: bench-%: bench-programs
	@target/release/jitsimeet-bench $*

bench-programs:
	@$(CARGO) build --release --quiet --package jitsimeet-bench --package jitsimeet-c

.PHONY: leaks bench-imports
leaks: native py node ## Connects and disconnects 10,000 times from Python and from Node, and looks what is left
	$(VENV_PYTHON) py/tests/programs/leaks.py 10000
	cd node && $(NPM) run test:leaks

bench-imports: py ## Measures what an import of the Python package takes
	$(VENV_PYTHON) py/benchmarks/imports.py

# ---- Fuzzing

CARGO_FUZZ_VERSION := 0.13.2
CARGO_FUZZ := target/tools/cargo-fuzz-$(CARGO_FUZZ_VERSION)/bin/cargo-fuzz
TARGET ?= frame
SECONDS ?= 600
# `address` needs what stable calls unstable; without a sanitizer nothing does.
SANITIZER ?= none
FUZZ_OPTIONS = --fuzz-dir tests/fuzz --target-dir target/fuzz/$(SANITIZER) --sanitizer $(SANITIZER)
FUZZ = $(if $(filter-out none,$(SANITIZER)),RUSTC_BOOTSTRAP=1) $(CARGO_FUZZ)
# What is longer finds nothing that is not found sooner in what is short.
FUZZ_LENGTH := 4096

.PHONY: fuzz fuzz-keep
$(CARGO_FUZZ):
	$(CARGO) install --root '$(@D)/..' --locked cargo-fuzz --version $(CARGO_FUZZ_VERSION)

fuzz: $(CARGO_FUZZ) ## Fuzzes: TARGET=frame, body, session, options or abi; SECONDS=600 SANITIZER=none
	@mkdir -p target/fuzz/corpus/$(TARGET)
	$(FUZZ) run $(FUZZ_OPTIONS) $(TARGET) target/fuzz/corpus/$(TARGET) tests/fuzz/corpus/$(TARGET) -- \
		-max_total_time=$(SECONDS) -max_len=$(FUZZ_LENGTH) -timeout=20 -print_final_stats=1 \
		$(addprefix -dict=,$(wildcard tests/fuzz/dictionaries/$(TARGET).dict)) $(LIBFUZZER)

fuzz-keep: $(CARGO_FUZZ) ## Keeps of what `make fuzz` has found, and of the corpus of TARGET=, as little as covers the same
	@rm -rf target/fuzz/kept
	@mkdir -p target/fuzz/kept
	$(FUZZ) run $(FUZZ_OPTIONS) $(TARGET) target/fuzz/kept tests/fuzz/corpus/$(TARGET) target/fuzz/corpus/$(TARGET) -- \
		-set_cover_merge=1 -use_counters=0 -max_len=1024
	@rm -rf tests/fuzz/corpus/$(TARGET)
	mv target/fuzz/kept tests/fuzz/corpus/$(TARGET)

# ---- Keeping

.PHONY: header abi format lint clean
header: ## Writes include/jitsimeet.h anew
	UPDATE_HEADER=1 $(CARGO) test -p jitsimeet-c --test header

abi: ## Records the ABI of the C library in ffi-c/abi.txt anew
	UPDATE_ABI=1 $(CARGO) test -p jitsimeet-c --test abi

format: .venv/stamp node/node_modules/stamp ## Formats all sources
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml
	$(RUFF) check --fix $(PYTHON_SOURCES)
	$(RUFF) format $(PYTHON_SOURCES)
	cd node && $(NPM) run format

lint: check-format check-rust check-docs check-package check-python check-node ## Runs the checks of `make test` that run no code

clean: ## Removes all that was made
	rm -rf target .venv node/node_modules node/*.node node/lib/addon.d.ts py/python/jitsimeet/*.so node/dist node/docs
