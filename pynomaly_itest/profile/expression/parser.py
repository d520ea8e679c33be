"""Reads an expression's text: a scanner and a parser by recursive descent, with a caret for every mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from pynomaly_itest.errors import Mistake, ProfileError
from pynomaly_itest.profile.expression import units
from pynomaly_itest.profile.expression.nodes import (
    And,
    Compare,
    Expression,
    ListOf,
    Literal,
    Name,
    Node,
    Not,
    Or,
    Span,
)
from pynomaly_itest.profile.expression.pattern import pattern_fault
from pynomaly_itest.profile.source import Source
from pynomaly_itest.registry import did_you_mean

LONGEST_TEXT = 2_000
DEEPEST_NESTING = 40

_SEGMENT = r"[A-Za-z_][A-Za-z0-9_]*"
_TEXT = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_TOKEN = re.compile(
    rf"""\s*(?:
      (?P<name>{_SEGMENT}(?:\.[A-Za-z0-9_]+|\[\s*(?:\d+|{_TEXT})\s*\])*)
    | (?P<number>-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)(?P<unit>[A-Za-zµ%/][A-Za-zµ/]*)?
    | (?P<text>{_TEXT})
    | (?P<symbol>==|!=|<=|>=|<|>|\(|\)|\[|\]|,)
    | (?P<end>$)
    )""",
    re.VERBOSE | re.DOTALL,
)
_PART = re.compile(rf"\.?([A-Za-z0-9_]+)|\[\s*(?:(\d+)|({_TEXT}))\s*\]", re.DOTALL)
_KEYWORDS = {"and", "or", "not", "in", "matches", "true", "false", "null"}
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_OPERATORS = ("==", "!=", "<=", ">=", "<", ">", "in", "matches")
_SLIPS = {"=": "==", "&&": "and", "||": "or", "!": "not", "=~": "matches", "<>": "!=", "=<": "<=", "=>": ">="}
_ESCAPES = {"n": "\n", "t": "\t"}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    span: Span
    unit: str | None = None


def parse(text: str, source: Source | None = None) -> Expression:
    """The expression that `text` says; `source` is where the text stands, for carets.

    Raises ProfileError with one mistake where it is no expression.
    """
    return _Parser(text, source).parse()


class _Parser:
    def __init__(self, text: str, source: Source | None) -> None:
        self._text = text
        self._source = source
        if len(text) > LONGEST_TEXT:
            self._fail(f"the expression is longer than {LONGEST_TEXT} characters", Span(0, 1))
        self._tokens = list(self._scan())
        self._at = 0
        self._depth = 0

    def parse(self) -> Expression:
        if self._next.kind == "end":
            self._fail("an expression is missing here", Span(0, len(self._text)))
        tree = self._or()
        if self._next.kind != "end":
            self._fail_at_rest()
        return Expression(self._text, tree, self._source)

    # -- scanning

    def _scan(self) -> Iterator[_Token]:
        position = 0
        while True:
            found = _TOKEN.match(self._text, position)
            if found is None:
                self._fail_at_character(position)
            kind = str(found.lastgroup if found.lastgroup != "unit" else "number")
            start, position = found.start(kind), found.end()
            text = found[kind]
            if text in _KEYWORDS:
                kind = "word"
            yield _Token(kind, text, Span(start, position), found["unit"])
            if kind == "end":
                return

    def _fail_at_character(self, position: int) -> NoReturn:
        rest = self._text[position:]
        start = position + len(rest) - len(rest.lstrip())
        rest = self._text[start:]
        if rest[0] in "\"'":
            self._fail("the text has no closing quote", Span(start, len(self._text)))
        slip = next(
            (written for written in sorted(_SLIPS, key=len, reverse=True) if rest.startswith(written)), None
        )
        if slip:
            self._fail(
                f"unknown operator {slip!r}",
                Span(start, start + len(slip)),
                f"did you mean {_SLIPS[slip]!r}?",
            )
        hint = "expressions compare; they don't calculate" if rest[0] in "+-*/%" else None
        self._fail(f"{rest[0]!r} has no meaning here", Span(start, start + 1), hint)

    # -- parsing

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _accept(self, *texts: str) -> bool:
        if self._next.kind in ("word", "symbol") and self._next.text in texts:
            self._at += 1
            return True
        return False

    def _or(self) -> Node:
        terms = [self._and()]
        while self._accept("or"):
            terms.append(self._and())
        return terms[0] if len(terms) == 1 else Or(tuple(terms), self._around(terms))

    def _and(self) -> Node:
        terms = [self._not()]
        while self._accept("and"):
            terms.append(self._not())
        return terms[0] if len(terms) == 1 else And(tuple(terms), self._around(terms))

    def _not(self) -> Node:
        start = self._next.span.start
        if self._accept("not"):
            self._descend()
            term = self._not()
            self._depth -= 1
            return Not(term, Span(start, term.span.end))
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._operand()
        operator = self._operator()
        if operator is None:
            return left
        right = self._operand()
        span = self._around([left, right])
        again = self._next
        if self._operator() is not None:
            self._fail("comparisons can't be chained", again.span, "join two with 'and'")
        if operator == "matches":
            self._check_pattern(right)
        return Compare(left, operator, right, span)

    def _operator(self) -> str | None:
        if self._next.text in _OPERATORS and self._next.kind in ("word", "symbol"):
            return self._take().text
        following = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        if self._next.kind == "word" and self._next.text == "not" and following.text == "in":
            self._at += 2
            return "not in"
        return None

    def _operand(self) -> Node:  # noqa: RET503 - the last case never returns
        token = self._take()
        match token.kind, token.text:
            case "name", _:
                return self._name(token)
            case "number", _:
                return self._number(token)
            case "text", _:
                return Literal(_unquote(token.text), None, token.span)
            case "word", "true" | "false" | "null":
                return Literal(_CONSTANTS[token.text], None, token.span)
            case "symbol", "(":
                return self._brackets(token)
            case "symbol", "[":
                return self._list(token)
            case _:
                self._fail_at_operand(token)

    def _fail_at_operand(self, token: _Token) -> NoReturn:
        if token.kind == "end":
            last = len(self._text.rstrip())
            self._fail("the expression ends too early", Span(last - 1, last))
        self._fail(f"a name or a value is missing before {token.text!r}", token.span)

    def _brackets(self, opening: _Token) -> Node:
        self._descend()
        inner = self._or()
        self._depth -= 1
        if not self._accept(")"):
            self._fail("this bracket is never closed", opening.span)
        return inner

    def _list(self, opening: _Token) -> ListOf:
        self._descend()
        items: list[Node] = []
        while not self._accept("]"):
            if items and not self._accept(","):
                self._fail("a list's items stand between commas, and ']' ends it", self._next.span)
            items.append(self._operand())
        self._depth -= 1
        return ListOf(tuple(items), Span(opening.span.start, self._tokens[self._at - 1].span.end))

    def _name(self, token: _Token) -> Name:
        if self._next.kind == "symbol" and self._next.text == "(":
            self._fail(
                f"{token.text!r} can't be called", token.span, "expressions have names and values only"
            )
        parts, spans = [], []
        for found in _PART.finditer(token.text):
            group = next(index for index in (1, 2, 3) if found[index] is not None)
            parts.append(_unquote(found[3]) if group == 3 else found[group])
            start, end = found.span(group)
            spans.append(Span(token.span.start + start, token.span.start + end))
        return Name(tuple(parts), token.span, tuple(spans))

    def _number(self, token: _Token) -> Literal:
        number = token.text
        value = float(number) if any(mark in number for mark in ".eE") else int(number)
        if value in (float("inf"), float("-inf")):
            self._fail("the number is too large", token.span)
        if token.unit is None:
            return Literal(value, None, token.span)
        unit = units.canonical(token.unit)
        if unit is None:
            self._fail(
                f"unknown unit {token.unit!r}", token.span, did_you_mean(token.unit, units.KNOWN_UNITS)
            )
        return Literal(value, unit, token.span)

    def _check_pattern(self, right: Node) -> None:
        """A pattern is checked here, once; a name's value only when it is known."""
        if isinstance(right, Literal):
            fault = pattern_fault(right.value)
            if fault is not None:
                self._fail(fault, right.span)
        elif not isinstance(right, Name):
            self._fail("'matches' takes a pattern in quotes", right.span)

    # -- mistakes

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST_NESTING:
            self._fail(f"brackets stand more than {DEEPEST_NESTING} deep", self._next.span)

    def _fail_at_rest(self) -> NoReturn:
        token = self._next
        hint = "expressions compare with == != < <= > >= in matches, and join with and, or, not"
        self._fail(f"an operator is missing before {token.text!r}", token.span, hint)

    def _fail(self, message: str, span: Span, hint: str | None = None) -> NoReturn:
        if self._source is None:
            shown = Mistake(f"{message} in {self._text[:120]!r}", hint=hint)
        else:
            shown = self._source.inside(self._text, span.start, span.end).mistake(message, hint)
        raise ProfileError([shown])

    @staticmethod
    def _around(nodes: list[Node]) -> Span:
        return Span(nodes[0].span.start, nodes[-1].span.end)


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], _kept(found)), text[1:-1], flags=re.DOTALL)


def _kept(found: re.Match[str]) -> str:
    """`\\"` is a quote and `\\\\` a backslash; before other letters the backslash stays, for patterns."""
    return found[1] if found[1] in "\"'\\" else found[0]
