# Sourced by the scripts beside it: the tool in .venv, on PATH. PYTHON names another interpreter to make it with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PYTHON="${PYTHON:-python3}"
if ! command -v pynomaly-itest >/dev/null; then
  if [ ! -x .venv/bin/pynomaly-itest ]; then
    "$PYTHON" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[coverage]'
  fi
  PATH="$PWD/.venv/bin:$PATH"
fi
