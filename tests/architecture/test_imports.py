"""`--help` and `validate` answer fast: what they don't need is not imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "numpy",
    "scipy",
    "sklearn",
    "pyod",
    "numba",
    "pyarrow",
    "httpx",
    "jinja2",
    "starlette",
    "uvicorn",
    "pynomaly",
)


@pytest.mark.parametrize(
    ("arguments", "banned"),
    [
        (["--help"], (*HEAVY, "asyncio", "pydantic", "yaml", "psutil", "rich.console")),
        (["run", "--help"], HEAVY),
        (["validate", "smoke", "e2e", "performance"], (*HEAVY, "asyncio", "psutil")),
        (["schema"], HEAVY),
    ],
)
def test_a_command_imports_only_what_it_needs(arguments: list[str], banned: tuple[str, ...]) -> None:
    code = (
        "import sys\nfrom pynomaly_itest.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit as end: status = end.code\n"
        f"print('imported', [name for name in {banned!r} if name in sys.modules], status or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "imported [] 0", done.stdout[-500:] + done.stderr
