"""Reads the scenarios of a Python file without running it: `- python: FILE.py[::FUNCTION]` becomes what YAML would say.

A profile must be checkable, and listable, without executing anything: so what stands in `@scenario(…)` is read from
the syntax tree, and must be written out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pynomaly_itest.errors import Mistake, Place
from pynomaly_itest.profile.finder import inside, shown
from pynomaly_itest.profile.nodes import ListNode, MappingNode, ScalarNode, YamlNode, text_at
from pynomaly_itest.profile.source import Source
from pynomaly_itest.registry import did_you_mean

_MOST_BYTES = 1_000_000
_DECORATOR = "scenario"


def with_python_scenarios(node: MappingNode, folder: Path, mistakes: list[Mistake]) -> MappingNode:
    """The profile with each `- python: …` of its scenarios replaced by the scenarios that it names."""
    scenarios = node.entries.get("scenarios")
    if not isinstance(scenarios, ListNode) or not any(_names_python(item) for item in scenarios.items):
        return node
    items = [found for item in scenarios.items for found in _expanded(item, folder, mistakes)]
    entries = {**node.entries, "scenarios": ListNode(tuple(items), scenarios.source)}
    return MappingNode(entries, node.key_sources, node.source)


def parameters_of(path: Path, function: str) -> frozenset[str] | None:
    """The names of a function's parameters, read from its file without running it; None where it can't be read."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function:
            given = node.args
            return frozenset(one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs))
    return None


def _names_python(item: YamlNode) -> bool:
    return isinstance(item, MappingNode) and "python" in item.entries and "steps" not in item.entries


def _expanded(item: YamlNode, folder: Path, mistakes: list[Mistake]) -> Iterator[YamlNode]:
    if not isinstance(item, MappingNode) or not _names_python(item):
        yield item
        return
    source = item.entries["python"].source
    file, _, function = text_at(item, "python").partition("::")
    path = inside(folder, file) if file.endswith(".py") else None
    if path is None:
        mistakes.append(source.mistake("'python' takes FILE.py or FILE.py::FUNCTION, beside the profile"))
        return
    reader = _Reader(path, shown(path), mistakes)
    found = reader.scenarios(source)
    if function and function not in found:
        if found or not mistakes:
            hint = did_you_mean(function, found)
            mistakes.append(source.mistake(f"{file} has no @scenario {function!r}", hint))
        return
    for name in [function] if function else found:
        yield _as_yaml(name, file, found[name], item)


def _as_yaml(name: str, file: str, said: _Said, item: MappingNode) -> MappingNode:
    """The scenario as a node; what the profile says beside `python` is stronger than the decorator."""
    at = said.source
    entries: dict[str, YamlNode] = {"id": ScalarNode(name, at)}
    if said.title:
        entries["title"] = ScalarNode(said.title, at)
    entries |= said.entries
    entries |= {key: value for key, value in item.entries.items() if key != "python"}
    step = MappingNode(
        {
            "python": ScalarNode(f"{file}::{name}", item.entries["python"].source),
            "save": ScalarNode("result", at),
        },
        {"python": item.key_source("python")},
        at,
    )
    entries["steps"] = ListNode((step,), at)
    return MappingNode(entries, {**said.key_sources, **item.key_sources}, at)


@dataclass(frozen=True)
class _Said:
    """What a decorator says: its arguments as nodes, and the docstring's first line."""

    source: Source
    title: str
    entries: dict[str, YamlNode]
    key_sources: dict[str, Source]


@dataclass
class _Reader:
    path: Path
    name: str
    mistakes: list[Mistake]
    _lines: list[str] = field(default_factory=list)

    def scenarios(self, asked: Source) -> dict[str, _Said]:
        """Every `@scenario` of the file by its function's name, in reading order."""
        try:
            if self.path.stat().st_size > _MOST_BYTES:
                raise ValueError(f"{self.name} is larger than {_MOST_BYTES} bytes")
            text = self.path.read_text(encoding="utf-8")
            tree = ast.parse(text)
        except FileNotFoundError:
            self.mistakes.append(asked.mistake(f"there is no file {self.name}"))
            return {}
        except SyntaxError as problem:
            self._note(problem.lineno or 1, 0, f"not Python: {problem.msg}", problem.text or "")
            return {}
        except (OSError, ValueError) as problem:
            self.mistakes.append(asked.mistake(f"{self.name} can't be read: {problem}"))
            return {}
        self._lines = text.splitlines()
        found = dict(self._found(tree))
        if not found:
            self.mistakes.append(asked.mistake(f"{self.name} has no @scenario"))
        return found

    def _found(self, tree: ast.Module) -> Iterator[tuple[str, _Said]]:
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for decorator in node.decorator_list:
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                if (
                    called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                ) != _DECORATOR:
                    continue
                if isinstance(node, ast.FunctionDef):
                    self._note(node.lineno, node.col_offset, f"{node.name} must be an 'async def'")
                yield node.name, self._said(node, decorator)

    def _said(self, node: ast.FunctionDef | ast.AsyncFunctionDef, decorator: ast.expr) -> _Said:
        entries: dict[str, YamlNode] = {}
        key_sources: dict[str, Source] = {}
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
            at = self._source(keyword.value)
            try:
                value = ast.literal_eval(keyword.value)
            except ValueError:
                self.mistakes.append(
                    at.mistake(
                        f"@scenario({keyword.arg}=…) must be written out",
                        "the file is read, not run: texts, numbers, lists and mappings",
                    )
                )
                continue
            if keyword.arg and value is not None:
                entries[keyword.arg] = _node(value, keyword.value, self._source)
                key_sources[keyword.arg] = at
        title = (ast.get_docstring(node) or "").strip().split("\n")[0].rstrip(".")[:200]
        return _Said(self._source(node), title, entries, key_sources)

    def _source(self, node: ast.expr | ast.stmt) -> Source:
        line = self._lines[node.lineno - 1] if node.lineno <= len(self._lines) else ""
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        column = node.col_offset + (2 if is_text else 1)
        same = node.end_lineno == node.lineno
        length = (node.end_col_offset or column) - node.col_offset - (2 if is_text else 0) if same else 1
        return Source(Place(self.name, node.lineno, column, max(1, length)), line)

    def _note(self, line: int, column: int, message: str, text: str = "") -> None:
        shown_line = text.rstrip("\n") or (self._lines[line - 1] if line <= len(self._lines) else "")
        self.mistakes.append(Source(Place(self.name, line, column + 1), shown_line).mistake(message))


def _node(value: Any, tree: ast.expr, source_of: Any) -> YamlNode:
    """A literal as the node that YAML would give for it, each part at its own place."""
    at = source_of(tree)
    match tree:
        case ast.List(elts) | ast.Tuple(elts):
            parts = [_node(part, sub, source_of) for part, sub in zip(value, elts, strict=True)]
            return ListNode(tuple(parts), at)
        case ast.Dict(keys, values):
            pairs = list(zip(value.items(), keys, values, strict=True))
            return MappingNode(
                {str(key): _node(part, sub, source_of) for (key, part), _, sub in pairs},
                {str(key): source_of(where) for (key, _), where, _ in pairs if where is not None},
                at,
            )
        case _:
            return ScalarNode(value if isinstance(value, str | int | float | bool) else str(value), at)
