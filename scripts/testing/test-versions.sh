#!/usr/bin/env bash
# Runs the tests with the lowest version of every dependency that pyproject.toml allows, or with the highest that there
# are: `test-versions.sh lowest|highest`. Further arguments go to pytest. In CI it runs every night, so that a floor
# which no longer holds, or a release that breaks us, is known the next day.
set -euo pipefail
cd "$(dirname "$0")/../.."
PYTHON="${PYTHON:-python3}"
which="${1:?lowest or highest}"
shift
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

"$PYTHON" -m venv "$folder/venv"
export PATH="$folder/venv/bin:$PATH" VIRTUAL_ENV="$folder/venv" NUMBA_CACHE_DIR="$folder/numba"
case "$which" in
lowest)
    python - >"$folder/versions.txt" <<'PYTHON'
import re
import tomllib

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
for requirement in project["dependencies"]:
    name, _, lowest = re.match(r"([\w.-]+)(\[[^]]*\])?>=([\w.]+)", requirement).groups()
    print(f"{name}=={lowest}")
PYTHON
    ;;
highest) : >"$folder/versions.txt" ;;
*) echo "error: lowest or highest, not $which" >&2 && exit 2 ;;
esac
python -m pip install --quiet --disable-pip-version-check -c "$folder/versions.txt" -e '.[dev]'
python -m pip --disable-pip-version-check list --format=freeze --exclude-editable
# Warnings of other versions say nothing about ours; what is checked is that everything works.
pytest -o filterwarnings=default --ignore=tests/architecture "$@"
