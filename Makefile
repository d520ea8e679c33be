# `make check` is what CI runs beside the tests' own set-up.
.PHONY: check test lint types layers format docs
check: lint types layers test
test:
	python -m pytest
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
