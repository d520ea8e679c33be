"""The house keeps its shape: short functions and files, names that say something, no module that comes back."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("pynomaly", "pynomaly_itest")
MOST_CODE_LINES = 40
MOST_LINES = 500
NOISE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}

LONG_FUNCTIONS: Mapping[str, str] = {
    "pynomaly/detection/kernels/forest.py:score_forest": "eight rows at once, written out for the compiler",
}
LONG_FILES: Mapping[str, str] = {}
OLD_NAMES: Mapping[str, str] = {
    "pynomaly_itest/testing/helper.py:IntegrationTestHelper": "what suites written for pytest already call it",
}
BANNED_FILES = {"utils", "util", "helpers", "common", "misc", "tools"}


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def lines_with_code(text: str) -> set[int]:
    """The numbers of the lines that hold anything but blanks and comments."""
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NOISE:
            found |= set(range(token.start[0], token.end[0] + 1))
    return found


def long_functions(text: str, tree: ast.Module) -> dict[str, int]:
    """Functions by name whose body (behind signature and docstring) has too many lines of code."""
    spans = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            span = range(body[0].lineno, (node.end_lineno or 0) + 1) if body else range(0)
            if len(span) > MOST_CODE_LINES:
                spans[node.name] = span
    coded = lines_with_code(text) if spans else set()
    counted = {name: len(coded.intersection(span)) for name, span in spans.items()}
    return {name: count for name, count in counted.items() if count > MOST_CODE_LINES}


def imported(tree: ast.Module, modules: set[str]) -> set[str]:
    """The modules of ours that are imported when the code runs, at the top or within a function; not for types."""
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (whole & modules) or {node.module}
    return found & modules


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        return list(found.args[1])
    return []


def test_functions_are_short() -> None:
    found = {
        f"{name_of(path)}:{name}": count
        for path in sources()
        for name, count in long_functions(path.read_text(encoding="utf-8"), tree_of(path)).items()
    }
    assert {name: count for name, count in found.items() if name not in LONG_FUNCTIONS} == {}
    assert set(LONG_FUNCTIONS) <= set(found), "an exception that is none any more"


def test_files_are_short() -> None:
    counted = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    found = {name: count for name, count in counted.items() if count > MOST_LINES}
    assert {name: count for name, count in found.items() if name not in LONG_FILES} == {}
    assert set(LONG_FILES) <= set(found), "an exception that is none any more"


def test_no_module_imports_itself_by_way_of_others() -> None:
    named = {
        name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in sources()
    }
    modules = set(named)
    assert circle({name: imported(tree_of(path), modules - {name}) for name, path in named.items()}) == []


def test_names_say_what_a_thing_is() -> None:
    classes = [
        f"{name_of(path)}:{node.name}"
        for path in sources()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef) and node.name.endswith(("Manager", "Helper", "Util", "Utils"))
    ]
    assert [name_of(path) for path in sources() if path.stem in BANNED_FILES] == []
    assert classes == list(OLD_NAMES)


def function_of(count: int) -> str:
    return 'def long():\n    """Words\n    and words."""\n' + "    x = 1\n\n    # why\n" * count


@pytest.mark.parametrize(
    ("count", "found"), [(MOST_CODE_LINES, {}), (MOST_CODE_LINES + 1, {"long": MOST_CODE_LINES + 1})]
)
def test_a_long_function_is_found_and_words_do_not_count(count: int, found: dict[str, int]) -> None:
    text = function_of(count)
    assert long_functions(text, ast.parse(text)) == found


def test_a_circle_is_found_also_within_functions() -> None:
    modules = {"p.a", "p.b"}
    late = ast.parse("def f():\n    from p.a import x\n")
    for_types = ast.parse("if TYPE_CHECKING:\n    from p.a import X\n")
    there = ast.parse("from p import b\n")
    assert circle({"p.a": imported(there, modules), "p.b": imported(late, modules)}) != []
    assert circle({"p.a": imported(there, modules), "p.b": imported(for_types, modules)}) == []
