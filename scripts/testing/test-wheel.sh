#!/usr/bin/env bash
# Builds the wheel and runs the tests on what it installs, in a folder that holds everything but the two packages:
# a file that the wheel lacks shows here. Further arguments go to pytest (twice).
set -euo pipefail
cd "$(dirname "$0")/../.."
PYTHON="${PYTHON:-python3}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

"$PYTHON" -m venv "$folder/venv"
export PATH="$folder/venv/bin:$PATH" VIRTUAL_ENV="$folder/venv"
pip="python -m pip --quiet --disable-pip-version-check"
$pip install build
python -m build --wheel --outdir "$folder/dist" . >/dev/null
wheel="$(ls "$folder"/dist/*.whl)"
$pip install -c constraints.txt "${wheel}[dev]"

mkdir "$folder/checkout"
git ls-files -z --cached | grep -zv -E '^pynomaly(_itest)?/' | xargs -0 cp --parents -t "$folder/checkout"
cd "$folder/checkout"
# The shape of the source is not the wheel's: tests/architecture reads the packages' folders.
pytest --ignore=tests/architecture -m "not serial" --numprocesses 4 --dist loadfile "$@"
pytest --ignore=tests/architecture -m serial "$@"
