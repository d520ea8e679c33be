"""`${{ … }}` in step configs: a typed look-up in the grammar of expressions, not a template language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pynomaly_itest.errors import Mistake, ProfileError
from pynomaly_itest.profile.expression.evaluator import Lookup, evaluate
from pynomaly_itest.profile.expression.nodes import Expression
from pynomaly_itest.profile.expression.parser import parse
from pynomaly_itest.profile.source import Source

_OPENING = "${{"
_INNER = re.compile(r"(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|(?!\}\}).)*", re.DOTALL)


@dataclass(frozen=True)
class Template:
    """One `${{ … }}`: what is asked for, and which characters of the text it stands for."""

    expression: Expression
    start: int
    end: int


def has_template(value: Any) -> bool:
    """Whether a look-up stands anywhere in this (nested) value."""
    if isinstance(value, str):
        return _OPENING in value
    if isinstance(value, Mapping):
        return any(has_template(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(has_template(item) for item in value)
    return False


def templates(text: str, source: Source | None = None) -> tuple[Template, ...]:
    """The look-ups of a text, in order. Raises ProfileError where one is never closed or is no expression."""
    found: list[Template] = []
    position = 0
    while (start := text.find(_OPENING, position)) >= 0:
        inner = _INNER.match(text, start + len(_OPENING))
        if inner is None or not text.startswith("}}", inner.end()):
            raise ProfileError([_unclosed(text, start, source)])
        written = inner[0].strip()
        first = inner.start() + len(inner[0]) - len(inner[0].lstrip())
        place = source.inside(text, first, first + len(written)) if source else None
        position = inner.end() + 2
        found.append(Template(parse(written, place), start, position))
    return tuple(found)


def resolve(config: Any, lookup: Lookup) -> Any:
    """The config with every look-up replaced by its value, in nested mappings and lists.

    A text that is one look-up takes the value's own type; look-ups inside a longer text become text. Of what was
    measured it is the number, so that one step can be told what another found: `3 x ${{ before.rate }}`. Raises
    what `evaluate` raises.
    """
    if isinstance(config, str):
        return _resolve_text(config, lookup) if _OPENING in config else config
    if isinstance(config, Mapping):
        return {key: resolve(value, lookup) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [resolve(value, lookup) for value in config]
    return config


def _resolve_text(text: str, lookup: Lookup) -> Any:
    found = templates(text)
    if len(found) == 1 and (found[0].start, found[0].end) == (0, len(text)):
        return _as_number(evaluate(found[0].expression, lookup))
    pieces: list[str] = []
    position = 0
    for template in found:
        pieces += [text[position : template.start], _as_text(evaluate(template.expression, lookup))]
        position = template.end
    return "".join([*pieces, text[position:]])


def _as_number(value: Any) -> Any:
    """What was measured without its interval; anything else as it is."""
    from pynomaly_itest.measure import Estimate

    return value.value if isinstance(value, Estimate) else value


def _as_text(value: Any) -> str:
    """As YAML and JSON write it: `true`, not Python's `True`."""
    value = _as_number(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _unclosed(text: str, start: int, source: Source | None) -> Mistake:
    message, hint = "this look-up is never closed", "it ends with '}}'"
    if source is None:
        return Mistake(f"{message} in {text[:120]!r}", hint=hint)
    return source.inside(text, start, len(text)).mistake(message, hint)
