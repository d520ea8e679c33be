"""Secrets are taken out of everything before it is written: by value, and by the names that hold secrets.

By value catches a secret wherever a target echoes it, also in its base64, URL-encoded and JSON-escaped
forms; by structure catches secrets that nobody told us of (a `Set-Cookie`, a token in a reply).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "[redacted]"

_SECRET_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "x-auth-token",
        "www-authenticate",
    }
)
_SENSITIVE_NAME = (
    r"[\w-]*(?:password|passwd|secret|token|credential|(?:api|access|private|subscription)[_-]?key)[\w-]*"
)
_HOLDS_SECRET = re.compile(_SENSITIVE_NAME, re.IGNORECASE)
_QUOTED = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_JSON_SECRET = re.compile(rf"""(["']({_SENSITIVE_NAME})["']\s*:\s*){_QUOTED}""", re.IGNORECASE)
_FORM_SECRET = re.compile(rf"((?:^|[&?\s.]){_SENSITIVE_NAME}=)[^&\s]*", re.IGNORECASE)
_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
_URL_USERINFO = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@\"']+@", re.IGNORECASE)
_SHORTEST_SECRET = 4
_NO_SECRETS = frozenset({"token_type", "csrf_token_name"})


class Redactor:
    """Hides the secrets it was told of, and what looks like one. repr shows how many it knows, never which."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.learn(secret)

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"

    def learn(self, secret: str | None) -> None:
        """Hide `secret` from now on; values too short to be secrets are not learnt (they'd blank out the log)."""
        if not secret or len(secret) < _SHORTEST_SECRET:
            return
        raw = secret.encode()
        encoded = base64.b64encode(raw).decode()
        self._forms |= {
            secret,
            encoded,
            encoded.rstrip("="),
            base64.urlsafe_b64encode(raw).decode().rstrip("="),
            quote(secret, safe=""),
            quote_plus(secret),
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
        }
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def values(self, text: str) -> str:
        """`text` without the values of known secrets: safe on anything, encoded JSON too."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

    def text(self, text: str) -> str:
        """`text` of a request, a reply or a log without secrets, by value and by the names that hold them."""
        text = _JSON_SECRET.sub(_keep_harmless, text)
        text = _FORM_SECRET.sub(rf"\g<1>{HIDDEN}", text)
        text = _URL_USERINFO.sub(rf"\g<1>{HIDDEN}@", text)
        return self.values(_JWT.sub(HIDDEN, text))

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers with secret ones blanked."""
        return {
            name: HIDDEN if name.lower() in _SECRET_HEADERS or holds_secret(name) else self.text(value)
            for name, value in headers.items()
        }


def _keep_harmless(match: re.Match[str]) -> str:
    return f'{match[1]}"{HIDDEN}"' if holds_secret(match[2]) else match[0]


def holds_secret(name: str) -> bool:
    """Whether what stands under this name is nobody's business (`access_token`, `X-Api-Key`)."""
    return name.lower() not in _NO_SECRETS and _HOLDS_SECRET.fullmatch(name) is not None


def secrets_in(values: Mapping[str, Any]) -> Iterator[str]:
    """The texts that stand under such names, however deep."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from secrets_in(value)
        elif isinstance(value, str) and holds_secret(str(name)):
            yield value
