# `make check` is what CI runs beside the tests' own set-up.
.PHONY: check test fuzz lint types layers format docs
check: lint types layers test
test:
	python -m pytest
fuzz:
	PYNOMALY_FUZZ_INPUTS=100000 python -m pytest tests/platform/test_malformed.py
lint:
	ruff check .
	ruff format --check .
types:
	mypy
layers:
	lint-imports
format:
	ruff format .
	ruff check --fix .
docs:
	NO_MKDOCS_2_WARNING=1 mkdocs build
