"""Text from outside, made safe to keep in a log: no line breaks, no hidden characters, no credentials, no
length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from pynomaly.domain.audit import Detail

_MAX_LENGTH = 512
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_CREDENTIAL = re.compile(r"eyJ[\w-]*\.[\w-]+(\.[\w-]*)?|pyn_[0-9a-f]{16}_[0-9a-f]+", re.ASCII)
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)|secret|authorization|cookie|credential|totp|(^|[_-])token$|api[_-]?key$",
    re.IGNORECASE,
)
_REDACTED = "[redacted]"


def legible(text: str) -> str:
    """The text with control, direction and separator characters as `\\uXXXX`, credentials removed, cut at
    512.
    """
    cut = text[:_MAX_LENGTH]
    if not cut.isascii() or not cut.isprintable():
        cut = "".join(_escaped(character) for character in cut)
    return _CREDENTIAL.sub(_REDACTED, cut)[: 2 * _MAX_LENGTH]


def legible_details(details: Mapping[str, Detail] | None) -> dict[str, Detail]:
    """The same for each value; what is named like a secret is redacted whatever it holds."""
    return {legible(str(name)): _value(str(name), value) for name, value in (details or {}).items()}


def _value(name: str, value: Detail) -> Detail:
    if _SECRET_NAME.search(name):
        return _REDACTED
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**53:  # beyond that, JSON readers disagree
        return int(value)
    return legible(str(value))


def _escaped(character: str) -> str:
    is_hidden = unicodedata.category(character) in _HIDDEN
    return f"\\u{ord(character):04x}" if is_hidden else character
