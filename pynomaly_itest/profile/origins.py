"""Where each effective value came from, for `run --dry-run`; what may hold a password is not shown."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from pynomaly_itest.profile.model import Origin
from pynomaly_itest.profile.settings import Setting

_SECRET_WORDS = ("password", "secret", "token", "key")


def describe(settings: Mapping[str, Setting], prefix: str = "") -> list[Origin]:
    """One line a setting, in the order of their names."""
    return [
        Origin(f"{prefix}{name}", _shown(name, setting.value), setting.origin)
        for name, setting in sorted(settings.items())
        if setting.value is not None
    ]


def _shown(name: str, value: object) -> object:
    if any(word in name.lower() for word in _SECRET_WORDS):
        return "***"
    return _without_password(value) if isinstance(value, str) and "://" in value else value


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
        if parts.password is None and not parts.query:
            return url
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "***"
    user = f"{parts.username}:***@" if parts.username or parts.password else ""
    return parts._replace(netloc=user + host, query="***" if parts.query else "").geturl()
