# Two commands do everything on a machine with Python >= 3.11 and make:
#   make demo   trains on real data           make test   runs the linters and all tests
# Each makes its own virtual environment, and rebuilds it only when pyproject.toml has changed.

PYTHON ?= python3
JOBS ?= 2
PYTEST_ARGS ?=
BENCH_EXTRAS ?= c,examples
BENCH_ARGS ?=

DEMO := .venv-demo
TEST := .venv-test
BENCH := .venv-bench

.PHONY: help demo test lint format bench clean

help:
	@echo "make demo    train on the digits of scikit-learn; print equations, monitors and accuracy"
	@echo "make test    lint, check types, run all tests and the examples in the documentation"
	@echo "make lint    the linters, the types and the layers alone"
	@echo "make format  sort imports and format the code"
	@echo "make bench   the benchmarks; with the peers: make bench BENCH_EXTRAS=c,examples,bench"
	@echo "make clean   remove virtual environments, caches and generated files"

demo: $(DEMO)/made-for-examples
	$(DEMO)/bin/python examples/digits.py

test: lint
	# A test process has one core: two BLAS threads in each would spin against each other.
	OPENBLAS_NUM_THREADS=1 $(TEST)/bin/python -m pytest -n $(JOBS) --hypothesis-profile=ci $(PYTEST_ARGS)

lint: $(TEST)/made-for-test
	$(TEST)/bin/python -m ruff check .
	$(TEST)/bin/python -m ruff format --check .
	$(TEST)/bin/python -m mypy
	$(TEST)/bin/lint-imports --no-logo

format: $(TEST)/made-for-test
	$(TEST)/bin/python -m ruff check --fix-only .
	$(TEST)/bin/python -m ruff format .

bench: $(BENCH)/made-for-$(BENCH_EXTRAS)
	$(BENCH)/bin/python -m benchmarks $(BENCH_ARGS)

clean:
	rm -rf $(DEMO) $(TEST) $(BENCH) out build dist
	rm -rf .hypothesis .grimp_cache .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find symopt tests examples benchmarks docs -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# One environment a purpose: $(1) its folder, $(2) the extras it installs. The checkout is installed editable, so the
# environment always runs the code that lies here. The stamp, made last, names the extras.
define environment
$(1)/made-for-$(2): pyproject.toml
	@$$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "symopt needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 1; }
	@echo "making $(1) (some minutes at the first time)"
	@rm -rf $(1)
	@$$(PYTHON) -m venv $(1)
	@$(1)/bin/python -m pip install -qq --disable-pip-version-check --editable ".[$(2)]"
	@touch $$@
endef

$(eval $(call environment,$(DEMO),examples))
$(eval $(call environment,$(TEST),test))
$(eval $(call environment,$(BENCH),$(BENCH_EXTRAS)))
