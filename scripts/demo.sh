#!/usr/bin/env bash
# Sets up the tool in .venv and runs a profile on the bundled platform: `scripts/demo.sh [flags of run]`.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON="${PYTHON:-python3}"
if [ ! -x .venv/bin/pynomaly-itest ]; then
  "$PYTHON" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
fi
exec .venv/bin/pynomaly-itest run "${@:---profile=performance}"
