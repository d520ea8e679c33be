"""Whether a workflow checked anything at all: a workflow in which nothing was asserted is no evidence of a pass.

A workflow's file, and what it imports from beside itself, is compiled with a mark before every statement that can
tell a target that misbehaves: `assert`, calls named like a check (`assert_allclose`, `raises`, `verify_scores`), `call`
of the API (it refuses a wrong status), and whatever holds a `raise`. Lines and values in tracebacks stay as they are.
`assert` is kept even where Python runs with -O.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

_MARK = "__itest_checked__"
_CHECKING_NAMES = ("assert", "check", "ensure", "expect", "raise", "require", "verify")
_MAY_REFUSE = (
    ast.If,
    ast.For,
    ast.While,
    ast.Try,
    ast.TryStar,
    ast.With,
    ast.AsyncWith,
    ast.AsyncFor,
    ast.Match,
)


@dataclass
class Checks:
    """How often something was checked."""

    count: int = 0


_CURRENT: ContextVar[Checks | None] = ContextVar("checks", default=None)


@contextmanager
def counting() -> Iterator[Checks]:
    """Counts what is checked inside, in this task and in those that it starts."""
    checks = Checks()
    token = _CURRENT.set(checks)
    try:
        yield checks
    finally:
        _CURRENT.reset(token)


def checked() -> None:
    """Something that could have failed the workflow was looked at."""
    checks = _CURRENT.get()
    if checks is not None:
        checks.count += 1


class MarkingLoader(SourceFileLoader):
    """Loads a Python file with the marks; nothing compiled is read from a cache or kept in one."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        tree = ast.fix_missing_locations(_Marker().visit(ast.parse(self.get_data(path), path)))
        code: CodeType = compile(tree, path, "exec", dont_inherit=True, optimize=0)
        return code

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__[_MARK] = checked
        super().exec_module(module)


@contextmanager
def importing_from(folder: Path) -> Iterator[None]:
    """What lies in `folder` can be imported, and is loaded with the marks."""
    finder = _Finder(folder)
    sys.meta_path.insert(0, finder)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        if str(folder) in sys.path:
            sys.path.remove(str(folder))


@dataclass(eq=False)
class _Finder(MetaPathFinder):
    """Finds the modules of one folder, packages included."""

    folder: Path

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None and not _is_marked(fullname.rpartition(".")[0]):
            return None  # a part of somebody else's package, though that may be installed below the folder
        spec = PathFinder.find_spec(fullname, [str(self.folder)] if path is None else path, target)
        if spec is None or spec.origin is None or not isinstance(spec.loader, SourceFileLoader):
            return None
        if self.folder not in Path(spec.origin).resolve().parents:
            return None
        spec.loader = MarkingLoader(fullname, spec.origin)
        return spec


def _is_marked(package: str) -> bool:
    spec = getattr(sys.modules.get(package), "__spec__", None)
    return isinstance(getattr(spec, "loader", None), MarkingLoader)


class _Marker(ast.NodeTransformer):
    def visit(self, node: ast.AST) -> Any:
        checks = isinstance(node, ast.stmt) and _can_tell(node)
        seen = self.generic_visit(node)
        if not checks:
            return seen
        mark = ast.Expr(ast.Call(ast.Name(_MARK, ast.Load()), [], []))
        return [ast.copy_location(mark, node), seen]


def _can_tell(statement: ast.stmt) -> bool:
    """Whether running this statement can show that the target misbehaves."""
    match statement:
        case ast.Assert(test):
            return not isinstance(test, ast.Constant)
        case ast.Raise():
            return False  # what holds it is marked: where it runs, the workflow fails anyway
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return False
        case ast.With(items) | ast.AsyncWith(items) if any(map(_calls_a_check, items)):
            return True
        case _ if isinstance(statement, _MAY_REFUSE):
            return any(isinstance(inner, ast.Raise) for inner in ast.walk(statement))
        case _:
            return _calls_a_check(statement)


def _calls_a_check(node: ast.AST) -> bool:
    return any(_is_a_check(inner.func) for inner in ast.walk(node) if isinstance(inner, ast.Call))


def _is_a_check(function: ast.expr) -> bool:
    match function:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name.lower().lstrip("_").startswith(_CHECKING_NAMES) or name == "call"
        case _:
            return False
