#!/usr/bin/env bash
# Sets up everything in .venv-test and runs all tests: first those that don't mind company, several at a time, then those
# that measure time, one by one. Further arguments go to pytest (twice). --set-up-only ends before the tests;
# --coverage measures coverage too, in one go and slower, as every night.
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
pytest=(.venv-test/bin/python -m pytest)
if [ "${1:-}" = --coverage ]; then
  exec "${pytest[@]}" --cov --cov-report=term:skip-covered "${@:2}"
fi

# 5: pytest's word for "nothing selected", which one of the two may be when arguments choose.
code=0 selected=0
run() {
  local ended=0
  "${pytest[@]}" "$@" || ended=$?
  if [ "$ended" != 5 ]; then selected=1; fi
  if [ "$ended" != 0 ] && [ "$ended" != 5 ]; then code=$ended; fi
}
run -m "not serial" --numprocesses "${PYNOMALY_ITEST_TEST_PROCESSES:-4}" --dist loadfile \
  --max-worker-restart 0 "$@" # a worker that dies ends the run: xdist may wait for ever for what it held
run -m serial "$@"
if [ "$selected" = 0 ]; then code=5; fi
exit "$code"
