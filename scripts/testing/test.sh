#!/usr/bin/env bash
# Sets up everything in .venv-test and runs all tests with coverage; further arguments go to pytest.
# --set-up-only ends before the tests.
set -euo pipefail
cd "$(dirname "$0")/../.."
PYTHON="${PYTHON:-python3}"
unset PYTHONDONTWRITEBYTECODE # the tests start hundreds of processes: compiling each anew would cost minutes
if [ ! -x .venv-test/bin/python ]; then
  "$PYTHON" -m venv .venv-test
fi
.venv-test/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
if [ "${1:-}" = --set-up-only ]; then
  exit
fi
# Debian's chromium lets the report be tested in a real browser; without it those tests skip and say so.
if [ -n "${CI:-}" ] && ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 || true
fi
exec .venv-test/bin/python -m pytest --cov --cov-report=term:skip-covered "$@"
