"""The expression of -k: words that a scenario's id, title or tags hold, joined by and, or, not and brackets.

As in pytest, a word matches anywhere in the text and case doesn't matter. Words side by side must all be there.
A word in quotes is taken as it is, blanks and all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pynomaly_itest.errors import UsageError

Matcher: TypeAlias = Callable[[str], bool]
"""Whether a lower-case text is meant."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<bracket>[()])|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>[^\s()"']+))"""
)
_JOINERS = ("and", "or", "not")
_DEEPEST = 30
_HINT = 'as in pytest: -k "upload and not (csv or slow)"'


@dataclass(frozen=True)
class _Token:
    """`literal`: a word to look for; otherwise a bracket or a joiner."""

    text: str
    literal: bool


def parse_words(text: str) -> Matcher:
    """What `text` asks of a scenario's words; raises UsageError where it is no expression."""
    parser = _Parser(text, _tokens(text))
    matcher = parser.either(0)
    if parser.here is not None:
        raise parser.wrong(f"{parser.here.text!r} has no '(' before it")
    return matcher


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise UsageError(f"-k {text!r}: a quote is not closed", hint=_HINT)
        at = match.end()
        quoted = match["double"] if match["double"] is not None else match["single"]
        word = quoted if quoted is not None else match["bracket"] or match["word"]
        joins = quoted is None and (bool(match["bracket"]) or word.lower() in _JOINERS)
        found.append(_Token(word.lower(), not joins))
    return found


@dataclass
class _Parser:
    text: str
    tokens: list[_Token]
    at: int = 0

    @property
    def here(self) -> _Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def wrong(self, why: str) -> UsageError:
        return UsageError(f"-k {self.text!r}: {why}", hint=_HINT)

    def _takes(self, text: str) -> bool:
        """Step over this joiner or bracket, if it is what comes next."""
        if self.here is None or self.here.literal or self.here.text != text:
            return False
        self.at += 1
        return True

    def either(self, depth: int) -> Matcher:
        terms = [self._both(depth)]
        while self._takes("or"):
            terms.append(self._both(depth))
        return lambda text: any(term(text) for term in terms)

    def _both(self, depth: int) -> Matcher:
        terms = [self._one(depth)]
        while self._takes("and") or self._goes_on():
            terms.append(self._one(depth))
        return lambda text: all(term(text) for term in terms)

    def _goes_on(self) -> bool:
        """Whether another word follows without a joiner."""
        return self.here is not None and (self.here.literal or self.here.text in ("(", "not"))

    def _one(self, depth: int) -> Matcher:
        if depth > _DEEPEST:
            raise self.wrong("it is nested too deeply")
        if self._takes("not"):
            term = self._one(depth + 1)
            return lambda text: not term(text)
        if self._takes("("):
            inner = self.either(depth + 1)
            if not self._takes(")"):
                raise self.wrong("a '(' is not closed")
            return inner
        token = self.here
        if token is None or not token.literal:
            what = "it ends too early" if token is None else f"a word is expected before {token.text!r}"
            raise self.wrong(what)
        self.at += 1
        return lambda text: token.text in text
