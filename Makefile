# make demo and make test are all a newcomer needs; each sets up what it uses.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: setup demo test lint bench model editor fuzz soak lock clean
.DEFAULT_GOAL := setup

# The library in C where there is a compiler; without one all works, and a mail costs half as much again.
setup: $(READY)
	@$(BIN)/python -m router.native

# Build tools first: flanker, authres and friends are published without wheels and are built from their locked sources.
$(READY): requirements.lock requirements-build.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-build.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps --no-build-isolation -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

demo: setup
	$(BIN)/mailrouter demo --once --at 2026-03-06T19:40+02:00

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m bench.per_message --concurrency 8 64 1
	$(BIN)/python -m bench.attachment
	$(BIN)/python -m bench.through_postfix
	$(BIN)/python -m bench.predict
	$(BIN)/python -m bench.rules
	$(BIN)/python -m bench.start

# The shipped model again, from the mails in models/data: byte for byte the one that is there, or git shows what differs.
model: setup
	$(BIN)/mailrouter train models/data --out models
	git diff --stat --exit-code -- models
	git status --porcelain -- models

# Each fuzz target for SECONDS; atheris has an environment of its own, beside the packages of the first.
SECONDS ?= 300
fuzz: setup .venv-fuzz/.ready
	$(BIN)/python -m tests.fuzz.long --seconds $(SECONDS)
.venv-fuzz/.ready: requirements-fuzz.lock
	$(BIN)/python -m venv .venv-fuzz
	.venv-fuzz/bin/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-fuzz.lock
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > $$(.venv-fuzz/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/beside.pth
	touch $@

# 200,000 messages with faults on, and 60 s of overload; docs/reliability.md has its last report.
soak: setup
	$(BIN)/python -m bench.soak

# The language server that editors use for YAML, for tests/editor; needs node and npm.
editor: tests/editor/node_modules/.ready
tests/editor/node_modules/.ready: tests/editor/package-lock.json
	npm ci --prefix tests/editor --ignore-scripts --no-audit --no-fund
	touch $@

# Needs uv on the PATH; only for whoever changes the dependencies.
LOCK := uv pip compile --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
lock:
	$(LOCK) requirements-build.in -o requirements-build.lock
	$(LOCK) pyproject.toml --extra dev -o requirements.lock
	uv pip compile --generate-hashes --no-emit-index-url --no-header --no-annotate requirements-fuzz.in -o requirements-fuzz.lock

clean:
	rm -rf $(VENV) .venv-fuzz .fuzz-corpus .sendmail .pytest_cache .mypy_cache .ruff_cache
