"""Python that the packages start imports nothing from the folder that somebody happens to stand in."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob("pynomaly/**/*.py"), *ROOT.glob("pynomaly_itest/**/*.py")]
INTERPRETERS = {"sys.executable", "python", "build.python"}
ISOLATED = {"-P", "-I"}


def starts(path: Path) -> list[tuple[int, str]]:
    """Line and first option of each command of this file that begins with a Python interpreter."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        words = (
            node.elts
            if isinstance(node, ast.List | ast.Tuple)
            else node.args
            if isinstance(node, ast.Call)
            else []
        )
        for word, option in pairwise(words):
            is_option = isinstance(option, ast.Constant) and str(option.value).startswith("-")
            if is_option and ast.unparse(word) in INTERPRETERS:
                found.append((option.lineno, str(option.value)))
    return found


def test_a_child_python_does_not_search_the_working_folder() -> None:
    found = {path.name: starts(path) for path in FILES}
    assert {"examinations.py", "bundled_audit.py", "crew.py", "launching.py", "builds.py"} <= {
        name for name, places in found.items() if places
    }
    wrong = [
        (name, line) for name, places in found.items() for line, option in places if option not in ISOLATED
    ]
    assert wrong == []
