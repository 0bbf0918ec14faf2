# make explore · make verify · make proofs · make test · make docs · make browser · make bench · make lint
# make wheel · make venv · make clean
# make thorough: the slow tests and those that are run before a release
# make mutants: the code changed one operator at a time, and how many changes its tests notice
# make traps: networks and certificates that look right and are not, for any verifier
# make coverage: the tests that CI runs, and their lines and branches; fails if a raise has not run
# make fuzz: changed inputs for every reader of what a user gives
# Each works from a bare clone with python3 (3.11 or newer, with venv), git and make.
# Arguments pass through: make verify ARGS="--profile full"

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
EXTRAS ?= test
comma := ,

python := $(VENV)/bin/python
pip := PIP_DISABLE_PIP_VERSION_CHECK=1 $(python) -m pip install --quiet --constraint constraints.txt

.PHONY: explore verify proofs test thorough docs browser bench mutants traps fuzz coverage lint wheel venv clean
.NOTPARALLEL:

explore: $(VENV)/.ready-test
	$(python) -m verify.explore $(ARGS)

verify: $(VENV)/.ready-test
	$(python) -m verify.all $(ARGS)

# The laws for all n, m, L and K, checked by Coq's kernel; what is compiled goes to build/proofs.
proofs:
	@command -v coqc >/dev/null || \
	  { echo "coqc not found: on Debian or Ubuntu, apt install coq libcoq-mathcomp-algebra" >&2; exit 1; }
	@mkdir -p build/proofs && cd build/proofs && rm -f *.v accepted && cp -p ../../theory/proofs/*.v .
	@cd build/proofs && coq_makefile -Q . Everyweight -arg -w -arg none *.v -o Makefile
	@$(MAKE) --no-print-directory --directory build/proofs $(ARGS)
	@! grep -nE '^ *(Axiom|Parameter|Conjecture|Admitted)|\b(admit|give_up)\b' build/proofs/*.v
	@touch build/proofs/accepted && echo "accepted by Coq's kernel: theory/proofs"

test: $(VENV)/.ready-test
	$(python) -m pytest -n auto --dist worksteal $(ARGS)

thorough: $(VENV)/.ready-test
	$(python) -m pytest -n auto --dist worksteal -m "slow or thorough" $(ARGS)

docs: $(VENV)/.ready-docs
	$(python) -m sphinx --fail-on-warning --keep-going --quiet --jobs 4 $(ARGS) docs docs/_build/html
	@echo "docs/_build/html/index.html"

browser: $(VENV)/.ready-browser
	$(python) -m pytest -m browser $(ARGS) tests/test_pages.py tests/explorer

traps: $(VENV)/.ready-test
	@$(python) -m tests.traps $(ARGS)

fuzz: $(VENV)/.ready-test
	@$(python) -m tests.fuzz $(ARGS)

coverage: $(VENV)/.ready-coverage
	$(python) -m coverage erase
	$(python) -m coverage run -m pytest -n auto --dist worksteal -m "not thorough and not browser" $(ARGS)
	$(python) -m coverage combine --quiet
	$(python) -m coverage json --quiet
	@$(python) -m tests.raises build/coverage.json

bench: $(VENV)/.ready-test
	$(python) -m benchmarks $(ARGS)

mutants: $(VENV)/.ready-mutation
	$(python) -m tests.mutation $(ARGS)

lint: $(VENV)/.ready-dev
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy --num-workers 2
	$(VENV)/bin/lint-imports

wheel: $(VENV)/.ready-dev
	bash .ci/wheel $(python)

venv: $(VENV)/.ready-$(EXTRAS)

clean:
	rm -rf $(VENV) build dist results docs/_build docs/_generated mutants *.egg-info
	rm -rf .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find theory numerics verify tests docs benchmarks -name __pycache__ -prune -exec rm -rf {} +

# One stamp per extra, or several (EXTRAS=dev,docs), renewed when a requirement changes.  What is there
# in the pinned version is kept, so a torch that was installed by hand (a CPU build, say) stays.
$(VENV)/.ready-%: setup.cfg pyproject.toml constraints.txt | $(VENV)/bin/pip
	@echo "installing the pinned dependencies [$*] into $(VENV) (once; this takes some minutes)"
	@$(pip) setuptools
	@$(pip) --no-build-isolation --editable '.[test,$*]'
	@touch $@ $(addprefix $(VENV)/.ready-,test $(subst $(comma), ,$*))

$(VENV)/bin/pip:
	@command -v $(PYTHON) >/dev/null || \
	  { echo "$(PYTHON) not found: name a Python >= 3.11 with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is too old: name a Python >= 3.11 with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) has no venv: on Debian or Ubuntu, apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
