"""A failed `assert` as a sentence: file and line, the source, and the values of the names in it."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from pynomaly_itest.differences import clipped, difference, is_long, size_of

_LONGEST_VALUE = 120
_MOST_VALUES = 8


@dataclass(frozen=True)
class Spot:
    """Where in the user's file something went wrong."""

    line: int
    frame: FrameType


def explain(problem: BaseException, path: Path) -> str:
    """`problem` with the line of `path` that it came from, and what the names on that line stood for.

    Names, attributes and constant subscripts are shown; calls are not made again.
    """
    spot = _spot(problem.__traceback__, path)
    said = str(problem)
    if spot is None:
        return f"{type(problem).__name__}: {said}" if said else type(problem).__name__
    statement = _statement(path, spot.line)
    parts = [f"{path.name}:{statement.line}: {statement.text}"]
    if said:
        parts.append(said if isinstance(problem, AssertionError) else f"{type(problem).__name__}: {said}")
    elif not isinstance(problem, AssertionError):
        parts.append(type(problem).__name__)
    unlike = _difference(statement.tree, spot.frame)
    if unlike:
        parts.append(unlike)
    shown = dict(_values(statement.tree, spot.frame))
    if shown:
        parts.append(", ".join(f"{name} = {value}" for name, value in list(shown.items())[:_MOST_VALUES]))
    return " | ".join(parts)


def _spot(traceback: TracebackType | None, path: Path) -> Spot | None:
    """The innermost frame that is in the file."""
    found = None
    while traceback is not None:
        if Path(traceback.tb_frame.f_code.co_filename) == path:
            found = Spot(traceback.tb_lineno, traceback.tb_frame)
        traceback = traceback.tb_next
    return found


@dataclass(frozen=True)
class _Statement:
    line: int
    text: str
    tree: ast.AST | None


def _statement(path: Path, line: int) -> _Statement:
    """The smallest statement that spans the line; only the line itself where the file can't be read any more."""
    text = linecache.getline(str(path), line).strip()
    try:
        source = path.read_text()
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):
        return _Statement(line, text, None)
    spanning = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    if not spanning:
        return _Statement(line, text, None)
    smallest = min(spanning, key=lambda node: (node.end_lineno or node.lineno) - node.lineno)
    whole = ast.get_source_segment(source, smallest) or text
    return _Statement(smallest.lineno, " ".join(whole.split()), smallest)


def _values(tree: ast.AST | None, frame: FrameType) -> Iterator[tuple[str, str]]:
    """What stands in the statement, longest look-ups first, each with its value as it is shown."""
    if not isinstance(tree, ast.Assert | ast.Expr | ast.Assign | ast.Return):
        return
    root = tree.test if isinstance(tree, ast.Assert) else tree
    for node in ast.walk(root):
        if not _is_look_up(node) or isinstance(node, ast.Constant):
            continue
        try:
            value = _look_up(node, frame)
        except Exception:  # noqa: S112 - a value that can't be had is not shown
            continue
        if callable(value) or isinstance(value, type(ast)):
            continue
        yield ast.unparse(node), _shown(value)


def _difference(tree: ast.AST | None, frame: FrameType) -> str:
    """How two lists or mappings that an `assert` holds against each other differ; empty where it is no such one."""
    match tree:
        case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right])):
            pass
        case _:
            return ""
    try:
        sides = [_look_up(side, frame) for side in (left, right)]
        found = difference(*(side.tolist() if hasattr(side, "tolist") else side for side in sides))
    except Exception:  # what the user's objects raise when they are compared says nothing of the target
        return ""
    return found.text if found else ""


def _is_look_up(node: ast.AST) -> bool:
    match node:
        case ast.Name() | ast.Constant():
            return True
        case ast.Attribute(value=inner):
            return _is_look_up(inner)
        case ast.Subscript(value=inner, slice=key):
            return _is_look_up(inner) and _is_look_up(key)
        case _:
            return False


def _look_up(node: ast.AST, frame: FrameType) -> Any:
    match node:
        case ast.Constant(value):
            return value
        case ast.Name(name):
            return frame.f_locals[name] if name in frame.f_locals else frame.f_globals[name]
        case ast.Attribute(value=inner, attr=name):
            return getattr(_look_up(inner, frame), name)
        case ast.Subscript(value=inner, slice=key):
            return _look_up(inner, frame)[_look_up(key, frame)]
        case _:
            raise TypeError(f"{node} is no look-up")


def _shown(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else repr(value)
    return size_of(value) if is_long(value) else clipped(text, _LONGEST_VALUE)
