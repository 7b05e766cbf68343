# Two commands do everything on a machine with Python >= 3.11 and make:
#   make demo   trains on real data           make test   runs the linters and all tests
# Each makes its own virtual environment, and rebuilds it only when pyproject.toml has changed.

PYTHON ?= python3
JOBS ?= 2
PYTEST_ARGS ?=
BENCH_EXTRAS ?= c,examples
BENCH_ARGS ?=
# On a machine with a GPU: the CUDA of its driver, 12 or 13; and a Python that has all that is needed already, if there
# is one: make test-gpu GPU_PYTHON=python3 makes no environment.
CUDA ?= 13
GPU_PYTHON ?=
GPU_JOBS ?= 4
GPU_TESTS ?= -k "cuda or gpu or on_device"

DEMO := .venv-demo
TEST := .venv-test
BENCH := .venv-bench
GPU_TEST := .venv-gpu-test
GPU_BENCH := .venv-gpu-bench

# compute-sanitizer comes by an extra of the toolkit. torch, which has wheels for CUDA 13, is asked for first: it wants one
# version of the toolkit, and pip would rather take an old torch, of an older CUDA, than another toolkit.
GPU_WATCH := $(if $(filter 13,$(CUDA)),torch "cuda-toolkit[sanitizer]","cuda-toolkit[sanitizer]==$(CUDA).*")
GPU_PEERS := torch "jax[cuda$(CUDA)]" optax

.PHONY: help demo test lint format bench test-gpu bench-gpu no-peers clean

help:
	@echo "make demo    train on the digits of scikit-learn; print equations, monitors and accuracy"
	@echo "make test    lint, check types, run all tests and the examples in the documentation"
	@echo "make lint    the linters, the types and the layers alone"
	@echo "make format  sort imports and format the code"
	@echo "make bench   the benchmarks; with the peers: make bench BENCH_EXTRAS=c,examples,bench"
	@echo "make test-gpu   on an NVIDIA GPU: all tests of the backend cuda, and compute-sanitizer (CUDA=12: for that CUDA)"
	@echo "make bench-gpu  on an NVIDIA GPU: beside torch and jax (BENCH_ARGS=--quick: rougher); writes out/gpu"
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

# OPENBLAS as in `test`. First what is found: a machine without a GPU must not look like one where all went well.
test-gpu: $(if $(GPU_PYTHON),,$(GPU_TEST)/made-for-test,cuda$(CUDA))
	$(or $(GPU_PYTHON),$(GPU_TEST)/bin/python) -c 'import symopt, sys; found = symopt.backends()["cuda"]; \
	  print(found); sys.exit(not found.available)'
	OPENBLAS_NUM_THREADS=1 $(or $(GPU_PYTHON),$(GPU_TEST)/bin/python) -m pytest -n $(GPU_JOBS) --hypothesis-profile=ci \
	  $(GPU_TESTS) $(PYTEST_ARGS)

bench-gpu: $(if $(GPU_PYTHON),,$(if $(filter 13,$(CUDA)),,no-peers) $(GPU_BENCH)/made-for-cuda$(CUDA))
	$(or $(GPU_PYTHON),$(GPU_BENCH)/bin/python) -m benchmarks.gpu --out out/gpu $(BENCH_ARGS)

no-peers:
	@echo "torch and jax have no wheels for CUDA $(CUDA) that go together: make an environment with CuPy, torch, jax and" \
	  "optax, and name its Python: make bench-gpu GPU_PYTHON=..."; exit 1

clean:
	rm -rf $(DEMO) $(TEST) $(BENCH) $(GPU_TEST) $(GPU_BENCH) out build dist
	rm -rf .hypothesis .grimp_cache .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find symopt tests examples benchmarks docs -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# One environment a purpose: $(1) its folder, $(2) the extras it installs. The checkout is installed editable, so the
# environment always runs the code that lies here; $(3) are further packages. The stamp, made last, names the extras.
define environment
$(1)/made-for-$(2): pyproject.toml
	@$$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "symopt needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 1; }
	@echo "making $(1) (some minutes at the first time)"
	@rm -rf $(1)
	@$$(PYTHON) -m venv $(1)
	@$(1)/bin/python -m pip install -qq --disable-pip-version-check $(3) --editable ".[$(2)]"
	@touch $$@
endef

comma := ,
$(eval $(call environment,$(DEMO),examples))
$(eval $(call environment,$(TEST),test))
$(eval $(call environment,$(BENCH),$(BENCH_EXTRAS)))
$(eval $(call environment,$(GPU_TEST),test$(comma)cuda$(CUDA),$(GPU_WATCH)))
$(eval $(call environment,$(GPU_BENCH),cuda$(CUDA),$(GPU_PEERS)))
