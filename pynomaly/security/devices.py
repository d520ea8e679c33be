"""Tokens by which a device shows that its owner has logged in from it before. They open nothing: they only say under
what its failed logins are counted.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from pynomaly.security.foundation import Clock
from pynomaly.security.settings import Key, SecuritySettings

_LIFETIME_S = 180 * 86_400
_SHAPE = re.compile(r"([0-9a-f]{1,12})\.([0-9a-f]{24})\.([0-9a-f]{64})", re.ASCII)


class Devices:
    """Issues and recognises device tokens; keeps nothing."""

    def __init__(self, settings: SecuritySettings, clock: Clock) -> None:
        self._keys = settings.derived_keys("devices")
        self._clock = clock

    def issue(self, user_id: str) -> str:
        """A token for one more device of that user."""
        issued_at, device = f"{int(self._clock()):x}", secrets.token_hex(12)
        return f"{issued_at}.{device}.{_mac(self._keys[0], user_id, issued_at, device)}"

    def recognised(self, token: str, user_id: str) -> str | None:
        """The device that the token is of, provided it is that user's and not too old."""
        shape = _SHAPE.fullmatch(token)
        if shape is None:
            return None
        issued_at, device, mac = shape.groups()
        is_ours = any(hmac.compare_digest(_mac(key, user_id, issued_at, device), mac) for key in self._keys)
        return device if is_ours and self._clock() - int(issued_at, 16) < _LIFETIME_S else None


def _mac(key: Key, user_id: str, issued_at: str, device: str) -> str:
    return hmac.digest(key.secret, f"{user_id}|{issued_at}|{device}".encode(), hashlib.sha256).hex()
