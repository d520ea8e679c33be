"""What an expression is made of: frozen nodes, each knowing where it stands in the text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from pynomaly_itest.profile.source import Source


@dataclass(frozen=True)
class Span:
    """Offsets into the expression's text: `text[start:end]`."""

    start: int
    end: int


_NOWHERE = Span(0, 0)


@dataclass(frozen=True)
class Literal:
    """A value as written; `unit` is the canonical short name (`50ms` is 50 and "ms", `10%` is 10 and "%")."""

    value: str | float | int | bool | None
    unit: str | None = None
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Name:
    """A dotted name, `detect.latency_ms.p99.9` as ("detect", "latency_ms", "p99", "9").

    `part_spans` says where each part stands, for a caret under the one that is wrong.
    """

    parts: tuple[str, ...]
    span: Span = field(default=_NOWHERE, compare=False)
    part_spans: tuple[Span, ...] = field(default=(), compare=False)

    @property
    def dotted(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True)
class ListOf:
    items: tuple[Node, ...]
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Compare:
    """`op` is one of == != < <= > >= in "not in" matches."""

    left: Node
    op: str
    right: Node
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Not:
    term: Node
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class And:
    """Two or more terms that must all hold."""

    terms: tuple[Node, ...]
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Or:
    """Two or more terms of which one must hold."""

    terms: tuple[Node, ...]
    span: Span = field(default=_NOWHERE, compare=False)


Node: TypeAlias = Literal | Name | ListOf | Compare | Not | And | Or


@dataclass(frozen=True)
class Expression:
    """A parsed expression: its text as written, its tree, and where it stands (None: not in a file)."""

    text: str
    ast: Node
    source: Source | None = None

    def source_of(self, span: Span) -> Source | None:
        """Where that part of the expression stands in its file."""
        return self.source.inside(self.text, span.start, span.end) if self.source else None


def names(expression: Expression) -> tuple[Name, ...]:
    """Every name that the expression uses, in reading order, repetitions included."""
    return tuple(_names(expression.ast))


def _names(node: Node) -> Iterator[Name]:
    match node:
        case Name():
            yield node
        case Compare(left, _, right):
            yield from _names(left)
            yield from _names(right)
        case Not(term):
            yield from _names(term)
        case And(terms) | Or(terms) | ListOf(terms):
            for term in terms:
                yield from _names(term)
        case Literal():
            pass


def write(node: Node) -> str:
    """The node as text that parses to an equal node."""
    match node:
        case Literal():
            return _write_literal(node)
        case Name(parts):
            return "".join(_write_part(part, first=index == 0) for index, part in enumerate(parts))
        case ListOf(items):
            return "[" + ", ".join(_write_operand(item) for item in items) + "]"
        case Compare(left, op, right):
            return f"{_write_operand(left)} {op} {_write_operand(right)}"
        case Not(term):
            return f"not ({write(term)})"
        case And(terms):
            return " and ".join(f"({write(term)})" for term in terms)
        case Or(terms):
            return " or ".join(f"({write(term)})" for term in terms)


def _write_literal(node: Literal) -> str:
    if isinstance(node.value, str):
        return _quote(node.value)
    if node.value is None or isinstance(node.value, bool):
        return json.dumps(node.value)
    return f"{node.value!r}{node.unit or ''}"


def _write_part(part: str, *, first: bool) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*" if first else r"[A-Za-z0-9_]+", part):
        return part if first else f".{part}"
    return f"[{_quote(part)}]"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _write_operand(node: Node) -> str:
    return write(node) if isinstance(node, Literal | Name | ListOf) else f"({write(node)})"
